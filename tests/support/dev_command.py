"""`fastlambda dev` as a user runs it: the installed command, in a process of its own, on a copy of a service."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from no_tls import NO_TLS

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.keys import read_keys
from fastlambda_cli.local.session import STATE
from fastlambda_cli.service.load import load_service

BOOKS = Path(__file__).parents[2] / "examples" / "books"
COMMAND = Path(sys.executable).with_name("fastlambda")
PATIENCE_S = 60


class Dev:
    """A running `fastlambda dev`; `output` is every line it has printed so far."""

    def __init__(self, service: Path, *options: str, env: dict[str, str] | None = None) -> None:
        self.service = service
        self.output: list[str] = []
        self.client: httpx.Client | None = None
        self._news: queue.Queue[str | None] = queue.Queue()
        self.process = subprocess.Popen(
            [COMMAND, "dev", service, "--port", "0", "--aws-port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "160", "NO_COLOR": "1", **(env or {})},
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.output.append(line.rstrip("\n"))
            self._news.put(line)
        self._news.put(None)

    def wait_for(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """The first match in the lines printed from line `after` on; fails with all output when there is none."""
        deadline = time.monotonic() + PATIENCE_S
        ended = False
        while True:
            for line in self.output[after:]:
                if found := re.search(pattern, line):
                    return found
            if ended:
                break
            try:
                ended = self._news.get(timeout=max(deadline - time.monotonic(), 0.001)) is None
            except queue.Empty:
                break
        pytest.fail(f"no line matches {pattern!r} in:\n" + "\n".join(self.output))

    def ready(self) -> Dev:
        self.url = self.wait_for(r"API\s+(http://127\.0\.0\.1:\d+)")[1]
        self.endpoint_url = self.wait_for(r"AWS\s+(http://127\.0\.0\.1:\d+)")[1]
        self.client = httpx.Client(base_url=self.url, timeout=PATIENCE_S, verify=NO_TLS)
        return self

    @property
    def keys(self) -> Keys:
        """The access key of its local AWS."""
        return read_keys(self.service / STATE / "aws")

    @property
    def variables(self) -> dict[str, str]:
        """What `fastlambda env` gives a shell."""
        command = [COMMAND, "env", self.service, "--json"]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended by itself or by a signal; return its exit code."""
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=PATIENCE_S)
        self.process.stdout.close()
        if self.client is not None:
            self.client.close()
        return code


@contextlib.contextmanager
def running(service: Path, *options: str) -> Iterator[Dev]:
    """A `dev` that is ready, ended with Ctrl-C at the end of the block."""
    dev = Dev(service, *options)
    try:
        yield dev.ready()
    finally:
        if dev.process.poll() is None:
            dev.stop()


def copy_of_books(folder: Path, packages: Path | None = None) -> Path:
    """The books service in a folder of its own, as a user's project that depends on the runtime wheel.

    With `packages`, what an earlier start has installed is there already.
    """
    shutil.copytree(BOOKS, folder, ignore=shutil.ignore_patterns(".fastlambda", "__pycache__", "tests", ".venv"))
    source = load_service(BOOKS).local_sources["fastlambda"]
    project = folder / "pyproject.toml"
    local = f'fastlambda = {{ path = "{source}" }}'
    text = re.sub(r"^fastlambda = \{.*\}$", local, project.read_text(), flags=re.MULTILINE)
    project.write_text(text)
    if packages is not None:
        shutil.copytree(packages, folder / ".fastlambda" / "packages", copy_function=os.link)
    return folder
