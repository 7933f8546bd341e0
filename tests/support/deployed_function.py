"""A handler's source in a real awslambdaric process, behind the smallest Runtime API that can drive it.

Everything is synchronous: when the runtime asks for its next event, all that the event before wrote is in the log file,
and all the segments that it sent are in the UDP socket's buffer.
"""

from __future__ import annotations

import json
import os
import queue
import socket
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeAlias

DEADLINE = 10.0
ARN = "arn:aws:lambda:us-east-1:000000000000:function:books"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
TRACE_ID = "1-65f0c0de-aaaaaaaaaaaaaaaaaaaaaaaa"
SEGMENT_ID = "bbbbbbbbbbbbbbbb"

Command: TypeAlias = Callable[[Mapping[str, str]], Sequence[str]]
"""The command line that runs a function in another place, made of its environment variables."""


def trace_header(*, sampled: bool) -> str:
    return f"Root={TRACE_ID};Parent={SEGMENT_ID};Sampled={int(sampled)}"


@dataclass
class Invocation:
    """What one event led to: the answer or the error, the log lines, and the segments sent to X-Ray."""

    answer: Any = None
    error: dict[str, Any] | None = None
    lines: list[str] = field(default_factory=list)
    segments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [record for record in self._records() if "_aws" not in record]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [record for record in self._records() if "_aws" in record]

    def metric(self, name: str) -> dict[str, Any]:
        """The one document with this metric."""
        (document,) = [document for document in self.metrics if name in document]
        return document

    def log(self, message: str) -> dict[str, Any]:
        """The one log line with this message."""
        (line,) = [line for line in self.logs if line["message"] == message]
        return line

    def segment(self, name: str) -> dict[str, Any]:
        """The one (sub)segment with this name, at whatever depth."""
        (found,) = [segment for segment in self.all_segments() if segment["name"] == name]
        return found

    def all_segments(self) -> Iterator[dict[str, Any]]:
        pending = [(segment, segment.get("parent_id")) for segment in self.segments]
        while pending:
            segment, parent_id = pending.pop()
            yield {**segment, "parent_id": parent_id}
            pending.extend((child, segment["id"]) for child in segment.get("subsegments", ()))

    def _records(self) -> Iterator[dict[str, Any]]:
        for line in self.lines:
            if line.startswith("{"):
                yield json.loads(line)


class InitFailedError(Exception):
    """INIT failed; `report` is what the runtime told the Runtime API, `output` what the process wrote."""

    def __init__(self, report: dict[str, Any], output: str) -> None:
        self.report = report
        self.output = output
        super().__init__(report.get("errorMessage"))


class DeployedFunction:
    """One execution environment, started and past its INIT."""

    def __init__(
        self,
        folder: Path,
        source: str,
        runtime_dir: Path,
        variables: Mapping[str, str],
        command: Command | None = None,
    ) -> None:
        (folder / "lambda_handler.py").write_text(textwrap.dedent(source), encoding="utf-8")
        self._asked: queue.Queue[Invocation | InitFailedError] = queue.Queue()
        self._events: queue.Queue[tuple[dict[str, str], bytes] | None] = queue.Queue()
        self._current = Invocation()
        self._read = 0
        self._log = folder / "output.log"
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.setblocking(False)  # noqa: FBT003
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _runtime_api(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        environment = self._environment(folder, runtime_dir, variables)
        own = [sys.executable, "-m", "awslambdaric", "lambda_handler.handler"]
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                command(environment) if command else own,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.init = self._wait()

    def invoke(self, event: Any, **options: Any) -> Invocation:
        """Run one event to its end."""
        self.send(event, **options)
        return self.answered()

    def send(
        self,
        event: Any,
        *,
        sampled: bool = False,
        trace: str | None = None,
        request_id: str | None = None,
        seconds: float = 60,
    ) -> None:
        """Hand over an event, which has this many seconds until its deadline, and wait for nothing."""
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id or str(uuid.uuid4()),
            "Lambda-Runtime-Invoked-Function-Arn": ARN,
            "Lambda-Runtime-Deadline-Ms": str(int((time.time() + seconds) * 1000)),
            "Lambda-Runtime-Trace-Id": trace or trace_header(sampled=sampled),
            "Content-Type": "application/json",
        }
        self._current = Invocation()
        self._events.put((headers, json.dumps(event).encode()))

    def answered(self) -> Invocation:
        """Wait for the end of the event that was handed over last."""
        return self._wait()

    def output(self) -> str:
        """Everything the process has written so far."""
        return self._log.read_text(encoding="utf-8")

    def close(self) -> None:
        self.process.kill()
        self.process.wait(DEADLINE)
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._daemon.close()

    def _wait(self) -> Invocation:
        outcome = self._asked.get(timeout=DEADLINE)
        if isinstance(outcome, InitFailedError):
            self.process.wait(DEADLINE)
            self.close()
            raise InitFailedError(outcome.report, self.output())
        written = self._log.read_bytes()
        outcome.lines = written[self._read :].decode().splitlines()
        self._read = len(written)
        outcome.segments = list(self._datagrams())
        return outcome

    def _datagrams(self) -> Iterator[dict[str, Any]]:
        while True:
            try:
                datagram = self._daemon.recv(65536)
            except BlockingIOError:
                return
            yield json.loads(datagram.partition(b"\n")[2])

    def _environment(self, folder: Path, runtime_dir: Path, variables: Mapping[str, str]) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{VERSION}",
            "AWS_LAMBDA_FUNCTION_NAME": "books",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{self._daemon.getsockname()[1]}",
            "_HANDLER": "lambda_handler.handler",
            "LAMBDA_TASK_ROOT": str(folder),
            "LANG": "en_US.UTF-8",
            "LC_CTYPE": "C.UTF-8",
            "PATH": os.defpath,
            "PYTHONPATH": str(runtime_dir),
            "PYTHONWARNINGS": "error",
            "TZ": ":UTC",
            **variables,
        }


@contextmanager
def deployed(
    folder: Path,
    source: str,
    runtime_dir: Path,
    variables: Mapping[str, str] | None = None,
    command: Command | None = None,
) -> Iterator[DeployedFunction]:
    """Run a handler and end its process afterwards."""
    function = DeployedFunction(folder, source, runtime_dir, variables or {}, command)
    try:
        yield function
    finally:
        function.close()


def _runtime_api(function: DeployedFunction) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            function._asked.put(function._current)  # noqa: SLF001
            event = function._events.get()  # noqa: SLF001
            if event is None:
                return
            headers, body = event
            self.send_response(200)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path.endswith("/init/error"):
                function._asked.put(InitFailedError(body, ""))  # noqa: SLF001
            elif self.path.endswith("/error"):
                function._current.error = body  # noqa: SLF001
            else:
                function._current.answer = body  # noqa: SLF001
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    return RuntimeApi
