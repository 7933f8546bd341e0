"""Lambda's platforms, in uv's words and in those of the binaries that run on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.errors import ArtifactError

_MACHINES = {Platform.ARM64: ("aarch64", 0xB7), Platform.X86_64: ("x86_64", 0x3E)}
"""uv's name, and e_machine in an ELF header."""

AMAZON_LINUX_2 = frozenset({"3.11"})
"""Versions that run there, with glibc 2.26; all later ones run on Amazon Linux 2023, with glibc 2.34.

Lambda developer guide, "Lambda runtimes"; AL2023 user guide, "Comparing AL2 and AL2023".
"""


def platform_flags(platform: Platform, version: str) -> tuple[str, ...]:
    """The flags of uv that choose wheels for a platform, and never build: a build would be for this machine."""
    if platform is Platform.THIS_MACHINE:
        return ()
    # 2_17 is what wheels are tagged with that fit 2.26.
    glibc = "2_17" if version in AMAZON_LINUX_2 else "2_34"
    return ("--python-platform", f"{_MACHINES[platform][0]}-manylinux_{glibc}", "--only-binary", ":all:")


def check_binaries(platform: Platform, binaries: Mapping[str, Iterable[Path]]) -> None:
    """Check that what a wheel calls a shared object is one for this platform.

    Args:
        platform: For which.
        binaries: The `.so` files of each package, by its name.

    Raises:
        ArtifactError: A package has binaries, and none is for the platform. One that brings them for several is fine.

    """
    if platform is Platform.THIS_MACHINE:
        return
    for package, files in binaries.items():
        machines = {_machine(file) for file in files}
        if machines and _MACHINES[platform][1] not in machines:
            raise ArtifactError(
                f"{package} is not built for {platform}",
                why="its binaries are for another processor or system, whatever its wheel is called",
                remedy=f"Use a version with a wheel for Linux on {platform}, or build one there.",
            )


def _machine(file: Path) -> int | None:
    """e_machine of an ELF file; None for anything else."""
    with file.open("rb") as stream:
        header = stream.read(20)
    return int.from_bytes(header[18:20], "little") if header.startswith(b"\x7fELF") else None
