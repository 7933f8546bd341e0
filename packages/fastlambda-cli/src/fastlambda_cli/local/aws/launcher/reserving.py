"""CloudFormation hands a function's reserved concurrency on to the function, as on AWS; ministack's drops it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]
from needed import when_needed  # type: ignore[import-not-found,unused-ignore]

_RESERVED = "ReservedConcurrentExecutions"


def reserve_concurrency() -> None:
    """Have CloudFormation reserve what a template reserves, and nothing any more when it says nothing any more."""
    when_needed("cloudformation", _change)


def _change(cloudformation: Any) -> None:
    handlers = cloudformation.provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]  # noqa: SLF001
    handlers["create"] = _creating(handlers["create"])
    handlers["update"] = _updating(handlers["update"])


def _creating(create: Any) -> Any:
    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        answer = create(logical_id, properties, stack_name)
        _reserve(answer[0], properties)
        return answer

    return created


def _updating(update: Any) -> Any:
    def updated(physical_id: str, before: Mapping[str, Any], after: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        answer = update(physical_id, before, after, *rest, **more)
        # What somebody has reserved by hand stays as long as the template says nothing of it.
        if before.get(_RESERVED) != after.get(_RESERVED):
            _reserve(answer[0], after)
        return answer

    return updated


def _reserve(name: str, properties: Mapping[str, Any]) -> None:
    reserved = properties.get(_RESERVED)
    if reserved is None:
        lambda_svc._delete_function_concurrency(name)  # noqa: SLF001
        return
    status, _, body = lambda_svc._put_function_concurrency(name, {_RESERVED: int(reserved)})  # noqa: SLF001
    if status >= 400:  # noqa: PLR2004
        raise ValueError(json.loads(body)["message"])
