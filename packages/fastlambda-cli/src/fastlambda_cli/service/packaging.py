"""What kind of artifact a service is deployed as, and which of its own files go into it besides what the rule says."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from fastlambda_cli.service.record import ContradictionError, Record

_NOT_BLANK = r"\S"
_BELOW = r"^[^/\s][^\r\n]*$"
_IMAGE_NAME = r"^[^\s]+$"

PATTERNS = {
    _NOT_BLANK: 'a pattern as in a .gitignore, such as "notebooks/"',
    _BELOW: 'a path from the folder of pyproject.toml, such as "Dockerfile"',
    _IMAGE_NAME: 'the name of an image, such as "public.ecr.aws/lambda/python:3.13-arm64"',
}
"""What each pattern of this file asks for, in words."""

Glob = Annotated[str, StringConstraints(pattern=_NOT_BLANK)]


class PackageSpec(Record):
    """What is packed of the service's folder, as what; patterns are written and understood as in a .gitignore.

    Attributes:
        type: A zip, or a container image. An existing function keeps the one that it was made with.
        dockerfile: What the image is built by, from the folder of pyproject.toml; its own folder is the context.
        base: What an image without a Dockerfile stands on; by default AWS's own for the runtime and architecture.
        exclude: Leaves out what the rule would pack.
        include: Packs what the rule or `exclude` leaves out; it has the last word.
        keep_sdk: Whether a zip holds the locked boto3 and botocore although Lambda's runtime has its own.
        strip: Whether packages go without their tests, Cython's sources and debug information.
        bundle: Whether the packages' bytecode is in one file, for a handler that imports `fastlambda` first.

    """

    type: Literal["zip", "image"] = "zip"
    dockerfile: Annotated[str, StringConstraints(pattern=_BELOW)] | None = None
    base: Annotated[str, StringConstraints(pattern=_IMAGE_NAME)] | None = None
    exclude: tuple[Glob, ...] = Field(default=(), strict=False)
    include: tuple[Glob, ...] = Field(default=(), strict=False)
    keep_sdk: bool = False
    strip: bool = True
    bundle: bool = True

    @model_validator(mode="after")
    def _one_way_to_an_image(self) -> Self:
        given = [name for name in ("dockerfile", "base") if getattr(self, name) is not None]
        if given and self.type == "zip":
            raise ContradictionError(
                f"`{given[0]}` is about images, and the package is a zip",
                f'Set `type` to "image", or remove {given[0]}.',
            )
        if len(given) > 1:
            raise ContradictionError("a Dockerfile names its base itself", "Remove `base`, or `dockerfile`.")
        return self
