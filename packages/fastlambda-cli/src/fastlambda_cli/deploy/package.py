"""What of a service is deployed, as long as it is on this machine: a zip for the bucket or an image for the repository.

Everything that is different about the two is here, in `zip_package` and in `image_package`; whatever is done with what
has been published is done by its record, `model.Published`.
"""

from __future__ import annotations

from typing import Protocol

from fastlambda_cli.artifact.image.model import Image
from fastlambda_cli.artifact.model import Artifact, Platform
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.model import Published, PublishedImage, Remark, Step, Target, Tell
from fastlambda_cli.deploy.zip_package import ZipPackage, built_zip
from fastlambda_cli.template.parameters import BUCKET, IMAGE_URI, KEY, SHA256


class Package(Protocol):
    """A zip or an image."""

    def published(self, stack_name: str, aws: Aws, bootstrap: Bootstrap | None) -> Published:
        """Tell what it will be called once it is published; the account's bootstrap may be missing still."""

    def publish(self, stack_name: str, aws: Aws, bootstrap: Bootstrap, tell: Tell) -> None:
        """Put it where Lambda gets it, unless it is there.

        Raises:
            AwsError: AWS refuses.
            RegistryError: The repository does, or is not reached.

        """


def package_of(artifact: Artifact | Image) -> Package:
    """The package that an artifact on this machine is."""
    if isinstance(artifact, Image):
        from fastlambda_cli.deploy.image_package import ImagePackage  # noqa: PLC0415 - the registries' client

        return ImagePackage(artifact)
    return ZipPackage(artifact)


def built(target: Target, aws: Aws, tell: Tell) -> Artifact | Image:
    """Return the artifact of a target, built unless it comes with one; an AWS on this machine is asked nothing.

    Raises:
        FastLambdaError: The service cannot be built, or the base of its image is not to be had.

    """
    if target.artifact is not None:
        return target.artifact
    configuration = target.service.configuration
    platform = Platform.THIS_MACHINE if aws.is_local else Platform(configuration.architecture)
    is_image = configuration.package.type == "image"
    tell(Step(f"Building the {'image' if is_image else 'artifact'} for {platform}"))
    if aws.is_local:
        tell(Remark(f"On AWS the same service is built for {configuration.architecture}."))
    if is_image:
        from fastlambda_cli.deploy.image_package import built_image  # noqa: PLC0415 - the registries' client

        return built_image(target, aws, tell)
    return built_zip(target, aws, tell)


def parameters_of(published: Published) -> dict[str, str]:
    """The template's parameters that say where Lambda gets an artifact."""
    if isinstance(published, PublishedImage):
        return {IMAGE_URI: published.uri}
    return {BUCKET: published.bucket, KEY: published.key, SHA256: published.sha256}
