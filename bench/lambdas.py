"""The local Lambdas that `invoke.py` compares, each as its user would start it: ours, AWS's and ministack's.

Run by itself it is ours: the local AWS of `fastlambda dev`, with its functions run from their folders.

    python lambdas.py FOLDER CONCURRENCY
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import boto3
from clients import Asked
from init import print_notice
from requested import http_event
from uv import find_uv_bin

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws import LocalAws
from fastlambda_cli.local.aws.toolchain import emulator_python
from fastlambda_cli.local.event_loop import attentive_loop
from fastlambda_cli.local.function import FunctionSpec, LambdaFunction
from fastlambda_cli.local.model import TelemetryEvent, local_arn
from fastlambda_cli.local.packages import prepare
from fastlambda_cli.local.processes import ProcessRegistry
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.variables import destination_arns, function_variables

BOOKS = Path(__file__).parents[1] / "examples" / "books"
SAM = "aws-sam-cli==1.170.0"
"""The wheel that brings AWS's runtime interface emulator."""

NOOP = "def handler(event, context):\n    return None\n"
EVENTS = {"noop": b"{}", "books": json.dumps(http_event("/api/v1/books")).encode()}
_PATIENCE_S = 60.0


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listening(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process listens."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)
    raise SystemExit(f"{process.args!r} does not listen")


@contextlib.contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """End a process, and what it started, with the block."""
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


# Ours.


@dataclasses.dataclass(frozen=True, slots=True)
class Ours:
    """Our local AWS.

    Attributes:
        process: It, without the emulator and the functions, which are its children.
        url: Its endpoint.
        specs: The functions that it runs.
        keys: What requests to it are signed with.

    """

    process: subprocess.Popen[bytes]
    url: str
    specs: Mapping[str, FunctionSpec]
    keys: Keys

    def asked(self, name: str, environments: int) -> Sequence[Asked]:
        """What this many clients ask a function."""
        return [Asked(f"{self.url}/2015-03-31/functions/{name}/invocations", EVENTS[name], self.keys)] * environments


@contextlib.contextmanager
def ours(folder: Path, environments: int) -> Iterator[Ours]:
    """Run ours in a process of its own."""
    command = [sys.executable, __file__, str(folder), str(environments)]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)) as process:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        said = json.loads(process.stdout.readline() or "null")
        if said is None:
            raise SystemExit("Our local AWS did not start")
        yield Ours(
            process, said["url"], {name: _spec(fields) for name, fields in said["specs"].items()}, Keys(**said["keys"])
        )


def _spec(fields: Mapping[str, object]) -> FunctionSpec:
    paths = {name: Path(str(fields[name])) for name in ("task_root", "packages", "runtime_dir", "python")}
    keys = Keys(**fields["keys"])  # type: ignore[arg-type]
    return FunctionSpec(**{**fields, **paths, "keys": keys})  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def functions(folder: Path, aws: LocalAws) -> AsyncIterator[Mapping[str, FunctionSpec]]:
    """A no-op and the books service."""
    service = load_service(BOOKS)
    importable = await prepare(service, folder, lambda event: print(getattr(event, "text", ""), file=sys.stderr))
    arns = await aws.ensure_secrets(service, service.name)
    destinations = destination_arns(service, service.name, local_arn)
    root, noop = folder / "task", folder / "noop"
    shutil.copytree(BOOKS, root, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests"))
    noop.mkdir()
    (noop / "app.py").write_text(NOOP, encoding="utf-8")
    books = FunctionSpec(
        name="books",
        handler="lambda_handler.handler",
        task_root=root,
        packages=importable.packages,
        runtime_dir=importable.runtime_dir,
        python=importable.python,
        runtime=importable.runtime,
        memory_mb=1024,
        timeout=30,
        endpoint_url=aws.endpoint_url,
        keys=aws.function_keys("books"),
        xray_address=aws.xray_address,
        variables={
            **function_variables(service, service.name, arns, destinations),
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder}/books.db",
        },
    )
    changed = {"name": "noop", "handler": "app.handler", "task_root": noop, "packages": noop, "variables": {}}
    yield {"books": books, "noop": dataclasses.replace(books, **changed)}  # type: ignore[arg-type]


async def serve(folder: Path, concurrency: int) -> None:
    """Run ours until SIGTERM."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    async with LocalAws(folder / "aws", _warnings, port=0) as aws, functions(folder, aws) as specs:
        registry = ProcessRegistry(folder / "processes")
        run = [
            LambdaFunction(each, registry=registry, sink=aws.sink, concurrency=concurrency) for each in specs.values()
        ]
        for function in run:
            aws.register(function.spec.name, function.invoke, begin=function.begin)
        said = {name: dataclasses.asdict(spec) for name, spec in specs.items()}
        described = {"url": aws.endpoint_url, "specs": said, "keys": dataclasses.asdict(aws.keys)}
        print(json.dumps(described, default=str), flush=True)
        await over.wait()
        await asyncio.gather(*(function.close() for function in run))


def _warnings(event: TelemetryEvent) -> None:
    if getattr(event, "warning", False):
        print_notice(event)


# AWS's own.


@contextlib.contextmanager
def runtime_interface_emulator() -> Iterator[Path]:
    """The program, out of the wheel of the AWS SAM CLI; the wheel stays in uv's cache."""
    with tempfile.TemporaryDirectory() as folder:
        command = [find_uv_bin(), "pip", "install", "-q", "--no-deps", "--target", folder, SAM]
        subprocess.run(command, check=True)
        machine = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
        yield Path(folder) / "samcli" / "local" / "rapid" / f"aws-lambda-rie-{machine}"


@contextlib.contextmanager
def emulated(program: Path, spec: FunctionSpec, environments: int) -> Iterator[Sequence[Asked]]:
    """Run a function under AWS's runtime interface emulator, one for each environment: it never has two."""
    with contextlib.ExitStack() as stack:
        asked = []
        for _ in range(environments):
            port, runtime_api = free_port(), f"127.0.0.1:{free_port()}"
            addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
            command = [program, *addresses, "--runtime-api-address", runtime_api, *spec.command]
            process = subprocess.Popen(
                command,
                env=spec.environment(runtime_api, spec.new_log_stream()),
                cwd=spec.task_root,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            stack.enter_context(ended(process))
            listening(port, process)
            url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
            asked.append(Asked(url, EVENTS[spec.name]))
        yield asked


# ministack's.


@contextlib.contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """Run the pinned emulator alone, as its own command would; yield a function's URL."""
    python = asyncio.run(emulator_python(print_notice))
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
    }
    command = [str(python), "-m", "ministack"]
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True)
    with ended(process):
        listening(port, process)
        url = f"http://127.0.0.1:{port}"
        client = boto3.client(
            "lambda",
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106
        )
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("app.py", NOOP)
        client.create_function(
            FunctionName="noop",
            Runtime=f"python{sys.version_info.major}.{sys.version_info.minor}",
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/bench",
            Code={"ZipFile": buffer.getvalue()},
            Timeout=30,
        )
        client.get_waiter("function_active_v2").wait(FunctionName="noop")
        client.close()
        yield f"{url}/2015-03-31/functions/noop/invocations"


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=attentive_loop) as runner:  # as `dev` does
        runner.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
