"""A repository of Amazon ECR: which images it has, and under which tags."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastlambda_cli.aws.session import Aws, translated

_AT_ONCE = 100
"""Amazon ECR API Reference, "BatchDeleteImage": the most images of one request."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A tag in a repository.

    Attributes:
        tag: Its name.
        digest: Of its image.
        pushed: When the image was pushed, UTC.

    """

    tag: str
    digest: str
    pushed: datetime


class Images:
    """The images of one repository.

    Every method raises AwsError for what AWS says.

    Args:
        aws: The account and Region.
        repository: Its name.

    """

    def __init__(self, aws: Aws, repository: str) -> None:
        self._client: Any = aws.client("ecr")
        self._repository = repository

    def has(self, digest: str) -> bool:
        """Whether there is an image with this digest."""
        with translated(f"look for the image {digest}"):
            answer = self._client.batch_get_image(repositoryName=self._repository, imageIds=[{"imageDigest": digest}])
        return bool(answer["images"])

    def tagged(self) -> Iterator[Tagged]:
        """Every tag with its image."""
        with translated(f"list the images of {self._repository}"):
            pages = self._client.get_paginator("describe_images").paginate(
                repositoryName=self._repository, filter={"tagStatus": "TAGGED"}
            )
            found = [image for page in pages for image in page["imageDetails"]]
        for image in found:
            for tag in image.get("imageTags", ()):
                yield Tagged(tag, image["imageDigest"], image["imagePushedAt"])

    def untag(self, tags: Iterable[str]) -> None:
        """Delete tags; an image goes with its last one (Amazon ECR API Reference, "BatchDeleteImage")."""
        listed = [{"imageTag": tag} for tag in tags]
        for first in range(0, len(listed), _AT_ONCE):
            with translated(f"delete images of {self._repository}"):
                self._client.batch_delete_image(
                    repositoryName=self._repository, imageIds=listed[first : first + _AT_ONCE]
                )
