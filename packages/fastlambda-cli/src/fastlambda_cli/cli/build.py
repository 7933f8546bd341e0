"""`fastlambda build`: what a deployment would deploy, as a file or in a registry."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fastlambda_cli.artifact.build import build as build_zip
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.installation import cache_dir
from fastlambda_cli.artifact.model import Package, Part, Platform
from fastlambda_cli.artifact.outputs import remember_output
from fastlambda_cli.cli.documents import print_document, told_to_machines
from fastlambda_cli.cli.options import (
    ContradictoryOptionsError,
    JsonOption,
    ProfileOption,
    ServiceArgument,
    StageOption,
)
from fastlambda_cli.cli.runtime import runtime_of
from fastlambda_cli.cli.signals import interruptible
from fastlambda_cli.cli.terminal import report_console
from fastlambda_cli.cli.views.building import Building, facts_of, left_out_of, upload_of, weights_of
from fastlambda_cli.cli.views.words import size
from fastlambda_cli.errors import ToolchainError
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Runtime, Service
from fastlambda_cli.service.stages import DEFAULT_STAGE

if TYPE_CHECKING:
    from fastlambda_cli.artifact.image.escape import FromDockerfile
    from fastlambda_cli.artifact.image.making import Made, Wanted


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
        typer.Option(metavar="IMAGE", help="What the image stands on.", show_default="package.base, or AWS's own"),
    ] = None,
    upgrade_base: Annotated[
        bool, typer.Option("--upgrade-base", help="Follow the base's tag to its digest now.")
    ] = False,
    dockerfile: Annotated[
        Path | None,
        typer.Option("--dockerfile", metavar="FILE", help="Build the image by it, with docker, podman or buildah."),
    ] = None,
    profile: ProfileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build what would be deployed: the zip or, with package.type = "image" or --image, the container image.

    The same service gives the same bytes on every machine. What has not changed since the last time is not made again.
    No Docker is needed; a registry takes the login that docker or podman have kept, Amazon ECR the AWS credentials.

    - `fastlambda build --output books.zip` for the zip, and what weighs most in it
    - `fastlambda build --image --push 111122223333.dkr.ecr.eu-west-1.amazonaws.com/books`
    - `fastlambda build --image --output books.tar && podman load -i books.tar` to look into it
    - `fastlambda build --image --dockerfile Dockerfile --push ...` for what only a Dockerfile can make
    """
    console = report_console(stderr=as_json)
    with told_to_machines(as_json=as_json), interruptible():
        described = load_service(service, stage=stage)
        image = image or described.configuration.package.type == "image"
        pinned = {"--base": base, "--upgrade-base": upgrade_base}
        _check_options(image, {"--push": push, "--dockerfile": dockerfile, **pinned})
        dockerfile = dockerfile or described.dockerfile
        _check_base(dockerfile, pinned)
        runtime, platform = runtime_of(described), Platform(described.configuration.architecture)
        if output is not None:
            remember_output(described.root, output)
        with Building(console) as building:
            target = Reference.parse(push, default_tag=None) if push else None
            if dockerfile is not None:
                from fastlambda_cli.artifact.image.escape import FromDockerfile  # noqa: PLC0415 - the registries' client

                by_file = FromDockerfile(described, dockerfile, platform, output, target)
                built = _of_dockerfile(by_file, building, profile)
            elif image:
                from fastlambda_cli.artifact.image.making import Wanted  # noqa: PLC0415 - the registries' client

                wanted = Wanted(
                    service=described,
                    runtime=runtime,
                    platform=platform,
                    base=Reference.parse(base) if base else None,
                    upgrade_base=upgrade_base,
                    output=output,
                    target=target,
                )
                built = _of_image(wanted, building, profile)
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


def _check_base(dockerfile: Path | None, options: Mapping[str, object]) -> None:
    given = [name for name, value in options.items() if value]
    if given and dockerfile is not None:
        raise ContradictoryOptionsError(
            f"{given[0]} is not for a Dockerfile, which names its base itself", remedy=f"Leave {given[0]} out."
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
        *upload_of(artifact.size),
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


def _of_image(wanted: Wanted, building: Building, profile: str | None) -> _Built:
    from fastlambda_cli.artifact.image.making import make_image  # noqa: PLC0415 - the registries' client
    from fastlambda_cli.cli.logins import logins_of  # noqa: PLC0415 - the same

    making = make_image(wanted, cache=cache_dir(), logins=logins_of(profile), tell=building.tell, moved=building.moved)
    made = asyncio.run(making)
    image = made.image
    own = sum(layer.size for layer in image.layers)
    rows = (
        ("size", f"{size(own)} on a base of {size(image.size - own)}"),
        ("base", image.base.reference),
        ("digest", image.digest),
        ("reused", _reused(image.reused)),
        *left_out_of(image.left_out),
    )
    document = {"base": image.base.reference, **_document_of(made, wanted.output)}
    return _Built((*rows, *_where(made, wanted.output)), image.packages, document)


def _of_dockerfile(wanted: FromDockerfile, building: Building, profile: str | None) -> _Built:
    from fastlambda_cli.artifact.image.escape import make_from_dockerfile  # noqa: PLC0415 - the registries' client
    from fastlambda_cli.cli.logins import logins_of  # noqa: PLC0415 - the same

    making = make_from_dockerfile(
        wanted, cache=cache_dir(), logins=logins_of(profile), tell=building.tell, moved=building.moved
    )
    made = asyncio.run(making)
    rows = (("size", size(made.image.size)), ("digest", made.image.digest))
    document = {"base": None, **_document_of(made, wanted.output)}
    return _Built((*rows, *_where(made, wanted.output)), (), document)


def _where(made: Made, output: Path | None) -> Iterator[tuple[str, str]]:
    """Rows that tell where an image went."""
    pushed = made.pushed
    if output is not None:
        yield "written", str(output)
    if pushed is not None:
        yield "pushed", f"{pushed.reference}, tag {pushed.tag}"
        yield "uploaded", "nothing, it was there" if pushed.present else size(pushed.uploaded)


def _document_of(made: Made, output: Path | None) -> Mapping[str, Any]:
    image, pushed = made.image, made.pushed
    return {
        "package": "image",
        "digest": image.digest,
        "media_type": image.media_type,
        "size": image.size,
        "layers": [{"digest": layer.digest, "size": layer.size, "diff_id": layer.diff_id} for layer in image.layers],
        "path": str(output) if output else None,
        "reference": str(pushed.reference) if pushed else None,
        "tag": pushed.tag if pushed else None,
        "uploaded": pushed.uploaded if pushed else 0,
        "mounted": pushed.mounted if pushed else 0,
        "reused": _names(image.reused),
        "packages": [asdict(package) for package in image.packages],
        "left_out": asdict(image.left_out),
    }


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
