"""`fastlambda build`: what a deployment would deploy, as a file or in a registry."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from fastlambda_cli.artifact.build import build as build_zip
from fastlambda_cli.artifact.image.authentication import Logins
from fastlambda_cli.artifact.image.making import Wanted, make_image
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.installation import cache_dir
from fastlambda_cli.artifact.model import Package, Part, Platform
from fastlambda_cli.cli.documents import print_document, told_to_machines
from fastlambda_cli.cli.logins import logins_of
from fastlambda_cli.cli.options import JsonOption, ProfileOption, ServiceArgument, StageOption
from fastlambda_cli.cli.runtime import runtime_of
from fastlambda_cli.cli.signals import interruptible
from fastlambda_cli.cli.target import ContradictoryOptionsError
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.building import Building, facts_of, left_out_of, weights_of
from fastlambda_cli.cli.views.words import size
from fastlambda_cli.errors import ToolchainError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Runtime, Service
from fastlambda_cli.service.stages import DEFAULT_STAGE


def build(  # noqa: PLR0913, PLR0917 - each is an option of the command
    service: ServiceArgument = Path(),
    stage: StageOption = DEFAULT_STAGE,
    image: Annotated[bool, typer.Option("--image", help="A container image instead of a zip.")] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to: a file; with --image a folder, or a file that ends with .tar."),
    ] = None,
    push: Annotated[str | None, typer.Option(metavar="REGISTRY/REPOSITORY[:TAG]", help="Push the image there.")] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="IMAGE", help="What the image stands on.", show_default="AWS's own for the runtime"),
    ] = None,
    upgrade_base: Annotated[
        bool, typer.Option("--upgrade-base", help="Follow the base's tag to its digest now.")
    ] = False,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build what would be deployed: the zip or, with package.type = "image" or --image, the container image.

    The same service gives the same bytes on every machine. What has not changed since the last time is not made again.
    No Docker is needed; a registry takes the login that docker or podman have kept, Amazon ECR the AWS credentials.

    - `fastlambda build --output books.zip` for the zip, and what weighs most in it
    - `fastlambda build --image --push 111122223333.dkr.ecr.eu-west-1.amazonaws.com/books`
    - `fastlambda build --image --output books.tar && podman load -i books.tar` to look into it
    """
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        described = load_service(service, stage=stage)
        image = image or described.configuration.package.type == "image"
        _check_options(image, {"--push": push, "--base": base, "--upgrade-base": upgrade_base})
        runtime, platform = runtime_of(described), Platform(described.configuration.architecture)
        with Building(console) as building:
            if image:
                wanted = Wanted(
                    service=described,
                    runtime=runtime,
                    platform=platform,
                    base=Reference.parse(base) if base else None,
                    upgrade_base=upgrade_base,
                    output=output,
                    target=Reference.parse(push, default_tag=None) if push else None,
                )
                built = _of_image(wanted, building, logins_of(profile))
            else:
                built = _of_zip(described, runtime, platform, building, output)
        if as_json:
            print_document(built.document)
        else:
            facts = facts_of(f"{described.name} for {runtime} on {platform}", built.rows)
            console.print(facts, soft_wrap=True)
            if built.packages:
                console.print(weights_of(built.packages))


@dataclass(frozen=True, slots=True)
class _Built:
    """What is told of a build, to a person and to a machine."""

    rows: tuple[tuple[str, str], ...]
    packages: tuple[Package, ...]
    document: Mapping[str, Any]


def _check_options(image: bool, options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value]
    if given and not image:
        raise ContradictoryOptionsError(
            f"{given[0]} is about images, and a zip is to be built", remedy=f"Add --image, or leave {given[0]} out."
        )


def _of_zip(service: Service, runtime: Runtime, platform: Platform, building: Building, output: Path | None) -> _Built:
    making = build_zip(service, runtime=runtime, platform=platform, cache=cache_dir(), tell=building.tell)
    artifact = asyncio.run(making)
    path = _copied(artifact.path, output) if output else artifact.path
    rows = (
        ("size", f"{size(artifact.size)}, {size(artifact.unpacked)} unzipped"),
        ("digest", f"sha256:{artifact.sha256_hex}"),
        ("reused", _reused(artifact.reused)),
        *left_out_of(artifact.left_out),
        ("file", str(path)),
    )
    document = {
        "package": "zip",
        "digest": f"sha256:{artifact.sha256_hex}",
        "size": artifact.size,
        "unpacked": artifact.unpacked,
        "path": str(path),
        "reused": _names(artifact.reused),
        "packages": [asdict(package) for package in artifact.packages],
        "left_out": asdict(artifact.left_out),
    }
    return _Built(rows, artifact.packages, document)


def _of_image(wanted: Wanted, building: Building, logins: Logins) -> _Built:
    making = make_image(wanted, cache=cache_dir(), logins=logins, tell=building.tell, moved=building.moved)
    made = asyncio.run(making)
    image, pushed = made.image, made.pushed
    own = sum(layer.size for layer in image.layers)
    rows = [
        ("size", f"{size(own)} on a base of {size(image.size - own)}"),
        ("base", image.base.reference),
        ("digest", image.digest),
        ("reused", _reused(image.reused)),
        *left_out_of(image.left_out),
    ]
    if wanted.output is not None:
        rows.append(("written", str(wanted.output)))
    if pushed is not None:
        sent = "nothing, it was there" if pushed.present else f"{size(pushed.uploaded)}"
        rows += [("pushed", f"{pushed.reference}, tag {pushed.tag}"), ("uploaded", sent)]
    document = {
        "package": "image",
        "digest": image.digest,
        "media_type": image.media_type,
        "size": image.size,
        "base": image.base.reference,
        "layers": [{"digest": layer.digest, "size": layer.size, "diff_id": layer.diff_id} for layer in image.layers],
        "path": str(wanted.output) if wanted.output else None,
        "reference": str(pushed.reference) if pushed else None,
        "tag": pushed.tag if pushed else None,
        "uploaded": pushed.uploaded if pushed else 0,
        "mounted": pushed.mounted if pushed else 0,
        "reused": _names(image.reused),
        "packages": [asdict(package) for package in image.packages],
        "left_out": asdict(image.left_out),
    }
    return _Built(tuple(rows), image.packages, document)


def _reused(parts: frozenset[Part]) -> str:
    if parts == frozenset(Part):
        return "everything: nothing has changed"
    return ", ".join(sorted(parts)) or "nothing"


def _names(parts: frozenset[Part]) -> list[str]:
    return sorted(part.name.lower() for part in parts)


def _copied(path: Path, output: Path) -> Path:
    """Copy a file, so that whoever reads the copy sees all of it or what was there before."""
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".artifact-") as work:
            partial = Path(work, output.name)
            shutil.copyfile(path, partial)
            partial.replace(output)
    except OSError as problem:
        raise ToolchainError(
            f"Cannot write {output}",
            why=problem.strerror or str(problem),
            remedy="Name a file in a folder that can be written to.",
        ) from problem
    return output
