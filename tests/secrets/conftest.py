"""Secrets Manager to test against: the real emulator, and a small server that fails as it is told to."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from access_keys import of_environment

from fastlambda_cli.local.aws.local_aws import LocalAws

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
LEFT_OVER = (
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    "_X_AMZN_TRACE_ID",
)


@pytest.fixture(autouse=True)
def function_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment variables of a function, and none that this machine may have."""
    for name in LEFT_OVER:
        monkeypatch.delenv(name, raising=False)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Tests")
    return monkeypatch


@dataclass
class ScriptedSecretsManager:
    """Answers GetSecretValue from a script on a real socket: outages cannot be ordered from the emulator.

    `script` holds the next answers as (HTTP status, body); when it is empty, `versions` answers by stage.
    """

    url: str
    versions: dict[str, str] = field(default_factory=dict)
    script: deque[tuple[int, object]] = field(default_factory=deque)
    requests: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    """Answers wait for it; it is set unless a test clears it."""
    reached: threading.Event = field(default_factory=threading.Event)
    """Set by each request as it arrives."""

    def answer(self, request: dict[str, str]) -> tuple[int, object]:
        if self.script:
            return self.script.popleft()
        value = self.versions.get(request["VersionStage"])
        if value is None:
            return 400, {"__type": "ResourceNotFoundException", "Message": "can't find the specified secret value"}
        return 200, {"Name": request["SecretId"], "SecretString": value}


@pytest.fixture
def scripted(function_environment: pytest.MonkeyPatch) -> Iterator[ScriptedSecretsManager]:
    """A scripted Secrets Manager that the environment's endpoint points to."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            service.requests.append(request)
            service.headers.append({name.lower(): value for name, value in self.headers.items()})
            service.reached.set()
            service.gate.wait()
            status, answer = service.answer(request)
            body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a test's output is its own."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        service = ScriptedSecretsManager(f"http://127.0.0.1:{server.server_port}")
        service.gate.set()
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        function_environment.setenv("AWS_ENDPOINT_URL", service.url)
        function_environment.setenv("APP_SECRET_ARN", "arn:aws:secretsmanager:eu-west-1:000000000000:secret:app-AbCdEf")
        yield service
        service.gate.set()
        server.shutdown()
        thread.join()


@dataclass
class Clock:
    """A clock that only a test moves; seconds."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A running local AWS."""
    ready: asyncio.Queue[LocalAws] = asyncio.Queue()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()

    async def run() -> None:
        async with LocalAws(tmp_path_factory.mktemp("aws"), lambda _: None, port=0) as aws:
            ready.put_nowait(aws)
            await over.wait()

    def serve() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(run())

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(ready.get(), loop).result(timeout=90)
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()


@pytest.fixture
def secrets_manager(local_aws: LocalAws, function_environment: pytest.MonkeyPatch) -> Iterator[Any]:
    """A boto3 client of the local AWS, which the environment's endpoint points to as well."""
    function_environment.setenv("AWS_ENDPOINT_URL", local_aws.endpoint_url)
    for name, value in of_environment(local_aws.keys).items():
        function_environment.setenv(name, value)
    function_environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("secretsmanager")
    yield client
    client.close()
