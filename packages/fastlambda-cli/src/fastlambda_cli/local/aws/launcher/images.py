"""Functions are made from images that are there, and from what they were when the function was made.

ministack takes any name for an image, and its registry goes on handing out what was deleted. Lambda looks into the
repository, and keeps the digest that a tag has then (AWS Lambda Developer Guide, "Create a Lambda function using a
container image").
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import ecr, lambda_svc  # type: ignore[import-not-found,unused-ignore]
from needed import when_provisioned  # type: ignore[import-not-found,unused-ignore]


class _MissingImageError(ValueError):
    """An image is not in its repository; its text says so in Lambda's words."""


def check_images() -> None:
    """Have Lambda's API and CloudFormation refuse functions whose image is not in its repository."""
    ecr._resolve_manifest = _of_images(ecr._resolve_manifest)  # noqa: SLF001
    lambda_svc._create_function = _creating(lambda_svc._create_function)  # noqa: SLF001
    lambda_svc._update_code = _updating(lambda_svc._update_code)  # noqa: SLF001
    when_provisioned("AWS::Lambda::Function", _provisioning)


def _of_images(resolve: Any) -> Any:
    def resolved(repository: str, reference: str) -> Any:
        found = resolve(repository, reference)
        digests = {image["imageDigest"] for image in ecr._images.get(repository, [])}  # noqa: SLF001
        return found if found[0] in digests else (None, None, None)

    return resolved


def _creating(create: Any) -> Any:
    def created(data: Mapping[str, Any], *rest: Any) -> Any:
        try:
            return create({**data, "Code": _resolved(data.get("Code") or {})}, *rest)
        except _MissingImageError as problem:
            return _refused(problem)

    return created


def _updating(update: Any) -> Any:
    def updated(name: str, data: Mapping[str, Any], *rest: Any) -> Any:
        try:
            return update(name, _resolved(data), *rest)
        except _MissingImageError as problem:
            return _refused(problem)

    return updated


def _provisioning(create: Any) -> Any:
    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        # What is raised here is the reason why the resource could not be made.
        return create(logical_id, {**properties, "Code": _resolved(properties.get("Code") or {})}, stack_name)

    return created


def _resolved(code: Mapping[str, Any]) -> dict[str, Any]:
    """The code of a function with its image named by the digest."""
    uri = code.get("ImageUri")
    if not uri:
        return dict(code)
    name, at, digest = uri.partition("@")
    registry, _, path = name.partition("/")
    repository, _, tag = path.partition(":")
    ecr._select_registry_request_scope(repository, {"host": registry}, {})  # noqa: SLF001
    found, _, _ = ecr._resolve_manifest(repository, digest if at else tag or "latest")  # noqa: SLF001
    if found is None:
        message = f"Source image {uri} does not exist. Provide a valid source image."
        raise _MissingImageError(message)
    return {**code, "ImageUri": f"{registry}/{repository}@{found}"}


def _refused(problem: _MissingImageError) -> tuple[int, dict[str, str], bytes]:
    code = "InvalidParameterValueException"
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return 400, headers, json.dumps({"Type": "User", "message": str(problem)}).encode()
