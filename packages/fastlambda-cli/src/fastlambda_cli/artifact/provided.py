"""What Lambda's own Python runtime has, and a zip therefore need not: the AWS SDK and the runtime client.

The SDK is left to Lambda as a whole or not at all: a locked botocore under Lambda's boto3 breaks with the first call
that one of them has and the other has not. Of what the SDK needs itself, as urllib3, only that is left to Lambda which
no other package needs: a version of one's own below the SDK is what the Lambda developer guide warns of ("Building
Lambda functions with Python"), and what others need stays as they locked it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fastlambda_cli.artifact.model import Package

RUNTIME_CLIENT = "awslambdaric"
SDK = {"boto3": ("1.40.4", "1.44.5"), "botocore": ("1.40.4", "1.44.5"), "s3transfer": ("0.13.1", "0.19.3")}
"""The SDK's packages, with the oldest version that a runtime may have and the newest that this release knows.

Lambda does not say when it updates the one in its runtimes (Lambda developer guide, "Runtime-included SDK versions").
"""

_BELOW = frozenset({"jmespath", "python-dateutil", "six", "urllib3", "simplejson", "snapshot-restore-py"})
"""What they need themselves."""

_EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Split:
    """Which locked packages are left to Lambda.

    Attributes:
        provided: Their canonical names.
        sdk_stays: Why the SDK is not among them although it is locked; empty if it is among them, or not locked.

    """

    provided: frozenset[str]
    sdk_stays: str = ""


def split(needs: Mapping[str, Iterable[Requirement]], wanted: Iterable[Requirement], *, keep_sdk: bool) -> Split:
    """Decide which locked packages are left to Lambda.

    No marker is looked at but that of an extra: what a package needs on some platform, it needs.

    Args:
        needs: What each locked package needs, by its canonical name.
        wanted: What the service itself asks for.
        keep_sdk: Whether the SDK is to be packed in any case.

    """
    wanted = tuple(wanted)
    needs = _without_unused_extras(needs, wanted)
    asked = [("the service", need) for need in wanted]
    asked += [(name, need) for name, of_one in needs.items() if name not in SDK for need in of_one]
    stays = "package.keep_sdk is set" if keep_sdk else _unmet(asked)
    locked_sdk = needs.keys() & SDK.keys()
    provided = (needs.keys() & {RUNTIME_CLIENT}) | (frozenset() if stays else locked_sdk)
    below = (needs.keys() & _BELOW) - {canonicalize_name(need.name) for need in wanted}
    while needed := below & _needed_by(needs, needs.keys() - provided - below):
        below -= needed
    return Split(frozenset(provided | below if provided else ()), stays if locked_sdk else "")


def leave_to_lambda(folder: Path, wanted: Iterable[str], *, keep_sdk: bool) -> tuple[tuple[Package, ...], str]:
    """Delete the packages that Lambda has from a folder of installed packages.

    Args:
        folder: The folder.
        wanted: What the service itself asks for (PEP 508).
        keep_sdk: Whether the SDK is to be packed in any case.

    Returns:
        What went, the heaviest first, and why the SDK stayed, if it did.

    Raises:
        OSError: A file cannot be deleted.

    """
    found: dict[str, Distribution] = {canonicalize_name(each.name): each for each in distributions(path=[str(folder)])}
    needs = {name: [Requirement(text) for text in each.requires or ()] for name, each in found.items()}
    choice = split(needs, map(Requirement, wanted), keep_sdk=keep_sdk)
    gone = []
    for name in choice.provided:
        paths = [folder / os.path.normpath(path) for path in found[name].files or ()]
        files = [path for path in paths if path.is_file() and path.is_relative_to(folder)]
        gone.append(Package(found[name].name, found[name].version, sum(path.stat().st_size for path in files)))
        for path in files:
            path.unlink()
        for parent in sorted({parent for path in files for parent in path.parents}, reverse=True):
            if parent.is_relative_to(folder) and parent != folder and not any(parent.iterdir()):
                parent.rmdir()
    return tuple(sorted(gone, key=lambda package: (-package.size, package.name))), choice.sdk_stays


def _without_unused_extras(
    needs: Mapping[str, Iterable[Requirement]], wanted: Iterable[Requirement]
) -> Mapping[str, tuple[Requirement, ...]]:
    """What is needed with the extras that anybody asks for; asking for one may ask for others."""
    asked: set[tuple[str, str]] = set()
    while True:
        used = {name: tuple(need for need in of_one if _is_used(name, need, asked)) for name, of_one in needs.items()}
        everything = (*wanted, *(need for of_one in used.values() for need in of_one))
        now = {(canonicalize_name(need.name), canonicalize_name(extra)) for need in everything for extra in need.extras}
        if now <= asked:
            return used
        asked |= now


def _is_used(name: str, need: Requirement, asked: Collection[tuple[str, str]]) -> bool:
    extras = _EXTRA.findall(str(need.marker or ""))
    return not extras or any((name, canonicalize_name(extra)) in asked for extra in extras)


def _unmet(asked: Iterable[tuple[str, Requirement]]) -> str:
    for who, need in asked:
        for version in SDK.get(canonicalize_name(need.name), ()):
            if not need.specifier.contains(version):
                return f"{who} asks for {need.name}{need.specifier}, and Lambda's may be {version}"
    return ""


def _needed_by(needs: Mapping[str, Iterable[Requirement]], names: Iterable[str]) -> frozenset[str]:
    return frozenset(canonicalize_name(need.name) for name in names for need in needs[name])
