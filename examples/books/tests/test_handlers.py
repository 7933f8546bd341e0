"""The two Lambda handlers, each in a process of its own with Lambda's environment variables and a Secrets Manager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from demo.token import main, minted

from .conftest import token, versioned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from demo.settings import AppSecrets

ROOT = Path(__file__).parents[1]
SECRETS = versioned("one!")
BOOKS = "/api/v1/books"

DRIVER = """
import importlib, json, sys
from types import SimpleNamespace

handler = importlib.import_module(sys.argv[1]).handler
context = SimpleNamespace(
    aws_request_id="8476a536-e9f4-11e8-9739-2dfe598c3fcd", function_name="fastapi-books", function_version="$LATEST",
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:fastapi-books", memory_limit_in_mb=1024,
    log_group_name="g", log_stream_name="s", identity=None, client_context=None,
    get_remaining_time_in_millis=lambda: 30000,
)
for line in sys.stdin:
    print("ANSWER " + json.dumps(handler(json.loads(line), context)), flush=True)
"""


def event(method: str, path: str, body: object = None, token: str | None = None) -> dict[str, Any]:
    """An HTTP API event, payload format 2.0."""
    headers = {"host": "api.example.com", "content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": headers,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            "domainName": "api.example.com",
            "domainPrefix": "api",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": False,
        **({} if body is None else {"body": json.dumps(body)}),
    }


@contextmanager
def secrets_manager_without(*stages: str) -> Iterator[str]:
    """The URL of a Secrets Manager that knows one secret, and is down for those who ask for one of these versions.

    It is EventBridge too, which takes every event.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if self.headers.get("x-amz-target") == "AWSEvents.PutEvents":
                self.answer(200, {"FailedEntryCount": 0, "Entries": [{"EventId": "e-1"}]})
                return
            shown = {name: value.get_secret_value() for name, value in SECRETS}
            self.answer(503 if request.get("VersionStage") in stages else 200, {"SecretString": json.dumps(shown)})

        def answer(self, status: int, fields: dict[str, Any]) -> None:
            body = json.dumps(fields).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def secrets_manager() -> Iterator[str]:
    with secrets_manager_without() as url:
        yield url


def environment(secrets_manager: str, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_FUNCTION_NAME": "fastapi-books",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": secrets_manager,
        "APP_SECRET_ARN": "arn:aws:secretsmanager:us-east-1:000000000000:secret:fastapi-books/app-AbCdEf",
        "DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'books.db'}",
        "FASTLAMBDA_EVENT_DESTINATIONS": '{"eventbridge:default": "arn:aws:events:us-east-1:0:event-bus/default"}',
        "LAMBDA_TASK_ROOT": str(ROOT),
        "POWERTOOLS_SERVICE_NAME": "fastapi-books",
        "POWERTOOLS_METRICS_NAMESPACE": "FastAPIBooks",
    }


@dataclass(frozen=True)
class Run:
    """What a handler answered to each event, and the JSON lines that it wrote."""

    answers: list[dict[str, Any]]
    lines: list[dict[str, Any]]


def run(module: str, environ: dict[str, str], events: list[dict[str, Any]]) -> Run:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", DRIVER, module],
        input="".join(json.dumps(each) + "\n" for each in events),
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
    marked = [line for line in done.stdout.splitlines() if line.startswith("ANSWER ")]
    written = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("{")]
    return Run([json.loads(line.removeprefix("ANSWER ")) for line in marked], [json.loads(line) for line in written])


@pytest.mark.parametrize("module", ["lambda_handler", "plain_handler"])
def test_the_books_are_served_by_either_handler(module: str, secrets_manager: str, tmp_path: Path) -> None:
    environ = environment(secrets_manager, tmp_path)
    book = {"title": "Dune", "author": "Frank Herbert", "year": 1965}
    [refused, created] = run(
        module, environ, [event("POST", BOOKS, book), event("POST", BOOKS, book, token(SECRETS))]
    ).answers
    assert refused["statusCode"] == 401
    assert created["statusCode"] == 201

    location = created["headers"]["location"]
    result = run(module, environ, [event("GET", location)])
    assert json.loads(result.answers[0]["body"]) == json.loads(created["body"])
    [fetching] = [line for line in result.lines if line.get("message") == "Fetching book"]
    assert fetching["book_id"] == location.rpartition("/")[2]
    assert fetching["service"] == "fastapi-books"


@pytest.mark.parametrize("module", ["lambda_handler", "plain_handler"])
def test_a_created_book_is_counted(module: str, secrets_manager: str, tmp_path: Path) -> None:
    book = {"title": "Dune", "author": "Frank Herbert", "year": 1965}
    result = run(module, environment(secrets_manager, tmp_path), [event("POST", BOOKS, book, token(SECRETS))])
    [document] = [line for line in result.lines if "BooksCreated" in line]
    assert document["BooksCreated"] == [1.0]
    assert document["service"] == "fastapi-books"
    assert document["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "FastAPIBooks"


def test_a_token_that_cannot_be_checked_while_secrets_manager_is_down_is_answered_503(tmp_path: Path) -> None:
    book = {"title": "Dune", "author": "Frank Herbert", "year": 1965}
    with secrets_manager_without("AWSPREVIOUS") as url:
        result = run(
            "lambda_handler",
            environment(url, tmp_path),
            [event("POST", BOOKS, book, token(versioned(key))) for key in ("old!", "one!")],
        )
    [unchecked, checked] = result.answers
    assert (unchecked["statusCode"], unchecked["headers"]["retry-after"]) == (503, "10")
    assert checked["statusCode"] == 201
    [line] = [line for line in result.lines if line.get("message") == "A secret cannot be read"]
    assert line["function_request_id"]


def mint(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo.token"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environ)  # noqa: S603


def test_the_token_command_prints_a_token_that_may_write_and_nothing_else(secrets_manager: str, tmp_path: Path) -> None:
    done = mint(environment(secrets_manager, tmp_path))
    assert done.stderr == ""
    claims = jwt.decode(done.stdout.strip(), key_of(SECRETS), algorithms=["HS256"])
    assert claims["roles"] == ["Books.Write"]
    assert claims["exp"] - claims["iat"] == 3600


def test_the_token_command_says_in_one_line_that_the_local_cloud_is_not_there(tmp_path: Path) -> None:
    done = mint(environment("http://127.0.0.1:9", tmp_path))
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "Is `fastlambda dev examples/books` running?" in done.stderr


def test_the_token_command_asks_for_a_shell_that_knows_the_local_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with pytest.raises(SystemExit, match=r'eval "\$\(fastlambda env\)"'):
        main()


def test_a_minted_token_ends_after_an_hour() -> None:
    claims = jwt.decode(minted(SECRETS, 0), key_of(SECRETS), algorithms=["HS256"], options={"verify_exp": False})
    assert (claims["iat"], claims["exp"]) == (0, 3600)


def key_of(secrets: AppSecrets) -> str:
    return secrets.jwt_secret.get_secret_value()
