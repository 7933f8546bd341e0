"""`fastlambda dev` on the books service: start to first answer, and save to new code answering.

The first start installs and is not counted. The budget is 4 s for a start and 1.5 s for a save.
"""

from __future__ import annotations

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from measured import AS_INSTALLED

from fastlambda_cli.service.load import load_service

BOOKS = Path(__file__).parents[1] / "examples" / "books"
COMMAND = Path(sys.executable).with_name("fastlambda")
PORT = 8765


def copy(folder: Path) -> Path:
    """The books service in a folder of its own, with the runtime beside it."""
    shutil.copytree(BOOKS, folder, ignore=shutil.ignore_patterns(".fastlambda", "__pycache__", "tests", ".venv"))
    source = folder.with_name("fastlambda")  # the runtime too, so that nobody's edits are measured
    shutil.copytree(load_service(BOOKS).local_sources["fastlambda"], source)
    project = folder / "pyproject.toml"
    local = f'fastlambda = {{ path = "{source}" }}'
    text = project.read_text(encoding="utf-8")
    project.write_text(re.sub(r"^fastlambda = \{.*\}$", local, text, flags=re.MULTILINE), encoding="utf-8")
    return folder


def answer(client: httpx.Client, path: str, wanted: str) -> None:
    """Ask until the answer holds `wanted`; a minute at the most."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if wanted in client.get(path).text:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.005)
    raise SystemExit(f"{path} never answered {wanted!r}")


def start(service: Path, client: httpx.Client) -> tuple[subprocess.Popen[bytes], float]:
    """Start `dev`; return it with the seconds to its first answer from the function."""
    began = time.perf_counter()
    arguments = [COMMAND, "dev", service, "--port", str(PORT), "--aws-port", "0"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, env=AS_INSTALLED)
    answer(client, "/api/v1/books", "items")
    return process, time.perf_counter() - began


def stop(process: subprocess.Popen[bytes]) -> None:
    """End `dev` as Ctrl-C does."""
    process.send_signal(signal.SIGINT)
    process.wait()


def main(rounds: int) -> None:
    """Run the rounds and print medians."""
    starts: list[float] = []
    saves: list[float] = []
    with tempfile.TemporaryDirectory() as folder, httpx.Client(base_url=f"http://127.0.0.1:{PORT}") as client:
        service = copy(Path(folder) / "books")
        process, first = start(service, client)
        stop(process)
        for _ in range(rounds):
            process, seconds = start(service, client)
            starts.append(seconds)
            stop(process)
        process, _ = start(service, client)
        app = service / "demo" / "main.py"
        source = app.read_text(encoding="utf-8")
        for number in range(rounds):
            began = time.perf_counter()
            route = f"\n\n@app.get('/version')\nasync def version() -> str:\n    return 'v{number}'\n"
            app.write_text(source + route, encoding="utf-8")
            answer(client, "/version", f"v{number}")
            saves.append(time.perf_counter() - began)
        stop(process)
    print(f"first start, installing           {first:6.2f} s")
    print(f"later start to first answer       {statistics.median(starts):6.2f} s  (max {max(starts):.2f}, budget 4)")
    print(f"save to new code answering        {statistics.median(saves):6.2f} s  (max {max(saves):.2f}, budget 1.5)")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=5)
    main(options.parse_args().rounds)
