"""What kind of artifact a service is deployed as, and which of its own files go into it besides what the rule says."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from fastlambda_cli.service.record import Record

_NOT_BLANK = r"\S"

PATTERNS = {_NOT_BLANK: 'a pattern as in a .gitignore, such as "notebooks/"'}
"""What each pattern of this file asks for, in words."""

Glob = Annotated[str, StringConstraints(pattern=_NOT_BLANK)]


class PackageSpec(Record):
    """What is packed of the service's folder, as what; patterns are written and understood as in a .gitignore.

    Attributes:
        type: A zip, or a container image. An existing function keeps the one that it was made with.
        exclude: Leaves out what the rule would pack.
        include: Packs what the rule or `exclude` leaves out; it has the last word.
        keep_sdk: Whether a zip holds the locked boto3 and botocore although Lambda's runtime has its own.
        strip: Whether packages go without their tests, Cython's sources and debug information.

    """

    type: Literal["zip", "image"] = "zip"
    exclude: tuple[Glob, ...] = Field(default=(), strict=False)
    include: tuple[Glob, ...] = Field(default=(), strict=False)
    keep_sdk: bool = False
    strip: bool = True
