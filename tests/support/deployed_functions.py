"""A local AWS that functions are deployed into, through boto3 and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import json
import sys
import textwrap
import zipfile
from dataclasses import dataclass, field
from typing import Any

import boto3
from access_keys import of_boto3
from background import PATIENCE_S, in_background
from botocore.config import Config

from fastlambda_cli.local.aws import LocalAws, RetryPolicy, Running

RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ROLE = "arn:aws:iam::000000000000:role/books"
"""Of a role that may do everything."""

WHICH_VERSION = """
    def handler(event, context):
        return {"answer": %r, "version": context.function_version, "arn": context.invoked_function_arn}
"""


def package(source: str, **files: str) -> bytes:
    """A deployment package: `app.py`, and other files by their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("app.py", textwrap.dedent(source))
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@dataclass
class Aws:
    """The local AWS; `told` is everything its sink was told, `drawn` what aliases with weights draw next."""

    aws: LocalAws
    loop: asyncio.AbstractEventLoop
    told: list[Any]
    drawn: list[float] = field(default_factory=list)
    clients: dict[str, Any] = field(default_factory=dict)
    names: Any = field(default_factory=lambda: (f"books-{number}" for number in itertools.count()))

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = boto3.client(
                service,
                endpoint_url=self.aws.endpoint_url,
                region_name="us-east-1",
                **of_boto3(self.aws.keys),
                config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
            )
        return self.clients[service]

    def run(self, awaitable: Any) -> Any:
        """Run a coroutine where the local AWS runs."""
        return asyncio.run_coroutine_threadsafe(awaitable, self.loop).result(PATIENCE_S)

    @property
    def lambda_(self) -> Any:
        return self.client("lambda")

    def role(self, *allowed: tuple[str, str], name: str = "", service: str = "lambda.amazonaws.com") -> str:
        """Make a role that a service may assume; it may do these actions on these resources. Its ARN."""
        name = name or f"role-of-{next(self.names)}"
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
        statements = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in allowed]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            self.client("iam").put_role_policy(RoleName=name, PolicyName="allowed", PolicyDocument=document)
        return role["Role"]["Arn"]

    def create(self, source: str, **configuration: Any) -> str:
        """Create a function of a name of its own; it can be invoked at once."""
        name = next(self.names)
        settings = {"Runtime": RUNTIME, "Handler": "app.handler", "Role": ROLE, "Timeout": 10} | configuration
        code = settings.pop("Code", None) or {"ZipFile": package(source)}
        self.lambda_.create_function(FunctionName=name, Code=code, **settings)
        return name

    def update(self, name: str, source: str) -> str:
        """Put other code into a function and publish it."""
        self.lambda_.update_function_code(FunctionName=name, ZipFile=package(source))
        return self.lambda_.publish_version(FunctionName=name)["Version"]

    def invoke(self, name: str, event: Any = None, **parameters: Any) -> Any:
        """The answer of a function that succeeded."""
        answer = self.lambda_.invoke(FunctionName=name, Payload=json.dumps(event), **parameters)
        payload = json.load(answer["Payload"])
        assert "FunctionError" not in answer, payload
        return payload

    def heard(self, kind: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


@contextlib.contextmanager
def running(directory, **settings):
    """Run a local AWS in the background while the block runs; its functions and the tests share files."""
    told: list[Any] = []
    drawn: list[float] = []
    run = Running(choose=lambda: drawn.pop(0) if drawn else 0.999, **{"own_files": False} | settings)
    at_once = RetryPolicy(after_error_s=(0.0, 0.0), throttle_first_s=0.0)
    with in_background(directory, told.append, retries=at_once, running=run) as (local, loop):
        aws = Aws(local, loop, told, drawn)
        try:
            with contextlib.suppress(aws.client("iam").exceptions.EntityAlreadyExistsException):  # of an earlier start
                aws.role(("*", "*"), name=ROLE.rpartition("/")[2])
            yield aws
        finally:
            for client in aws.clients.values():
                client.close()
