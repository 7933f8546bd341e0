"""`python -m fastlambda.serve` in a process of its own, on a port of its own, with a daemon of X-Ray that keeps all."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

DEADLINE = 30.0
Command: TypeAlias = Callable[[Mapping[str, str]], Sequence[str]]
"""The command line that serves, made of its environment variables."""

_LISTENS = re.compile(r"Uvicorn running on (http://\S+)")


def own_command(_: Mapping[str, str]) -> Sequence[str]:
    return [sys.executable, "-m", "fastlambda.serve", "lambda_handler.handler"]


class Served:
    """A container's process, whose lines are read as they come."""

    def __init__(self, folder: Path, variables: Mapping[str, str], command: Command) -> None:
        self._daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._daemon.bind(("127.0.0.1", 0))
        self._daemon.settimeout(DEADLINE)
        self._documents: list[dict[str, Any]] = []
        host, port = self._daemon.getsockname()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONWARNINGS": "error",
            "POWERTOOLS_SERVICE_NAME": "books",
            "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
            "FASTLAMBDA_SERVE_PORT": "0",
        }
        given = {key: value for key, value in (environment | dict(variables)).items() if value}
        self.process = subprocess.Popen(
            command(given),
            cwd=folder,
            env=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def url(self) -> str:
        """Where it listens, once it does."""
        return self.wait(_LISTENS.search)[1]

    def wait(self, wanted: Any, *, beyond: int = 0) -> Any:
        """What `wanted` makes of the first line, after so many, that it makes anything of."""
        with self._more:
            while True:
                for line in self.lines[beyond:]:
                    if found := wanted(line):
                        return found
                assert not self._ended, "\n".join(self.lines)
                assert self._more.wait(DEADLINE), "\n".join(self.lines)

    def log(self, message: str) -> dict[str, Any]:
        """The first line with this message, which may be yet to come."""
        found: dict[str, Any] = self.wait(lambda line: f'"message":{json.dumps(message)}' in line and json.loads(line))
        return found

    def of(self, correlation_id: str) -> list[dict[str, Any]]:
        """The lines of a request, up to the metrics that end it."""
        self.wait(lambda line: correlation_id in line and '"duration_ms"' in line)
        return [line for line in self.logs if line.get("correlation_id") == correlation_id]

    @property
    def logs(self) -> list[dict[str, Any]]:
        return [record for record in self._records() if "_aws" not in record]

    @property
    def metrics(self) -> list[dict[str, Any]]:
        return [record for record in self._records() if "_aws" in record]

    def segments(self, trace_id: str, count: int) -> list[dict[str, Any]]:
        """The documents of a trace that were sent to X-Ray, once there are so many of them."""
        while len(found := [document for document in self._documents if document["trace_id"] == trace_id]) < count:
            header, _, document = self._daemon.recv(65_536).partition(b"\n")
            assert json.loads(header) == {"format": "json", "version": 1}
            self._documents.append(json.loads(document))
        return found

    def stop(self) -> int:
        """Send SIGTERM, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_end()

    def wait_for_end(self) -> int:
        code = self.process.wait(DEADLINE)
        self._reader.join(DEADLINE)
        return code

    def close(self) -> None:
        self.process.kill()
        self.wait_for_end()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._daemon.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._more:
                self.lines.append(line)
                self._more.notify_all()
        with self._more:
            self._ended = True
            self._more.notify_all()

    def _records(self) -> Iterator[dict[str, Any]]:
        """Every line, for a container has no other format."""
        return (json.loads(line) for line in list(self.lines))


@contextmanager
def served(folder: Path, source: str, command: Command = own_command, **variables: str) -> Iterator[Served]:
    """Serve a handler's source; an empty variable is unset."""
    (folder / "lambda_handler.py").write_text(textwrap.dedent(source), encoding="utf-8")
    process = Served(folder, variables, command)
    try:
        yield process
    finally:
        process.close()
