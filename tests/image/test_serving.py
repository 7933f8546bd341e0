"""The image where there is no Lambda: the same one, run by podman with the command that ECS and EKS are told."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import httpx
import pytest
from built_artifacts import OWN_RUNTIME, service_in
from lambda_like_base import ARCHITECTURE, lambda_like_base
from podman import needs, needs_root, podman_with
from real_registry import PROGRAM, put_into, real_registry
from served import served

from fastlambda_cli.artifact.image.making import Wanted, make_image
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.interpreter import OWN, own_python
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.local.packages import install_runtime

PLATFORM = {"amd64": Platform.X86_64, "arm64": Platform.ARM64}[ARCHITECTURE]
RUNTIME = Path(__file__).parents[2] / "packages" / "fastlambda"
SOURCES = f'[tool.uv.sources]\nfastlambda = {{ path = "{RUNTIME}" }}'
HANDLER = """
import os
from contextlib import asynccontextmanager
from fastapi import FastAPI
from fastlambda import FastLambda, logger

@asynccontextmanager
async def lifespan(app):
    yield
    logger.info("the lifespan has ended")

app = FastAPI(lifespan=lifespan)

@app.get("/who")
def who():
    return os.getuid()

handler = FastLambda(app)
"""

pytestmark = [
    pytest.mark.usefixtures("settled"),
    pytest.mark.skipif(
        "FASTLAMBDA_TEST_PODMAN" not in os.environ,
        reason="half a minute, for packing FastAPI and copying layers: FASTLAMBDA_TEST_PODMAN=1 runs it",
    ),
    pytest.mark.skipif(PROGRAM is None, reason="docker-registry is not installed"),
    needs("podman", "runc"),
    needs_root,
]


@pytest.fixture
def pushed(tmp_path):
    """The image's name in a registry."""
    service = service_in(
        tmp_path / "mine",
        {"lambda_handler.py": HANDLER},
        dependencies=("fastapi", "fastlambda[serve]"),
        table=f'architecture = "{PLATFORM}"',
        sources=SOURCES,
    )
    runtime_dir = asyncio.run(install_runtime(own_python(), OWN, lambda _: None))
    with real_registry(tmp_path) as host:
        wanted = Wanted(
            service=service,
            runtime=OWN_RUNTIME,
            platform=PLATFORM,
            base=Reference.parse(put_into(host, lambda_like_base(runtime_dir), "test")),
            target=Reference.parse(f"{host}/mine:one"),
        )
        making = make_image(
            wanted, cache=tmp_path / "cache", logins=lambda _: None, tell=lambda *_, **__: None, moved=lambda *_: None
        )
        yield str(asyncio.run(making).pushed.reference)


def test_the_image_serves_read_only_and_as_nobody_until_it_is_stopped(pushed, tmp_path):
    def command(variables):
        entrypoint = f'["{own_python().resolve()}", "-m", "fastlambda.serve", "lambda_handler.handler"]'
        told = {name: value for name, value in variables.items() if name.startswith(("AWS_", "FASTLAMBDA_"))}
        return podman.run(told, "--entrypoint", entrypoint)

    (tmp_path / "empty").mkdir()
    with podman_with(pushed, tmp_path) as podman, served(tmp_path / "empty", "", command) as container:
        assert httpx.get(f"{container.url}/who").json() == 993
        assert httpx.get(f"{container.url}/healthz").text == "ok\n"
        assert container.log("GET /who 200")["route"] == "/who"
        assert container.stop() == 0
        assert container.logs[-1]["message"] == "the lifespan has ended"
