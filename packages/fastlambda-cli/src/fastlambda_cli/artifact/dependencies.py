"""The locked packages, packed once for a lock, a platform and a Python version, and found again after that."""

from __future__ import annotations

import contextlib
import functools
import os
import platform as machine
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from fastlambda_cli.artifact.bundling import bundle
from fastlambda_cli.artifact.bytecode import compile_folder
from fastlambda_cli.artifact.compiling import Interpreter
from fastlambda_cli.artifact.contents import binaries_by_package, entries_in, owners_in, packages_by_size, strip
from fastlambda_cli.artifact.fingerprint import digest, fingerprint
from fastlambda_cli.artifact.installation import installed, keep_newest
from fastlambda_cli.artifact.interpreter import own_python
from fastlambda_cli.artifact.lock import locked_names, pins, source_size
from fastlambda_cli.artifact.model import NOTHING, LeftOut, Platform, megabytes
from fastlambda_cli.artifact.packed import Packed, Packing, is_sound, read_packed, write_contents
from fastlambda_cli.artifact.platforms import AMAZON_LINUX_2, check_binaries, platform_flags
from fastlambda_cli.artifact.provided import leave_to_lambda
from fastlambda_cli.artifact.slimming import slim
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.artifact.uv import run_uv
from fastlambda_cli.errors import ArtifactError, ToolchainError
from fastlambda_cli.service.model import Service

_KEPT = 6

_UNFIT_WHEEL = "dependency is incompatible with the current platform"
_YANKED = re.compile(r"warning: `([^`]+)` is yanked(?: \(reason: (.+)\))?")
_WITHOUT_WHEEL = re.compile(r"Because (?:only )?([A-Za-z0-9._-]+)(?:\{[^}]*\})?(?:==\S+)? has no (?:usable )?wheels")
"""uv's words; what is in braces is the marker by which a lock has the package in this version."""


@dataclass(frozen=True, slots=True)
class Target:
    """What packages are packed for.

    Attributes:
        platform: Lambda's processor.
        interpreter: The function's Python; without one there is no bytecode.
        bundled: Whether the runtime reads the packages' bytecode from one file.

    """

    platform: Platform
    interpreter: Interpreter
    bundled: bool


async def packed_dependencies(
    service: Service, lock: Path, *, packing: Packing, target: Target, cache: Path, tell: Tell
) -> Packed:
    """Return the locked packages; they are packed when they are not in the cache.

    Args:
        service: The service.
        lock: Its lock as a requirements file.
        packing: What they are packed into.
        target: What they are packed for.
        cache: Keeps what is packed.
        tell: Is told what takes time.

    Raises:
        ToolchainError: uv cannot install a package, or the cache cannot be written.
        ArtifactError: A package has no wheel for the platform.

    """
    platform, version = target.platform, target.interpreter.version
    sources = {name: fingerprint(path) for name, path in sorted(service.local_sources.items())}
    place_of_build = machine.platform() if platform is Platform.THIS_MACHINE else ""
    package = service.configuration.package
    what_for = (packing.name, pins(lock), repr(sources), version, platform, place_of_build)
    options = repr((package.keep_sdk, package.strip, sorted(service.dependencies), target.bundled))
    sound = functools.partial(is_sound, packing=packing)
    place = await target.interpreter.place_of(
        lambda compiled: cache / "dependencies" / digest(*what_for, str(compiled), options), sound
    )
    what = f"the packages of {service.name}"

    reused = True

    async def fill(folder: Path) -> None:
        nonlocal reused
        reused = False
        python = await target.interpreter.find()
        pinned = len(locked_names(lock))
        shown = os.path.relpath(lock, service.root)
        tell(f"Packing {pinned} locked packages for Python {version} on {platform} from {shown}")
        with tempfile.TemporaryDirectory(dir=folder) as work:
            files = Path(work, "files")
            files.mkdir()
            await _install(service, lock, files, platform=platform, version=version, python=python, tell=tell)
            left_out = _left_out(service, files, packing)
            owners = owners_in(files)
            strip(files)
            check_binaries(platform, binaries_by_package(files, owners))
            if python is not None:
                await compile_folder(files, python, workers=0)
            packages = packages_by_size(files, owners)
            if python is not None and target.bundled:
                await bundle(files, python, keep_bytecode=not packing.for_lambda)
            entries = entries_in(files)
            packing.write(folder, entries)
            sizes = [(files / entry.name).stat().st_size for entry in entries]
            write_contents(folder, entries, sizes, packages, left_out)

    await installed(place, fill, tell, what=what, verb="pack", sound=sound)
    keep_newest(place, _KEPT)
    return replace(read_packed(place), reused=reused)


def _left_out(service: Service, files: Path, packing: Packing) -> LeftOut:
    package = service.configuration.package
    left_out = NOTHING
    if packing.for_lambda:
        provided, stays = leave_to_lambda(files, service.dependencies, keep_sdk=package.keep_sdk)
        left_out = replace(left_out, provided=provided, sdk_stays=stays)
    if package.strip:
        slimmed, tests = slim(files)
        left_out = replace(left_out, slimmed=slimmed, tests=tests)
    return left_out


async def _install(
    service: Service, lock: Path, files: Path, *, platform: Platform, version: str, python: Path | None, tell: Tell
) -> None:
    interpreter = str(python or own_python())
    into = ("--target", str(files), "--no-deps", "--python", interpreter, "--python-version", version)
    install = functools.partial(run_uv, "pip", "install", *into, *platform_flags(platform, version), cwd=service.root)
    with _naming_what_has_no_wheel(platform, version, service.lock):
        doing = f"pack the packages of {service.name}"
        await install("-r", str(lock), doing=doing, said=functools.partial(_warn_of_yanked, tell))
    for name, path in sorted(service.local_sources.items()):
        wheel = path
        if path.is_dir():
            tell(f"Building {name} from {os.path.relpath(path, service.root)}")
            wheel = await _built(name, path, files.with_name("wheels") / name, interpreter)
        with _naming_what_has_no_wheel(platform, version, service.lock, wheel_of=name):
            await install(str(wheel), doing=f"pack {name} from {path}")


def _warn_of_yanked(tell: Tell, line: str) -> None:
    """Say that a locked version has been withdrawn: it is installed, and no new lock takes it (PEP 592)."""
    if yanked := _YANKED.match(line):
        reason = f", for this reason: {yanked[2]}" if yanked[2] else ""
        tell(f"{yanked[1]} is locked, and its publishers have withdrawn it{reason}", warning=True)


async def _built(name: str, path: Path, folder: Path, interpreter: str) -> Path:
    flags = ("--wheel", "--out-dir", str(folder), "--python", interpreter, "--no-create-gitignore")
    await run_uv("build", *flags, str(path), doing=f"build {name} from {path}")
    return next(folder.glob("*.whl"))


@contextlib.contextmanager
def _naming_what_has_no_wheel(
    platform: Platform, version: str, lock: Path | None, *, wheel_of: str | None = None
) -> Iterator[None]:
    """Turn uv's failure into an error that names the package when what it lacks is a wheel for the platform."""
    try:
        yield
    except ToolchainError as problem:
        without = _WITHOUT_WHEEL.search(problem.why)
        name = without.group(1) if without else wheel_of if _UNFIT_WHEEL in problem.why else None
        if name is None or platform is Platform.THIS_MACHINE:
            raise
        newer = ""
        if version in AMAZON_LINUX_2:
            newer = (
                f"It may have one for a newer system: Python {version} runs on Amazon Linux 2, with glibc 2.26, and "
                "later versions on Amazon Linux 2023, with glibc 2.34, so try another runtime in [tool.fastlambda]. "
                "Else: "
            )
        size = source_size(lock, name)
        instead = f", only {megabytes(size)} of source code" if size is not None else ""
        raise ArtifactError(
            f"{name} has no wheel for Lambda's {platform}{instead}",
            why=problem.why,
            remedy=(
                f"{newer}Lock another version of {name} or a package that stands in for it, set architecture to the "
                f"other one in [tool.fastlambda], build its wheel on Linux on {platform} and name it in "
                "[tool.uv.sources], or have it in an image that a Dockerfile builds: package.dockerfile."
            ),
        ) from problem
