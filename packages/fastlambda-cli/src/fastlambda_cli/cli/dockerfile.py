"""`fastlambda dockerfile`: the image's Dockerfile, for those who build with Docker, podman or buildah."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fastlambda_cli.artifact.bundling import BUNDLER, begins_with_runtime
from fastlambda_cli.artifact.collecting import service_files
from fastlambda_cli.artifact.image.base import base_of
from fastlambda_cli.artifact.image.dockerfile import dockerfile as written
from fastlambda_cli.artifact.image.model import MAX_UNPACKED
from fastlambda_cli.artifact.image.pins import PINS, Pins
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.cli.options import ServiceArgument, StageOption
from fastlambda_cli.cli.runtime import runtime_of
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.building import Building
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.stages import DEFAULT_STAGE


def dockerfile(
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    bundler: Annotated[
        bool, typer.Option("--bundler", help="Print the program instead that the Dockerfile bundles the packages with.")
    ] = False,
) -> None:
    """Print a Dockerfile that makes what `fastlambda build --image` makes.

    The base is package.base or AWS's own, at the digest that `fastlambda.image.lock` pins. Nobody is called.

    - `fastlambda dockerfile > Dockerfile`, then the commands in its first lines
    """
    if bundler:
        sys.stdout.write(BUNDLER.read_text(encoding="utf-8"))
        return
    described = load_service(service, stage=stage)
    platform = Platform(described.configuration.architecture)
    tell = Building(report_console(stderr=True)).tell
    own = service_files(described, tell, limit=MAX_UNPACKED)
    files = [entry.name for entry in own]
    configuration = described.configuration
    bundled = configuration.package.bundle and begins_with_runtime(own, configuration.handler)
    base = base_of(described, runtime_of(described), platform)
    pinned = Pins(described.root / PINS).find(str(base))
    name = str(base.at(pinned) if pinned else base)
    sys.stdout.write(written(described, name, platform, files, bundled=bundled))
