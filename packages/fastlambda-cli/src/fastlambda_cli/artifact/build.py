"""From a service to the zip that Lambda runs."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from fastlambda_cli.artifact.archive import FORMAT, Entry, is_sound, read_archive, write_archive
from fastlambda_cli.artifact.bytecode import compile_folder
from fastlambda_cli.artifact.collecting import service_files
from fastlambda_cli.artifact.contents import entries_in, module_of
from fastlambda_cli.artifact.dependencies import packed_dependencies
from fastlambda_cli.artifact.fingerprint import digest
from fastlambda_cli.artifact.installation import STATE, installed, keep_newest
from fastlambda_cli.artifact.interpreter import find_python, own_python
from fastlambda_cli.artifact.lock import locked_requirements
from fastlambda_cli.artifact.model import MAX_UNPACKED, Artifact, Package, Platform, megabytes
from fastlambda_cli.artifact.shadows import check_shadows
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ArtifactError, ToolchainError
from fastlambda_cli.service.model import Runtime, Service

_KEPT = 3
_NAMED = 5


async def build(service: Service, *, runtime: Runtime, platform: Platform, cache: Path, tell: Tell) -> Artifact:
    """Build a service's artifact, or find it in the cache when nothing has changed.

    Args:
        service: The service.
        runtime: Lambda's Python.
        platform: What the packages are for.
        cache: The folder that keeps what is built, of this service and of others.
        tell: Is told what takes time, and warned of what deserves attention.

    Raises:
        ArtifactError: The service's files or packages cannot be packed as they are, or are too large for Lambda.
        ConfigurationError: The lock does not cover the project's dependencies.
        ToolchainError: uv, an interpreter or a package cannot be had, or the cache cannot be written.

    """
    version = runtime.removeprefix("python")
    own = service_files(service, tell)
    python = await _python(version, platform, tell)
    lock = await locked_requirements(service, service.root / STATE, python or own_python(), version, tell)
    packed = await packed_dependencies(
        service, lock, platform=platform, version=version, python=python, cache=cache, tell=tell
    )
    check_shadows({entry.name for entry in own}, packed.files)
    _check_size(packed.unpacked + sum(len(entry.read()) for entry in own), packed.packages)
    place = cache / "artifacts" / service.name / digest(FORMAT, packed.sha256, _name_of(own), str(bool(python)))

    async def fill(folder: Path) -> None:
        modules = await _bytecode(own, python, version, tell) if python is not None else ()
        write_archive(folder, (*own, *modules), packages=packed.packages, base=packed.path)

    await installed(place, fill, tell, what=f"the artifact of {service.name}", verb="build", sound=is_sound)
    keep_newest(place, _KEPT)
    built = read_archive(place)
    _check_size(built.unpacked, built.packages)
    return Artifact(
        path=built.path,
        sha256=bytes.fromhex(built.sha256),
        size=built.path.stat().st_size,
        unpacked=built.unpacked,
        files=built.files,
        packages=built.packages,
    )


async def _python(version: str, platform: Platform, tell: Tell) -> Path | None:
    python = await find_python(version)
    install = f"uv python install {version}"
    if python is None and platform is Platform.THIS_MACHINE:
        raise ToolchainError(
            f"Python {version} is not on this machine", why="the function runs on it here", remedy=f"Run: {install}"
        )
    if python is None:
        tell(
            f"Python {version} is not on this machine, so the artifact has no bytecode and every cold start takes "
            f"about two and a half times as long. For bytecode: {install}",
            warning=True,
        )
    return python


async def _bytecode(own: tuple[Entry, ...], python: Path, version: str, tell: Tell) -> tuple[Entry, ...]:
    with tempfile.TemporaryDirectory() as work:
        files = Path(work, "files")
        modules = {entry.name: entry for entry in own if entry.name.endswith(".py")}
        for name, module in modules.items():
            path = files / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(module.read())
        await compile_folder(files, python, workers=1)
        compiled = {
            module_of(entry.name): Entry(entry.name, entry.read())
            for entry in entries_in(files)
            if entry.name.endswith(".pyc")
        }
    for name in sorted(modules.keys() - compiled.keys()):
        tell(f"{name} is not valid Python {version}: importing it will fail", warning=True)
    return tuple(compiled.values())


def _name_of(own: tuple[Entry, ...]) -> str:
    """Another one for every change of a file's name, content or mode."""
    seen = [(entry.name, hashlib.sha256(entry.read()).hexdigest(), entry.executable) for entry in own]
    return digest(repr(seen))


def _check_size(unpacked: int, packages: tuple[Package, ...]) -> None:
    if unpacked <= MAX_UNPACKED:
        return
    own = unpacked - sum(package.size for package in packages)
    heaviest = ", ".join(f"{package.name} {megabytes(package.size)}" for package in packages[:_NAMED])
    raise ArtifactError(
        f"The artifact would be {megabytes(unpacked)} unzipped",
        why=f"Lambda takes {megabytes(MAX_UNPACKED)}; the service's own files are {megabytes(own)}, "
        f"the heaviest packages {heaviest or 'none'}",
        remedy="Remove a dependency, or leave files out with package.exclude.",
    )
