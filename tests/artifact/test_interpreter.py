"""Interpreters of other Python versions are found, also those that pyenv keeps and has not selected."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from fastlambda_cli.artifact.interpreter import OWN, SUPPORTED, find_python, own_python


def version_of(python):
    code = "import sys; print('%d.%d' % sys.version_info[:2], sys.prefix == sys.base_prefix)"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_the_own_version_is_that_of_this_command_outside_its_environment():
    assert asyncio.run(find_python(OWN)) == own_python()
    assert version_of(own_python()) == [OWN, "True"]


@pytest.mark.parametrize("version", [version for version in SUPPORTED if version != OWN])
def test_another_version_is_an_interpreter_of_that_version(version):
    python = asyncio.run(find_python(version))
    if python is None:
        pytest.skip(f"Python {version} is not on this machine")
    assert version_of(python) == [version, "True"]


def test_a_version_that_is_nowhere_is_not_found(tmp_path, monkeypatch):
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    assert asyncio.run(find_python("3.99")) is None
