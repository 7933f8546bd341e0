"""The way out for what the packer cannot make: an image by the service's own Dockerfile."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.artifact.image.archived import read_image
from fastlambda_cli.artifact.image.authentication import Logins
from fastlambda_cli.artifact.image.base import Bases
from fastlambda_cli.artifact.image.blobs import BlobStore
from fastlambda_cli.artifact.image.builders import build_archive, find_builder
from fastlambda_cli.artifact.image.layout import write_folder, write_tar
from fastlambda_cli.artifact.image.making import Made
from fastlambda_cli.artifact.image.push import push
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.image.registry import Moved, Registry
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ArtifactError, ToolchainError

_TAR = ".tar"


@dataclass(frozen=True, slots=True)
class FromDockerfile:
    """What is to be made.

    Attributes:
        dockerfile: The file; its folder is the context.
        name: What the image is called in files, such as books.
        platform: For which.
        output: A folder, or a file that ends with .tar, to write it to.
        target: Where to push it.

    """

    dockerfile: Path
    name: str
    platform: Platform
    output: Path | None = None
    target: Reference | None = None


async def make_from_dockerfile(
    wanted: FromDockerfile, *, cache: Path, logins: Logins, tell: Tell, moved: Moved
) -> Made:
    """Build an image by a Dockerfile, check that Lambda takes it, and bring it to where it is wanted.

    Args:
        wanted: What.
        cache: The folder that keeps what is fetched; the builder keeps what it builds.
        logins: Finds the logins for registries.
        tell: Is told what the builder says.
        moved: Is told how far each blob has come that is pushed.

    Raises:
        ArtifactError: There is no such file, or Lambda would not take its image.
        RegistryError: A registry refuses, or is not reached.
        ToolchainError: No builder is here, it fails, or something cannot be written.

    """
    if not wanted.dockerfile.is_file():
        raise ArtifactError(
            f"{wanted.dockerfile} is not there", remedy="Name the Dockerfile; fastlambda dockerfile prints one."
        )
    builder = await find_builder()
    tell(f"Building {wanted.dockerfile} with {builder.name} for {wanted.platform}")
    with _written(), tempfile.TemporaryDirectory(prefix="fastlambda-image-") as folder:
        work = Path(folder)
        archive = await build_archive(builder, wanted.dockerfile.absolute(), wanted.platform, work, tell)
        image = read_image(archive, wanted.platform, work)
        if wanted.output is not None:
            write = write_tar if wanted.output.suffix == _TAR else write_folder
            blobs = {layer.digest: layer.path for layer in image.layers}
            write(image, blobs, wanted.output, name=f"{wanted.name.lower()}:latest")
        if wanted.target is None:
            return Made(image, None)
        tell(f"Pushing to {wanted.target}")
        async with Registry(wanted.target.registry, logins) as registry:
            bases = Bases(registry, BlobStore(cache / "blobs"), tell, moved)
            return Made(image, await push(image, wanted.target, registry, bases, moved))


@contextlib.contextmanager
def _written() -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise ToolchainError(
            "Cannot keep the image while it is made",
            why=str(problem),
            remedy=f"See that {tempfile.gettempdir()} can be written to and its disk has room, or set TMPDIR.",
        ) from problem
