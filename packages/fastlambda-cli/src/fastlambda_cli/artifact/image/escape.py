"""The way out for what the packer cannot make: an image by the service's own Dockerfile."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.artifact.fingerprint import digest
from fastlambda_cli.artifact.image.archived import read_image
from fastlambda_cli.artifact.image.authentication import Logins
from fastlambda_cli.artifact.image.builders import build_by_dockerfile, find_builder, save
from fastlambda_cli.artifact.image.kept import FORMAT, is_sound, keep_image, kept_image
from fastlambda_cli.artifact.image.layout import write_folder, write_tar
from fastlambda_cli.artifact.image.making import Made, push_image
from fastlambda_cli.artifact.image.model import Image
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.image.registry import Moved
from fastlambda_cli.artifact.installation import installed, keep_newest
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ArtifactError
from fastlambda_cli.service.model import Service

_TAR = ".tar"
_KEPT = 2
"""One for Lambda's processor and one for this machine's, or the one before."""


@dataclass(frozen=True, slots=True)
class FromDockerfile:
    """What is to be made.

    Attributes:
        service: Of this service.
        dockerfile: The file; its folder is the context.
        platform: For which.
        output: A folder, or a file that ends with .tar, to write it to.
        target: Where to push it.

    """

    service: Service
    dockerfile: Path
    platform: Platform
    output: Path | None = None
    target: Reference | None = None


async def make_from_dockerfile(
    wanted: FromDockerfile, *, cache: Path, logins: Logins, tell: Tell, moved: Moved
) -> Made:
    """Build an image by a Dockerfile, check that Lambda takes it, and bring it to where it is wanted.

    Args:
        wanted: What.
        cache: The folder that keeps the image; the builder keeps what it builds.
        logins: Finds the logins for registries.
        tell: Is told what the builder says.
        moved: Is told how far each blob has come that is pushed.

    Raises:
        ArtifactError: There is no such file, or Lambda would not take its image.
        RegistryError: A registry refuses, or is not reached.
        ToolchainError: No builder is here, it fails, or something cannot be written.

    """
    image = await image_by_dockerfile(wanted.service, wanted.dockerfile, wanted.platform, cache=cache, tell=tell)
    if wanted.output is not None:
        write = write_tar if wanted.output.suffix == _TAR else write_folder
        blobs = {layer.digest: layer.path for layer in image.layers}
        write(image, blobs, wanted.output, name=f"{wanted.service.name.lower()}:latest")
    if wanted.target is None:
        return Made(image, None)
    tell(f"Pushing to {wanted.target}")
    return Made(image, await push_image(image, wanted.target, cache=cache, logins=logins, tell=tell, moved=moved))


async def image_by_dockerfile(
    service: Service, dockerfile: Path, platform: Platform, *, cache: Path, tell: Tell
) -> Image:
    """Build an image by a Dockerfile, and check that Lambda takes it.

    What the builder finds unchanged is the image that was read before, byte for byte.

    Args:
        service: Of this service.
        dockerfile: The file; its folder is the context.
        platform: For which.
        cache: The folder that keeps the image.
        tell: Is told what the builder says, and warned of what deserves attention.

    Raises:
        ArtifactError: There is no such file, or Lambda would not take its image.
        ToolchainError: No builder is here, it fails, or the cache cannot be written.

    """
    if not dockerfile.is_file():
        raise ArtifactError(
            f"{dockerfile} is not there", remedy="Name the Dockerfile; fastlambda dockerfile prints one."
        )
    builder = await find_builder()
    tell(f"Building {dockerfile} with {builder.name} for {platform}")
    identifier = await build_by_dockerfile(builder, dockerfile.absolute(), platform, tell)
    place = cache / "dockerfile" / service.name / digest(FORMAT, identifier, platform)

    async def fill(folder: Path) -> None:
        archive = folder / "image.tar"
        await save(builder, identifier, archive, tell)
        work = folder / "archive"
        keep_image(folder, read_image(archive, platform, folder, work))
        archive.unlink()
        shutil.rmtree(work)

    await installed(place, fill, tell, what=f"the image of {service.name}", verb="read", sound=is_sound)
    keep_newest(place, _KEPT)
    image = kept_image(place)
    _compare_command(image, service.configuration.handler, tell)
    return image


def command_of(image: Image) -> tuple[str, ...]:
    """What an image tells its entrypoint: for one of AWS's, the handler alone."""
    command = (json.loads(image.config).get("config") or {}).get("Cmd") or ()
    return tuple(map(str, command))


def _compare_command(image: Image, handler: str, tell: Tell) -> None:
    command = command_of(image)
    if command != (handler,):
        told = f"The Dockerfile's CMD is {json.dumps(command)}, which Lambda runs, and the configured handler {handler}"
        tell(told, warning=True)
