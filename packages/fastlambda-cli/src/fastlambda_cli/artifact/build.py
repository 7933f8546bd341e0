"""From a service to the zip that Lambda runs."""

from __future__ import annotations

from pathlib import Path

from fastlambda_cli.artifact.archive import FORMAT, is_sound, read_archive, write_archive
from fastlambda_cli.artifact.installation import installed, keep_newest
from fastlambda_cli.artifact.model import MAX_UNPACKED, Artifact, Package, Platform, megabytes
from fastlambda_cli.artifact.packed import Packing
from fastlambda_cli.artifact.parts import parts_of, reused_of
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ArtifactError
from fastlambda_cli.service.model import Runtime, Service

ZIP = Packing(f"zip {FORMAT}", write_archive, is_sound, for_lambda=True)
"""Packages for a zip, which no other runtime than Lambda's own ever runs."""

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
    parts = await parts_of(service, packing=ZIP, runtime=runtime, platform=platform, cache=cache, tell=tell)
    packed = parts.packed
    _check_size(packed.unpacked + parts.own_size, packed.packages)
    base = read_archive(packed.folder)
    place = await parts.place_in(cache / "artifacts" / service.name, f"{FORMAT} {base.sha256}", sound=is_sound)
    reused = True

    async def fill(folder: Path) -> None:
        nonlocal reused
        reused = False
        entries = (*parts.own, *await parts.bytecode(tell))
        write_archive(folder, entries, base=base.path)

    await installed(place, fill, tell, what=f"the artifact of {service.name}", verb="build", sound=is_sound)
    keep_newest(place, _KEPT)
    built = read_archive(place)
    _check_size(built.unpacked, packed.packages)
    return Artifact(
        path=built.path,
        sha256=bytes.fromhex(built.sha256),
        size=built.path.stat().st_size,
        unpacked=built.unpacked,
        files=built.files,
        packages=packed.packages,
        left_out=packed.left_out,
        reused=reused_of(packed, own=reused),
    )


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
