"""The local cloud of one service: everything started, connected, kept up to date, and ended together."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from fastlambda_cli.artifact.installation import remove_others
from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import ConfigurationError, FastLambdaError
from fastlambda_cli.local.aws import LocalAws, Running
from fastlambda_cli.local.folder_functions import FolderFunctions
from fastlambda_cli.local.function import FunctionSpec, LambdaFunction
from fastlambda_cli.local.guardian import guarded
from fastlambda_cli.local.http import LABEL, one_route, serve_http_api
from fastlambda_cli.local.http.cors import Cors
from fastlambda_cli.local.http.jwt_authorizer import JwtAuthorizer
from fastlambda_cli.local.http.throttling import Limits
from fastlambda_cli.local.model import Invocation, InvokeResult, Notice, Sink, local_arn
from fastlambda_cli.local.packages import Importable, prepare
from fastlambda_cli.local.ports import listen
from fastlambda_cli.local.processes import ProcessRegistry
from fastlambda_cli.local.session import STATE, Session, exclusive, recorded
from fastlambda_cli.local.watch import Watch, concerns_packages, watched
from fastlambda_cli.service.consumption import declared_events
from fastlambda_cli.service.functions import Function, function_name
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Service
from fastlambda_cli.service.project import PYPROJECT
from fastlambda_cli.service.stages import DEFAULT_STAGE, stack_name
from fastlambda_cli.service.variables import destination_arns, function_variables

_LIVE = "live"
"""The alias behind which a stack has its function."""

_NAMED = 3
"""How many saved files are named."""


class LocalCloud:
    """Runs a service as AWS would; `async with` starts it, and its end ends everything it started.

    Args:
        service: What to run, as loaded for the stage.
        sink: Is told everything that happens.
        stage: The stage whose place the service's folder takes: its function, secrets and stack have the stage's names.
        http_port: Where the HTTP API listens; 0 for any free port.
        aws_port: Where AWS SDKs find AWS; 0 for any free port.
        described: Is told the service once everything runs, and whenever it has been read anew.

    Attributes:
        http_url: The HTTP API's URL, once started.
        endpoint_url: The AWS endpoint's URL, once started.

    Raises:
        FastLambdaError: On entering, when something that is needed cannot be had; nothing is left running then.

    """

    def __init__(
        self,
        service: Service,
        sink: Sink,
        *,
        stage: str = DEFAULT_STAGE,
        http_port: int = 8000,
        aws_port: int = 4566,
        described: Callable[[Service], None] = lambda _: None,
    ) -> None:
        self.service = service
        self.stage = stage
        self.http_url = ""
        self.endpoint_url = ""
        self._sink = sink
        self._http_port = http_port
        self._aws_port = aws_port
        self._described = described
        self._state = service.root / STATE
        self._stack = AsyncExitStack()
        self._watch: Watch
        self._functions: FolderFunctions
        self._aws: LocalAws

    async def __aenter__(self) -> Self:
        """Start everything and begin INIT of a first environment."""
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything, in the reverse order of its start."""
        await self._stack.aclose()

    @property
    def keys(self) -> Keys:
        """What requests to the AWS endpoint are signed with, once started."""
        return self._aws.keys

    @property
    def function_name(self) -> str:
        """The name that the function has in the stage's stack."""
        return stack_name(self.service.name, self.stage)

    async def assume_roles(self) -> None:
        """Have the functions do only what their roles in the stage's stack allow, which is up to date.

        Until then, and again from when a changed service is read, they may do everything.

        Raises:
            EmulatorError: A role cannot be assumed, or the emulator does not answer.

        """
        await self._aws.assume_roles(self._function_names())

    async def follow(self) -> None:
        """Replace the environments after every save, until cancelled; a save that is wrong is told and waited out."""
        while True:
            changed = await self._watch.saves()
            try:
                await self._take(changed)
            except FastLambdaError as error:
                self._sink(Notice(f"{error.in_one_line()} Until then the service runs as it was.", warning=True))

    async def _start(self, stack: AsyncExitStack) -> None:
        stack.enter_context(exclusive(self._state))
        # Before anything of the service is installed or imported: what is saved meanwhile is taken over once it runs.
        self._watch = await stack.enter_async_context(Watch())
        await self._watch.add(watched(self.service))
        # A taken port is known before anything is installed, and early clients wait instead of being refused.
        listener = stack.enter_context(listen(self._http_port, label=LABEL, option="--port"))
        registry = ProcessRegistry(self._state / "processes")
        strays = registry.end_strays()
        if strays:
            what = "a process" if strays == 1 else f"{strays} processes"
            self._sink(Notice(f"Ended {what} that an earlier run had to leave behind", warning=True))
        stack.enter_context(guarded(self._state / "processes"))
        concurrency = self.service.configuration.local.concurrency
        numbers = itertools.count(1)
        running = Running(
            concurrency=concurrency,
            account_concurrency=self.service.configuration.local.account_concurrency,
            numbers=numbers,
            own_files=self.service.configuration.local.own_files,
        )
        self._aws = LocalAws(self._state / "aws", self._sink, port=self._aws_port, running=running)
        # The packages and the emulator need nothing of each other, and both take their time on a first start.
        async with _together() as group:
            packages = group.create_task(prepare(self.service, self._state, self._sink))
            secrets = group.create_task(self._start_aws(stack))

        if self._aws.files_obstacle:
            self._sink(Notice(_shared(self._aws.files_obstacle), warning=True))

        def make(spec: FunctionSpec, limit: int) -> LambdaFunction:
            return LambdaFunction(spec, registry=registry, sink=self._aws.sink, concurrency=limit, numbers=numbers)

        self._functions = FolderFunctions(self._aws, make)
        stack.push_async_callback(self._functions.close)
        self._functions.describe(self._specs(packages.result(), secrets.result()), concurrency)
        router = one_route(
            self._invoke_from_http,
            cors=lambda: Cors.configured(self.service.configuration.http.cors),
            authorize=self._authorizer,
            limits=self._limits,
        )
        served = await stack.enter_async_context(serve_http_api(router, self._aws.sink, listener=listener))
        self.http_url = served.url
        remove_others(packages.result().packages)
        stack.enter_context(recorded(self._state, Session(self.stage, self.endpoint_url, self.http_url)))
        self._described(self.service)

    def _authorizer(self) -> JwtAuthorizer | None:
        """Who decides about requests to the service's own port, as the configuration is now."""
        spec = self.service.configuration.http.authorizer
        return JwtAuthorizer(self._aws.issuers, spec.issuer, spec.audience, spec.scopes) if spec else None

    def _limits(self) -> Limits | None:
        """How many requests may reach the service's own port."""
        spec = self.service.configuration.http.throttling
        return Limits(spec.rate, spec.burst) if spec else None

    async def _start_aws(self, stack: AsyncExitStack) -> Mapping[str, str]:
        await stack.enter_async_context(self._aws)
        self.endpoint_url = self._aws.endpoint_url
        return await self._aws.ensure_secrets(self.service, self.function_name)

    async def _invoke_from_http(self, invocation: Invocation) -> InvokeResult:
        called = invocation._replace(source="http")
        return await self._aws.invoke(self.function_name, _LIVE, called)

    async def _take(self, changed: frozenset[Path]) -> None:
        names = sorted(os.path.relpath(path, self.service.root) for path in changed)
        saved = Notice(f"Saved {', '.join(names[:_NAMED])}{' ...' if len(names) > _NAMED else ''}")
        unreadable: FastLambdaError | None = None
        anew = concerns_packages(self.service, changed)
        try:
            anew = anew or await asyncio.to_thread(self._declares_otherwise)
        except FastLambdaError as error:
            unreadable = error
        finally:
            # Not before: whoever reads it meets the new code with the next request.
            self._sink(saved)
        if unreadable is not None:
            # New environments would import what was saved in any case, and so all do.
            self._functions.restart()
            text = f"{unreadable.in_one_line()} Until then its events stay as they were."
            self._sink(Notice(text, warning=True))
        elif anew:
            await self._reload()
        else:
            self._functions.restart()

    def _declares_otherwise(self) -> bool:
        """Whether the code declares other events than when the service was read."""
        root, configuration = self.service.root, self.service.configuration
        declared = declared_events(root, configuration, root / PYPROJECT)
        return (declared.consumed, declared.published) != (self.service.events, self.service.destinations)

    async def _reload(self) -> None:
        """Read the service anew; when anything is wrong with it, everything stays as it was."""
        service = await asyncio.to_thread(load_service, self.service.root, stage=self.stage)
        await self._watch.add(watched(service))
        importable = await prepare(service, self._state, self._sink)
        name = stack_name(service.name, self.stage)
        variables = await self._aws.ensure_secrets(service, name)
        if service.name != self.service.name:
            self._functions.forget()
        self.service = service
        self._aws.leave_roles(self._function_names())
        self._functions.describe(self._specs(importable, variables), service.configuration.local.concurrency)
        self._described(service)

    def _specs(self, importable: Importable, secret_arns: Mapping[str, str]) -> list[FunctionSpec]:
        """Every function of the service, the one that answers HTTP first."""
        return [self._spec(function, importable, secret_arns) for function in self.service.functions]

    def _function_names(self) -> list[str]:
        return [function_name(self.function_name, function.name) for function in self.service.functions]

    def _spec(self, function: Function, importable: Importable, secret_arns: Mapping[str, str]) -> FunctionSpec:
        configuration = self.service.configuration
        name = function_name(self.function_name, function.name)
        return FunctionSpec(
            name=name,
            handler=configuration.handler,
            task_root=self.service.root,
            packages=importable.packages,
            runtime_dir=importable.runtime_dir,
            python=importable.python,
            runtime=importable.runtime,
            memory_mb=function.memory,
            timeout=function.timeout,
            ephemeral_storage_mb=configuration.ephemeral_storage,
            own_files=self._aws.own_files and configuration.local.own_files,
            writable=self._writable(),
            endpoint_url=self.endpoint_url,
            xray_address=self._aws.xray_address,
            keys=self._aws.function_keys(name),
            log_level=configuration.log_level,
            reserved=function.reserved,
            variables=function_variables(
                self.service,
                self.function_name,
                secret_arns,
                destination_arns(self.service, self.function_name, local_arn),
                function.environment,
            ),
        )

    def _writable(self) -> tuple[Path, ...]:
        """The folders that functions may write besides /tmp; those that are not there are made."""
        folders = tuple(self.service.root / name for name in self.service.configuration.local.writable)
        for folder in folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as problem:
                raise ConfigurationError(
                    f"The folder {folder} of local.writable cannot be made",
                    why=str(problem),
                    remedy="Name a folder in [tool.fastlambda.local] that is there, or that can be made.",
                ) from problem
        return folders


def _shared(obstacle: str) -> str:
    text = "Functions share this machine's files, where Lambda's are read-only but for /tmp"
    return f"{text}: this machine gives them none of their own ({obstacle}). `fastlambda doctor` says more"


@asynccontextmanager
async def _together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group that raises the first failure itself, where TaskGroup raises a group of them."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from failures
