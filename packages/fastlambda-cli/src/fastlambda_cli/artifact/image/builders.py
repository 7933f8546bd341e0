"""The programs that build a Dockerfile: docker, podman or buildah, whichever is there and works."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform as machine
import shutil
import signal
import subprocess
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.artifact.image.base import ARCHITECTURES
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ToolchainError

_QUOTED = 12
"""How many of the last lines an error quotes."""
_LONGEST = 4096
"""Bytes of a line that are shown."""
_PIECE = 2**16
_FOREIGN_PROGRAM = "exec format error"
"""What the kernel says of a program for another processor."""
_MACHINES = {"amd64": {"x86_64"}, "arm64": {"aarch64", "arm64"}}
"""What systems call the machines of an architecture."""


@dataclass(frozen=True, slots=True)
class Builder:
    """A program that builds images.

    Attributes:
        name: The program.
        probes: Its arguments for commands that all end well where it can build.
        build: Its arguments before those that all of them share.
        save: Makes of an image's id and a file the arguments that write the image there.

    """

    name: str
    probes: tuple[tuple[str, ...], ...]
    build: tuple[str, ...]
    save: Callable[[str, str], tuple[str, ...]]


# Attestations would make an index of the image, which Lambda refuses (docker/buildx, issue 1533).
_DOCKER = Builder(
    "docker",
    # The builder that docker has without buildx knows no attestations, and not the options that leave them out.
    (("version", "--format", "{{.Server.Version}}"), ("buildx", "version")),
    # A builder of buildx other than docker's own keeps what it builds to itself, unless it is told to load it.
    ("build", "--load", "--provenance=false", "--sbom=false"),
    lambda image, file: ("save", "--output", file, image),
)
_PODMAN = Builder(
    "podman",
    (("info", "--format", "{{.Version.Version}}"),),
    ("build",),
    lambda image, file: ("save", "--format", "oci-archive", "--output", file, image),
)
_BUILDAH = Builder(
    "buildah", (("info",),), ("build", "--layers"), lambda image, file: ("push", image, f"oci-archive:{file}")
)
BUILDERS = (_DOCKER, _PODMAN, _BUILDAH)
"""In the order in which they are asked."""


async def find_builder() -> Builder:
    """Find the first builder that works here.

    Raises:
        ToolchainError: None does.

    """
    reasons = []
    for builder in BUILDERS:
        if shutil.which(builder.name) is None:
            reasons.append(f"{builder.name} is not installed")
            continue
        reason = await _reason_against(builder)
        if reason is None:
            return builder
        reasons.append(f"{builder.name} says: {reason}")
    raise ToolchainError(
        "Nothing here can build a Dockerfile",
        why="; ".join(reasons),
        remedy="Start Docker, or install podman or buildah. Without a Dockerfile, fastlambda build --image needs none.",
    )


async def _reason_against(builder: Builder) -> str | None:
    """What a builder says where it cannot build; None where it can."""
    for probe in builder.probes:
        lines: deque[str] = deque(maxlen=1)
        if await _run(builder.name, *probe, said=lines.append):
            return "".join(lines)
    return None


async def build_by_dockerfile(builder: Builder, dockerfile: Path, platform: Platform, tell: Tell) -> str:
    """Build a Dockerfile, its folder being the context.

    Args:
        builder: Builds it; what it has built of it before it need not build again.
        dockerfile: The file.
        platform: For which.
        tell: Is told what the builder says.

    Returns:
        The image's id, which is a digest of all that is in it.

    Raises:
        ToolchainError: The builder fails, or there is no place for the id.

    """
    with _written(), tempfile.TemporaryDirectory(prefix="fastlambda-image-") as folder:
        identifier = Path(folder, "id")
        asked = ("--platform", f"linux/{ARCHITECTURES[platform]}", "--file", str(dockerfile))
        arguments = (*builder.build, *asked, "--iidfile", str(identifier), str(dockerfile.parent))
        await _run_or_fail(builder, *arguments, doing=f"build {dockerfile}", tell=tell, platform=platform)
        return identifier.read_text(encoding="utf-8").strip()


async def save(builder: Builder, identifier: str, archive: Path, tell: Tell) -> None:
    """Write an image that was built into an archive.

    Args:
        builder: Has built it.
        identifier: The image's id.
        archive: The file, which is not there yet.
        tell: Is told what the builder says.

    Raises:
        ToolchainError: The builder fails.

    """
    await _run_or_fail(builder, *builder.save(identifier, str(archive)), doing=f"save {identifier}", tell=tell)


@contextlib.contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise ToolchainError(
            "Cannot keep the id of the image while it is built",
            why=str(problem),
            remedy=f"See that {tempfile.gettempdir()} can be written to and its disk has room, or set TMPDIR.",
        ) from problem


async def _run_or_fail(
    builder: Builder, *arguments: str, doing: str, tell: Tell, platform: Platform | None = None
) -> None:
    last: deque[str] = deque(maxlen=_QUOTED)

    def said(line: str) -> None:
        last.append(line)
        tell(line)

    status = await _run(builder.name, *arguments, said=said)
    if status:
        raise ToolchainError(
            f"{builder.name} cannot {doing}",
            why="\n  ".join(last) or f"it ended with status {status}",
            remedy=_remedy(last, platform),
        )


def _remedy(last: Iterable[str], platform: Platform | None) -> str:
    architecture = ARCHITECTURES.get(platform) if platform else None
    if architecture is None or not any(_FOREIGN_PROGRAM in line.lower() for line in last):
        return "Correct what it names here, then start again."
    if machine.machine() in _MACHINES[architecture]:
        return f"A program of the image is not for linux/{architecture}: see that its base is, then start again."
    return (
        f"A step runs a program for linux/{architecture}, which this machine cannot: install QEMU for it "
        f"(qemu-user-static, or `docker run --privileged --rm tonistiigi/binfmt --install {architecture}`), build on a "
        "machine of that architecture, or set architecture to this machine's in [tool.fastlambda]."
    )


async def _run(program: str, *arguments: str, said: Callable[[str], object]) -> int:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # Ctrl-C reaches a whole foreground group: its failure would look like an error.
        start_new_session=True,
    )
    assert process.stdout is not None  # noqa: S101 - it was asked for
    try:
        async for line in _lines(process.stdout):
            said(line)
        return await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()
        raise


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[str]:
    """The lines of an output that say something; of a longer one than anybody reads, the beginning."""
    line = b""
    while piece := await output.read(_PIECE):
        *ended, line = (line + piece).split(b"\n")
        line = line[:_LONGEST]
        for each in ended:
            if text := _text(each):
                yield text
    if text := _text(line):
        yield text


def _text(line: bytes) -> str:
    return line[:_LONGEST].decode(errors="replace").strip()
