"""A service as a zip, which goes to the artifact bucket under its digest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.installation import cache_dir
from fastlambda_cli.artifact.model import Artifact, Platform
from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.bootstrap import Bootstrap
from fastlambda_cli.deploy.model import PublishedZip, Remark, Step, Target, Tell
from fastlambda_cli.deploy.releases import artifact_key
from fastlambda_cli.deploy.telling import as_remarks, in_percents, in_words

_NO_BUCKET = "fastlambda-bootstrap-bucket-to-be-made"


@dataclass(frozen=True, slots=True)
class ZipPackage:
    """A zip on this machine."""

    artifact: Artifact

    def published(self, stack_name: str, aws: Aws, bootstrap: Bootstrap | None) -> PublishedZip:
        """Tell where it will be; before there is a bucket, in a stand-in."""
        del aws
        artifact = self.artifact
        key = artifact_key(stack_name, artifact.sha256_hex)
        bucket = bootstrap.bucket if bootstrap else _NO_BUCKET
        return PublishedZip(bucket, key, artifact.sha256_base64, artifact.size, artifact.files)

    def publish(self, stack_name: str, aws: Aws, bootstrap: Bootstrap, tell: Tell) -> None:
        """Upload it.

        Raises:
            AwsError: AWS refuses.

        """
        artifact, published = self.artifact, self.published(stack_name, aws, bootstrap)
        step = Step(f"Uploading {in_words(artifact.size)}")
        tell(step)
        progress = in_percents(step, tell)
        if not Bucket(aws, bootstrap.bucket).upload(published.key, artifact.path, published.sha256, progress):
            tell(Remark("The artifact was there already."))


def built_zip(target: Target, aws: Aws, tell: Tell) -> Artifact:
    """Build the zip of a target, for its architecture or, for the local AWS, for this machine.

    Raises:
        FastLambdaError: The service cannot be built.

    """
    architecture = Platform(target.service.configuration.architecture)
    platform = Platform.THIS_MACHINE if aws.is_local else architecture
    say = as_remarks(tell)
    return asyncio.run(build(target.service, runtime=target.runtime, platform=platform, cache=cache_dir(), tell=say))
