"""A service as a container image, which goes to the bootstrap stack's repository in Amazon ECR."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fastlambda_cli.artifact.image.authentication import Login, Logins
from fastlambda_cli.artifact.image.base import base_of
from fastlambda_cli.artifact.image.build import build_image
from fastlambda_cli.artifact.image.empty import empty_base
from fastlambda_cli.artifact.image.escape import image_by_dockerfile
from fastlambda_cli.artifact.image.here import image_for_here, platform_here
from fastlambda_cli.artifact.image.logins import KeptLogins, login_files
from fastlambda_cli.artifact.image.making import Wanted, make_image, push_image
from fastlambda_cli.artifact.image.model import Descriptor, Image
from fastlambda_cli.artifact.image.reference import Reference
from fastlambda_cli.artifact.image.registry import Moved
from fastlambda_cli.artifact.image.steps import named_layers
from fastlambda_cli.artifact.installation import cache_dir
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell as Say
from fastlambda_cli.aws.registry import region_of_registry, registry_login
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.bootstrap_template import REPOSITORY_NAME
from fastlambda_cli.deploy.model import PublishedImage, Remark, Step, Target, Tell
from fastlambda_cli.deploy.releases import image_tag
from fastlambda_cli.deploy.telling import as_remarks, in_percents, in_words

_BASE = "the base"


@dataclass(frozen=True, slots=True)
class ImagePackage:
    """An image whose own layers are on this machine."""

    image: Image

    def published(self, stack_name: str, aws: Aws, bootstrap: Bootstrap | None) -> PublishedImage:
        """Tell where it will be; the repository has the same name in every account and Region."""
        del stack_name
        registry = f"{aws.account}.dkr.ecr.{aws.region}.{aws.url_suffix}"
        repository = bootstrap.repository_uri if bootstrap else f"{registry}/{REPOSITORY_NAME}"
        image = self.image
        layers = {name: (layer.size, layer.digest) for name, layer in named_layers(image)}
        if image.base.layers:
            layers = {_BASE: (sum(layer.size for layer in image.base.layers), image.base.digest), **layers}
        return PublishedImage(f"{repository}@{image.digest}", image.size, layers)

    def publish(self, stack_name: str, aws: Aws, bootstrap: Bootstrap, tell: Tell) -> None:
        """Push what the repository has not, and tag it for this stack.

        Raises:
            AwsError: AWS gives no login for the registry.
            RegistryError: The registry refuses, or is not reached.
            ToolchainError: What is fetched of the base cannot be kept.

        """
        image = self.image
        registry, _, repository = bootstrap.repository_uri.partition("/")
        if aws.endpoint_url is not None:
            registry = urlsplit(aws.endpoint_url).netloc
        target = Reference(registry, repository, image_tag(stack_name, image.digest), None)
        step = Step(f"Pushing the image to {bootstrap.repository_uri}")
        tell(step)
        pushing = push_image(
            image,
            target,
            cache=cache_dir(),
            logins=logins_for(aws),
            tell=as_remarks(tell),
            moved=moved_in(step, tell),
        )
        pushed = asyncio.run(pushing)
        if pushed.present:
            tell(Remark("The image was there already."))
        elif pushed.uploaded < image.size:
            tell(Remark(f"Sent {in_words(pushed.uploaded)} of {in_words(image.size)}; the rest was there already."))


def built_image(target: Target, aws: Aws, tell: Tell) -> Image:
    """Build the image of a target: by its Dockerfile, on its base, or for the local AWS on an empty one.

    Raises:
        FastLambdaError: The service cannot be built, or the base is not to be had.

    """
    service, runtime = target.service, target.runtime
    architecture, say = Platform(service.configuration.architecture), as_remarks(tell)
    if service.dockerfile is not None:
        return asyncio.run(_by_dockerfile(service.dockerfile, target, aws, say))
    if aws.is_local:
        base = base_of(service, runtime, architecture)
        say(f"Here the image has no base, and this machine's Python runs it; on AWS it stands on {base}.")
        return asyncio.run(
            build_image(
                service,
                runtime=runtime,
                platform=Platform.THIS_MACHINE,
                base=empty_base(runtime),
                cache=cache_dir(),
                tell=say,
            )
        )
    # Of the base only its description is needed yet.
    wanted, nothing = Wanted(service, runtime, architecture), lambda *_: None
    making = make_image(wanted, cache=cache_dir(), logins=logins_for(aws), tell=say, moved=nothing)
    return asyncio.run(making).image


async def _by_dockerfile(dockerfile: Path, target: Target, aws: Aws, say: Say) -> Image:
    service, cache = target.service, cache_dir()
    if not aws.is_local:
        architecture = Platform(service.configuration.architecture)
        return await image_by_dockerfile(service, dockerfile, architecture, cache=cache, tell=say)
    platform = platform_here()
    say("Here no container is started: this machine's Python runs what the image has in /var/task and site-packages.")
    image = await image_by_dockerfile(service, dockerfile, platform, cache=cache, tell=say)
    return await image_for_here(image, service.name, target.runtime, cache=cache, tell=say)


def logins_for(aws: Aws) -> Logins:
    """Find logins: for Amazon ECR in this Region by the AWS credentials, for others as docker or podman know.

    Args:
        aws: Whose credentials; the local AWS's are good for its own registry too.

    """
    kept = KeptLogins(login_files())
    here = urlsplit(aws.endpoint_url).netloc if aws.endpoint_url is not None else None

    def login(host: str) -> Login | None:
        of_aws = host == here or region_of_registry(host) == aws.region
        return Login(*registry_login(aws, host)) if of_aws else kept(host)

    return login


def moved_in(step: Step, tell: Tell) -> Moved:
    """Tell of blobs that come or go as of one whole, which grows with every one that begins.

    Args:
        step: What is under way.
        tell: Is told.

    """
    progress: Callable[[int, int], None] = in_percents(step, tell)
    sizes: dict[str, int] = {}
    done: dict[str, int] = {}

    def moved(blob: Descriptor, so_far: int) -> None:
        sizes[blob.digest], done[blob.digest] = blob.size, so_far
        progress(sum(done.values()), sum(sizes.values()))

    return moved
