"""The books service's image: `fastlambda build --image --push` against buildah and `fastlambda dockerfile`, in one run.

Both build on the same base, for this machine's processor, and push through a proxy that counts what they send, each
into a repository of its own in the registry of the base. Cold is without what either has built before: package caches
and the base stay. Say with --base an image in a registry on this machine that has Python 3.13, pip and a shell; and
with --buildah what else `buildah build` needs here, such as a volume with pip's configuration.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from dev import COMMAND, copy
from measured import ratio_interval

from fastlambda_cli.artifact.image.dockerfile import BUNDLER, WHEELS
from fastlambda_cli.service.load import load_service

CASES = ("cold", "unchanged", "one line")
STORAGE = ("--storage-driver", "overlay")
"""The fastest that buildah has."""


class Counter:
    """A proxy on a port of its own that counts the bytes that clients send."""

    def __init__(self, upstream: str) -> None:
        host, _, port = upstream.partition(":")
        self._upstream = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._upstream)
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, count: bool) -> None:  # noqa: FBT001
        try:
            while data := source.recv(2**16):
                self.sent += len(data) if count else 0
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:  # one of the two has gone, and the other will notice
            target.close()


def service_in(folder: Path, base: str) -> Path:
    """The books service with a Dockerfile on the base."""
    service = copy(folder / "books")
    project = service / "pyproject.toml"
    architecture = "arm64" if platform.machine() == "aarch64" else "x86_64"
    table = f'runtime = "python3.13"\narchitecture = "{architecture}"\n'
    text = project.read_text(encoding="utf-8").replace("[tool.fastlambda]\n", f"[tool.fastlambda]\n{table}")
    project.write_text(text, encoding="utf-8")
    for path in load_service(service).local_sources.values():
        run("uv", "build", "--quiet", "--wheel", "--out-dir", str(service / WHEELS), str(path))
    (service / BUNDLER).write_text(run(str(COMMAND), "dockerfile", "--bundler"), encoding="utf-8")
    written = run(str(COMMAND), "dockerfile", str(service))
    (service / "Dockerfile").write_text(re.sub("^FROM .*$", f"FROM {base}", written, flags=re.MULTILINE), "utf-8")
    return service


def run(*command: str, **variables: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})
    if result.returncode:
        sys.exit(f"{shlex.join(command)}\n{result.stderr[-3000:]}")
    return result.stdout


def measured(counter: Counter, step: Callable[[], None]) -> tuple[float, int]:
    before, began = counter.sent, time.perf_counter()
    step()
    return time.perf_counter() - began, counter.sent - before


def main(base: str, rounds: int, extra: list[str]) -> None:
    registry, _, name = base.partition("/")
    counter = Counter(registry)
    through = f"{counter.host}/{name}"
    times: dict[str, dict[str, list[float]]] = {case: {"fastlambda": [], "buildah": []} for case in CASES}
    sent: dict[str, dict[str, list[int]]] = {case: {"fastlambda": [], "buildah": []} for case in CASES}
    with tempfile.TemporaryDirectory() as folder:
        service = service_in(Path(folder), through)
        cache, storage, running = (Path(folder, each) for each in ("cache", "storage", "running"))
        buildah = ["buildah", "--root", str(storage), "--runroot", str(running), *STORAGE]
        pull = [*buildah, "pull", "--quiet", "--tls-verify=false", through]
        app = service / "demo" / "main.py"

        def ours(repository: str) -> None:
            target = f"{counter.host}/{repository}/ours:one"
            command = [str(COMMAND), "build", str(service), "--image", "--base", through, "--push", target]
            run(*command, FASTLAMBDA_CACHE_DIR=str(cache))

        def theirs(repository: str) -> None:
            target = f"{counter.host}/{repository}/theirs:one"
            build = [*buildah, "build", "--layers", "--format", "docker", "--isolation", "chroot", "--network", "host"]
            run(*build, "--tls-verify=false", "--pull-never", *extra, "--tag", target, str(service))
            run(*buildah, "push", "--quiet", "--tls-verify=false", target)

        ours("warm" + uuid.uuid4().hex)
        for number in range(rounds):
            repository = f"bench-{uuid.uuid4().hex}"
            shutil.rmtree(cache, ignore_errors=True)
            run(*buildah, "rmi", "--all", "--force")
            run(*pull)
            for case in CASES:
                if case == "one line":
                    with app.open("a", encoding="utf-8") as file:
                        file.write(f"# {number}\n")
                steps = [("fastlambda", ours), ("buildah", theirs)]
                for tool, step in steps if number % 2 else reversed(steps):
                    seconds, count = measured(counter, lambda step=step: step(repository))  # noqa: B023
                    times[case][tool].append(seconds)
                    sent[case][tool].append(count)
    for case in CASES:
        mine, other = times[case]["fastlambda"], times[case]["buildah"]
        low, high = ratio_interval(mine, other)
        ratio = statistics.median(mine) / statistics.median(other)
        kilobytes = {tool: statistics.median(counts) / 1000 for tool, counts in sent[case].items()}
        print(
            f"{case:10} fastlambda {statistics.median(mine):6.2f} s {kilobytes['fastlambda']:9.1f} kB   "
            f"buildah {statistics.median(other):6.2f} s {kilobytes['buildah']:9.1f} kB   "
            f"ratio {ratio:.2f} ({low:.2f}-{high:.2f})"
        )


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--base", required=True)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--buildah", type=shlex.split, default=[], help="further arguments of `buildah build`")
    given = options.parse_args()
    main(given.base, given.rounds, given.buildah)
