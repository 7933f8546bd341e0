"""Which of the service's own files go into its artifact, besides what the rule says."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from fastlambda_cli.service.record import Record

_NOT_BLANK = r"\S"

PATTERNS = {_NOT_BLANK: 'a pattern as in a .gitignore, such as "notebooks/"'}
"""What each pattern of this file asks for, in words."""

Glob = Annotated[str, StringConstraints(pattern=_NOT_BLANK)]


class PackageSpec(Record):
    """What is packed of the service's folder; patterns are written and understood as in a .gitignore.

    Attributes:
        exclude: Leaves out what the rule would pack.
        include: Packs what the rule or `exclude` leaves out; it has the last word.
        keep_sdk: Whether a zip holds the locked boto3 and botocore although Lambda's runtime has its own.
        strip: Whether packages go without their tests, Cython's sources and debug information.

    """

    exclude: tuple[Glob, ...] = Field(default=(), strict=False)
    include: tuple[Glob, ...] = Field(default=(), strict=False)
    keep_sdk: bool = False
    strip: bool = True
