"""What the headers of an upload to S3 need besides `s3:PutObject`, and what policies may ask about its tags.

Amazon S3 API Reference, "PutObject", "CopyObject" and "CreateMultipartUpload", Permissions; Service Authorization
Reference, "Condition keys for Amazon S3".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

PUT_OBJECT = "s3:PutObject"
_TAGGING = "x-amz-tagging"
_NEEDED = {
    "s3:PutObjectTagging": (_TAGGING,),
    "s3:PutObjectAcl": ("x-amz-acl", "x-amz-grant-"),
    "s3:PutObjectRetention": ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"),
    "s3:PutObjectLegalHold": ("x-amz-object-lock-legal-hold",),
}


def needed_by_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """The actions that an upload needs for its headers."""
    for action, names in _NEEDED.items():
        if any(value and _is_of(name, names) for name, value in headers.items()):
            yield action


def tags_asked(headers: Mapping[str, str]) -> Mapping[str, Any]:
    """The condition keys of the tags that an upload gives its object."""
    tags = parse_qsl(headers.get(_TAGGING) or "", keep_blank_values=True)
    if not tags:
        return {}
    return {
        **{f"s3:RequestObjectTag/{name}": value for name, value in tags},
        "s3:RequestObjectTagKeys": [name for name, _ in tags],
    }


def _is_of(name: str, names: tuple[str, ...]) -> bool:
    return any(name == each or (each.endswith("-") and name.startswith(each)) for each in names)
