"""The zip and the image have the same bytes, whichever Python the engine runs on."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from built_artifacts import bookshop
from uv import find_uv_bin

import fastlambda_cli
from fastlambda_cli.artifact.interpreter import OWN, find_python

LIBRARIES = ("httpx", "packaging", "pathspec", "platformdirs", "pydantic", "tomlkit", "uv")
OTHERS = [version for version in ("3.11", "3.12", "3.13") if version != OWN]
BUILDER = """
import asyncio, pathlib, sys
from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.image.build import build_image
from fastlambda_cli.artifact.image.empty import empty_base
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.service.load import load_service
service, cache = load_service(pathlib.Path(sys.argv[1])), pathlib.Path(sys.argv[2])
wanted = {"runtime": "python3.13", "platform": Platform.ARM64, "cache": cache, "tell": lambda *_, **__: None}
image = asyncio.run(build_image(service, base=empty_base("python3.13"), **wanted))
print(asyncio.run(build(service, **wanted)).sha256_hex, image.digest)
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service whose bytecode is for 3.13, whoever builds it."""
    if asyncio.run(find_python("3.13")) is None:
        pytest.skip("Python 3.13, for the bytecode, is not on this machine")
    return bookshop(tmp_path_factory.mktemp("books"))


@pytest.fixture(scope="module")
def digests(service, tmp_path_factory):
    """What the tests' own Python makes."""
    return run([sys.executable, "-c", BUILDER, str(service.root), str(tmp_path_factory.mktemp("cache"))], {})


def run(command, variables):
    said = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    return said.stdout


@pytest.mark.slow
@pytest.mark.parametrize("version", OTHERS)
def test_another_python_builds_the_same_digests(service, digests, tmp_path, version):
    python = asyncio.run(find_python(version))
    if python is None:
        pytest.skip(f"Python {version} is not on this machine")
    isolated = [find_uv_bin(), "run", "--quiet", "--no-project", "--isolated", "--python", str(python)]
    libraries = [f"--with={name}" for name in LIBRARIES]
    # The package alone: what lies beside it may be for another Python.
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "fastlambda_cli").symlink_to(Path(fastlambda_cli.__file__).parent)
    built = [*isolated, *libraries, "python", "-c", BUILDER, str(service.root), str(tmp_path / "cache")]
    seed = version.removeprefix("3.")
    assert run(built, {"PYTHONPATH": str(tmp_path / "src"), "PYTHONHASHSEED": seed}) == digests
