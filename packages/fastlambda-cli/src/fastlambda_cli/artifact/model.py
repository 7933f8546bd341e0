"""What a build is asked for and what it gives."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

MAX_UNPACKED = 250 * 2**20
"""Bytes of everything in a function's zip, unzipped (Lambda developer guide, "Lambda quotas")."""

MAX_IN_A_CALL = 50 * 2**20
"""Bytes of a zip inside a call of Lambda's API (the same page); one in S3 may have more."""


class Platform(StrEnum):
    """What the packages are for: one of Lambda's processors, or the machine that builds."""

    ARM64 = "arm64"
    X86_64 = "x86_64"
    THIS_MACHINE = "this machine"


class Part(StrEnum):
    """One of the two halves of an artifact, which are made and kept apart."""

    PACKAGES = "the locked packages"
    OWN = "the service's own files"


@dataclass(frozen=True, slots=True)
class Package:
    """A distribution in the artifact; `size` is the bytes of its files, bytecode included."""

    name: str
    version: str
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What of the locked packages is not in the artifact.

    Attributes:
        provided: Packages that Lambda's runtime has, in a version of its own; sizes without bytecode.
        sdk_stays: Why the AWS SDK is packed although Lambda has it; empty if it is not packed.
        slimmed: Bytes of tests, of Cython's sources and of debug information that went.
        tests: The modules that went, such as `greenlet.tests`.

    """

    provided: tuple[Package, ...] = ()
    sdk_stays: str = ""
    slimmed: int = 0
    tests: tuple[str, ...] = ()


NOTHING = LeftOut()
"""All of the lock is there."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A zip that Lambda can run.

    Attributes:
        path: The zip. It stays in the cache until newer ones push it out.
        sha256: Of the zip.
        size: Bytes of the zip.
        unpacked: Bytes of its files.
        files: Every file's size and CRC-32 by its path in the zip.
        packages: The locked packages, the heaviest first.
        left_out: What of the lock is not in it.
        reused: What of it was in the cache already.

    """

    path: Path
    sha256: bytes
    size: int
    unpacked: int
    files: Mapping[str, tuple[int, int]]
    packages: tuple[Package, ...]
    left_out: LeftOut = NOTHING
    reused: frozenset[Part] = field(default=frozenset(), compare=False)

    @property
    def sha256_hex(self) -> str:
        """The digest in hexadecimal, for names."""
        return self.sha256.hex()

    @property
    def sha256_base64(self) -> str:
        """The digest as Lambda's CodeSha256 has it (Lambda API reference, "FunctionConfiguration")."""
        return base64.b64encode(self.sha256).decode()


def megabytes(size: int) -> str:
    """A size in bytes for people, in Lambda's megabytes of 2**20 bytes."""
    return f"{size / 2**20:.1f} MB"
