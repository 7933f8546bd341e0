"""The zip, unzipped, is all that a function needs: a real runtime client answers an HTTP event from it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from built_artifacts import Built, built, service_in
from running_zip import answer_of

from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.service.load import load_service

ROOT = Path(__file__).parents[2]
HANDLER = "from mangum import Mangum\nfrom demo.app import app\nhandler = Mangum(app)\n"
APP = """
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

def hello(request):
    return JSONResponse({"hello": request.path_params["name"]})

app = Starlette(routes=[Route("/hello/{name}", hello)])
"""

BUNDLED = """
import sys

from fastlambda import FastLambda

# isort: split
import dataclasses

from fastapi import FastAPI

app = FastAPI()

@app.get("/loaders")
async def loaders() -> dict[str, str]:
    names = ("demo", "fastapi", "fastapi.openapi.models", "pydantic_core", "fastlambda.handler")
    return {name: type(sys.modules[name].__spec__.loader).__name__ for name in names if name in sys.modules}

handler = FastLambda(app)
"""


@pytest.mark.slow
@pytest.mark.usefixtures("settled")
def test_the_runtime_reads_the_packages_code_out_of_one_file(tmp_path):
    runtime = f'[tool.uv.sources]\nfastlambda = {{ path = "{ROOT}/packages/fastlambda" }}'
    service = service_in(
        tmp_path / "mine", {"lambda_handler.py": BUNDLED}, dependencies=("fastlambda", "fastapi"), sources=runtime
    )
    result = built(service, tmp_path / "cache", platform=Platform.THIS_MACHINE)
    folder = tmp_path / "task"
    with zipfile.ZipFile(result.artifact.path) as file:
        file.extractall(folder)

    said = answer_of(folder, "/loaders")

    assert said["statusCode"] == 200
    assert json.loads(said["body"]) == {
        "fastapi": "BundleLoader",
        "fastapi.openapi.models": "TunedLoader",
        "pydantic_core": "BundleLoader",
        "fastlambda.handler": "BundleLoader",
    }
    assert not list((folder / "fastapi").rglob("*.pyc"))


@pytest.mark.slow
def test_a_runtime_client_answers_an_http_event_from_the_bytecode_of_the_zip(tmp_path):
    app = {"lambda_handler.py": HANDLER, "demo/__init__.py": "", "demo/app.py": APP}
    service = service_in(tmp_path / "mine", app, dependencies=("starlette", "mangum"))
    result = built(service, tmp_path / "cache", platform=Platform.THIS_MACHINE)
    folder = tmp_path / "task"
    with zipfile.ZipFile(result.artifact.path) as file:
        file.extractall(folder)
    (folder / "demo" / "app.py").write_text("raise RuntimeError('compiled again')\n")

    said = answer_of(folder, "/hello/books")

    assert said["statusCode"] == 200
    assert json.loads(said["body"]) == {"hello": "books"}


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The books service for Lambda, from its lock."""
    service = load_service(ROOT / "examples" / "books")
    return built(service, tmp_path_factory.mktemp("books"), runtime="python3.13")


def test_the_books_service_is_built_for_lambda_from_its_lock(books):
    assert {"lambda_handler.py", "demo/main.py", "fastlambda/handler.py", "fastapi/__init__.py"} <= books.names
    assert not {name for name in books.names if name.startswith(("tests/", ".", "requirements"))}
    assert books.artifact.size < 20 * 2**20


def test_the_books_service_has_only_binaries_for_its_processor(books):
    binaries = [name for name in books.names if name.endswith(".so")]
    assert binaries
    assert {books.read(name)[18] for name in binaries} == {0xB7}
    assert all("313-aarch64" in name or "abi3" in name for name in binaries)
