"""The books service as `fastlambda build` packs it, against a folder of `pip install --target`: size and INIT.

Both are for this machine, with the same lock, the same handler and the same Lambda runtime beside them. The folder is
taken as pip leaves it, with pip's bytecode, and as an ordinary person deploys it: zipped as it is, and unzipped by
Lambda with the times that a zip keeps, which are those of local time to two seconds, in a task root that cannot be
written to.
`--cold` takes the files of each from the page cache before each start, so that they are read from the disk as in a new
environment; Python's own stay, as others' environments have read them on the same host. Otherwise as `init.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import shutil
import subprocess
import tempfile
import zipfile
from datetime import datetime
from pathlib import Path

from init import BOOKS, LastSpawned, count, function, measure
from measured import table

from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.model import Artifact, Platform, megabytes
from fastlambda_cli.local.function import FunctionSpec
from fastlambda_cli.service.load import load_service

FASTLAMBDA, IN_PLACE, ZIPPED = "fastlambda build", "pip --target", "pip --target, zipped"


async def artifact_in(state: Path, spec: FunctionSpec) -> Artifact:
    """Build the books service for this machine."""
    options = {"runtime": spec.runtime, "platform": Platform.THIS_MACHINE, "cache": state / "cache"}
    return await build(load_service(BOOKS), tell=lambda *_, **__: None, **options)


def pip_folder(folder: Path, python: Path) -> None:
    """Install the lock and the service's own packages into a folder that has the service's files."""
    shutil.copytree(BOOKS, folder, ignore=shutil.ignore_patterns(".*", "__pycache__", "tests", "requirements.lock"))
    install = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--target",
        folder,
    ]
    subprocess.run([*install, "--require-hashes", "-r", BOOKS / "requirements.lock"], check=True)
    subprocess.run([*install, *load_service(BOOKS).local_sources.values()], check=True)


def unzipped(path: Path, folder: Path) -> Path:
    """Unzip a file as Lambda does: with the times in it, in Lambda's time zone."""
    with zipfile.ZipFile(path) as file:
        for info in file.infolist():
            time = datetime(*info.date_time).timestamp()  # noqa: DTZ001 - a zip knows no time zone
            os.utime(file.extract(info, folder), (time, time))
    return folder


def evict(spec: FunctionSpec) -> None:
    """Have all files of a function read from the disk when they are read next."""
    for path in (path for path in spec.task_root.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


async def main(rounds: int, *, instructions: bool, cold: bool) -> None:
    """Print the sizes, and a table for each measure."""
    with tempfile.TemporaryDirectory() as work:
        state = Path(work)
        async with function(state) as spec:
            artifact = await artifact_in(state, spec)
            await asyncio.to_thread(pip_folder, state / "pip", spec.python)
            pip_zip = Path(shutil.make_archive(str(state / "pip"), "zip", state / "pip"))
            sizes = artifact.size, pip_zip.stat().st_size
            print(f"zip: {megabytes(sizes[0])} against {megabytes(sizes[1])}, {sizes[0] / sizes[1]:.2f}")
            folders = {
                IN_PLACE: state / "pip",
                ZIPPED: unzipped(pip_zip, state / "pip-unzipped"),
                FASTLAMBDA: unzipped(artifact.path, state / "built"),
            }
            specs = {
                name: dataclasses.replace(
                    spec, handler="lambda_handler.handler", task_root=folder, packages=folder, init_timeout=60
                )
                for name, folder in folders.items()
            }
            if instructions:
                for events, what in ((0, "INIT"), (1, "INIT and first request")):
                    counts = await asyncio.to_thread(count, specs, events)
                    print(f"\n{what}, instructions\n{table('M', counts, base=IN_PLACE)}")
                return
            os.sync()  # what is not on the disk yet cannot be taken out of the cache
            before = evict if cold else lambda _: None
            samples = await measure(specs, LastSpawned(state / "processes"), rounds, before)
    for what, values in samples.items():
        print(f"\n{what}\n{table('ms', values, base=IN_PLACE)}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--instructions", action="store_true", help="count instructions under Valgrind, once each")
    options.add_argument("--cold", action="store_true", help="with none of the function's files in the page cache")
    chosen = options.parse_args()
    asyncio.run(main(chosen.rounds, instructions=chosen.instructions, cold=chosen.cold))
