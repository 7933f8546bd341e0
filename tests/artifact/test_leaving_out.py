"""What is not in the artifact although it is in the wheels: nothing that the function misses when it runs."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path

import pytest
from built_artifacts import OWN_RUNTIME, built, service_in
from running_zip import answer_of

from fastlambda_cli.artifact.elf import without_debug_information
from fastlambda_cli.artifact.image.build import LAYER
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.parts import parts_of
from fastlambda_cli.errors import ArtifactError

HANDLER = """
import boto3, greenlet, pkgutil

def handler(event, context):
    said = greenlet.greenlet(lambda: "switched").switch()
    found = "tests" in [module.name for module in pkgutil.iter_modules(greenlet.__path__)]
    return {"statusCode": 200, "boto3": boto3.__file__, "said": said, "tests": found}
"""
PROJECT = """
[project]
name = "{name}"
version = "{version}"
[build-system]
requires = ["uv_build>=0.13,<0.14"]
build-backend = "uv_build"
"""


def package(name, files, *, version="1"):
    """The files of a package beside the service."""
    project = PROJECT.format(name=name, version=version)
    return {f"{name}/pyproject.toml": project, **{f"{name}/src/{name}/{path}": text for path, text in files.items()}}


def sources(*names):
    return "[tool.uv.sources]\n" + "".join(f'{name} = {{ path = "{name}" }}\n' for name in names)


OURS = {
    **package("boto3", {"__init__.py": ""}, version="1.44.5"),
    **package(
        "shelf",
        {
            "__init__.py": "",
            "tests/__init__.py": "",
            "tests/test_wood.py": "import shelf\n",
            "testing/__init__.py": "",
            "testing/tests/samples.txt": "oak",
            "fast/__init__.py": "from .tests import helpers\n",
            "fast/tests/helpers.py": "",
            "_fast.pyx": "cdef int x",
        },
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for services that share a cache."""
    return tmp_path_factory.mktemp("leaving-out")


def service_of_ours(folder, files=None, **options):
    files = {**OURS, **(files or {})}
    return service_in(folder, files, dependencies=("boto3", "shelf"), sources=sources("boto3", "shelf"), **options)


@pytest.fixture(scope="module")
def ours(folder):
    """A service with an SDK and a package that has tests."""
    return built(service_of_ours(folder / "ours"), folder / "cache")


@pytest.fixture(scope="module", params=[True, False], ids=["stripped", "whole"])
def compiled(request, folder):
    """A service with a compiled package, with and without what nobody needs of it."""
    table = "" if request.param else "package.strip = false"
    service = service_in(
        folder / "compiled", {"lambda_handler.py": HANDLER}, dependencies=("greenlet==3.2.5",), table=table
    )
    return built(service, folder / "cache", platform=Platform.THIS_MACHINE)


def binary(result):
    (name,) = [name for name in result.names if name.startswith("greenlet/_greenlet") and name.endswith(".so")]
    return result.read(name)


def test_the_sdk_is_left_out_of_a_zip_and_said_so(ours):
    assert not [name for name in ours.names if name.startswith("boto3")]
    assert [package.name for package in ours.artifact.packages] == ["shelf"]
    ((name, version),) = [(package.name, package.version) for package in ours.artifact.left_out.provided]
    assert (name, version) == ("boto3", "1.44.5")


def test_the_sdk_is_in_a_zip_that_keeps_it(folder):
    kept = built(service_of_ours(folder / "kept", table="package.keep_sdk = true"), folder / "cache")
    assert "boto3/__init__.py" in kept.names
    assert kept.artifact.left_out.sdk_stays == "package.keep_sdk is set"


def test_the_sdk_is_in_an_image_which_also_runs_where_no_lambda_is(folder):
    said = []
    making = parts_of(
        service_of_ours(folder / "ours"),
        packing=LAYER,
        runtime=OWN_RUNTIME,
        platform=Platform.ARM64,
        cache=folder / "cache",
        tell=lambda text, **_: said.append(text),
    )
    packed = asyncio.run(making).packed
    assert "boto3/__init__.py" in packed.names
    assert packed.left_out.provided == ()


def test_tests_that_nothing_names_and_sources_of_binaries_are_left_out(ours):
    shelf = {name.removeprefix("shelf/") for name in ours.names if name.startswith("shelf/") and "pyc" not in name}
    assert shelf == {
        "__init__.py",
        "fast/__init__.py",
        "fast/tests/helpers.py",
        "testing/__init__.py",
        "testing/tests/samples.txt",
    }
    assert ours.artifact.left_out.tests == ("shelf.tests",)
    assert ours.artifact.left_out.slimmed == len("import shelf\ncdef int x")


def test_a_service_that_uses_tests_of_a_package_is_told_so(folder):
    with pytest.raises(ArtifactError, match=r"demo\.py names shelf\.tests, which would not be in the art") as refused:
        built(service_of_ours(folder / "uses", {"demo.py": "from shelf.tests import test_wood\n"}), folder / "cache")
    assert "package.strip = false" in refused.value.remedy


def test_a_compiled_package_runs_as_it_was_with_the_sdk_of_lambda(compiled, tmp_path):
    task = tmp_path / "task"
    with zipfile.ZipFile(compiled.artifact.path) as file:
        file.extractall(task)
    said = answer_of(task, "/")
    stripped = compiled.artifact.left_out.slimmed > 0
    assert said["said"] == "switched"
    assert said["tests"] is not stripped
    assert not Path(said["boto3"]).is_relative_to(task)
    assert (b".debug_info" not in binary(compiled)) is stripped


def test_binaries_that_hold_more_than_their_loader_knows_stay_as_they_are(compiled):
    content = binary(compiled)
    for other in (content + b"payload", content[: len(content) // 2], content[:30], b"\x7fELF\x02\x01", b"!<arch>\n"):
        assert without_debug_information(other) == other
    slim = without_debug_information(content)
    assert without_debug_information(slim) == slim
    assert (len(slim) < len(content)) is (compiled.artifact.left_out.slimmed == 0)
