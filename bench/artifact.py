"""How long the books service's artifact takes to build: from nothing, after a changed line, and unchanged.

uv's own cache is warm in all of them: what is measured is the build, not the network.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from dev import copy
from measured import table

from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.model import Artifact, Platform, megabytes
from fastlambda_cli.service.load import load_service

ROUNDS = 10
COLD_ROUNDS = 3


def timed(service: Path, cache: Path) -> tuple[float, Artifact]:
    """Milliseconds from the service's folder to its artifact, and the artifact."""
    began = time.perf_counter()
    options = {"runtime": "python3.13", "platform": Platform.ARM64, "cache": cache}
    artifact = asyncio.run(build(load_service(service), tell=lambda *_, **__: None, **options))
    return (time.perf_counter() - began) * 1000, artifact


def main() -> None:
    samples: dict[str, list[float]] = {"cold": [], "one line": [], "unchanged": []}
    with tempfile.TemporaryDirectory() as folder:
        service = copy(Path(folder) / "books")
        cache = Path(folder) / "cache"
        timed(service, cache)
        for number in range(COLD_ROUNDS):
            samples["cold"].append(timed(service, Path(folder) / f"cold-{number}")[0])
        for number in range(ROUNDS):
            with (service / "demo" / "main.py").open("a") as file:
                file.write(f"# {number}\n")
            samples["one line"].append(timed(service, cache)[0])
            milliseconds, artifact = timed(service, cache)
            samples["unchanged"].append(milliseconds)
    print(table("ms", samples, base="unchanged"))
    print(f"{megabytes(artifact.size)}, {megabytes(artifact.unpacked)} unzipped, {len(artifact.files)} files")


if __name__ == "__main__":
    main()
