"""requirements.lock is what pyproject.toml asks for: pinned, hashed, whole, and from nowhere in particular."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = {
    canonicalize_name(name): Version(version) for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE)
}
LOCAL = "fastlambda"
"""Comes from the workspace, and so is not in the lock; what it needs is."""


def project_requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [Requirement(text) for text in project["dependencies"]]


@pytest.fixture
def needs(tmp_path: Path) -> dict[str, list[str]]:
    """What each pinned package says it needs: of the pinned version, which the tests' own environment may not have."""
    install = ["uv", "pip", "install", "-q", "--no-deps", "--python", sys.executable, "--target", str(tmp_path)]
    subprocess.run([*install, "-r", "requirements.lock"], cwd=ROOT, check=True)  # noqa: S603 - its own lock
    pinned = {canonicalize_name(found.name): found.requires or [] for found in distributions(path=[str(tmp_path)])}
    return {**pinned, LOCAL: distribution(LOCAL).requires or []}


def needed_by(requirement: Requirement, texts: list[str]) -> list[Requirement]:
    """What a package needs here and now, with the extras asked for."""
    environments = [{"extra": extra} for extra in requirement.extras or {""}]
    return [
        needed
        for needed in map(Requirement, texts)
        if needed.marker is None or any(needed.marker.evaluate(environment) for environment in environments)
    ]


def test_every_requirement_and_what_it_needs_in_turn_is_pinned_to_a_version_that_fits(
    needs: dict[str, list[str]],
) -> None:
    seen: set[str] = set()
    waiting = project_requirements()
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name != LOCAL:
            assert name in PINS, f"{requirement} is not in the lock"
            assert requirement.specifier.contains(PINS[name]), f"{requirement} is not met by {PINS[name]}"
        if str(requirement) not in seen:
            seen.add(str(requirement))
            waiting += needed_by(requirement, needs[name])


def test_every_pin_has_hashes() -> None:
    blocks = re.split(r"^(?=[\w.-]+==)", LOCK, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(PINS)
    for block in blocks:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]


@pytest.mark.parametrize("package", ["boto3", "awslambdaric", LOCAL])
def test_what_lambda_or_the_workspace_provides_is_not_in_the_lock(package: str) -> None:
    assert package not in PINS


def test_the_lock_names_no_address_and_no_folder() -> None:
    assert "://" not in LOCK
    assert "--index-url" not in LOCK
    assert "-e " not in LOCK
