"""Functions, aliases and their settings that Lambda refuses are refused, whoever makes them; ministack makes them all.

The words of Lambda are those of AWS Lambda Developer Guide, "Troubleshoot deployment issues in Lambda", of the public
issues that quote it, and of LocalStack's AWS-validated snapshots.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]
from needed import when_needed  # type: ignore[import-not-found,unused-ignore]
from roles import problem_of_role  # type: ignore[import-not-found,unused-ignore]

_ENVIRONMENT = "Lambda was unable to configure your environment variables because the environment variables you have"
_VARIABLES_BYTES = 4096
_VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+")
_RESERVED = frozenset(os.environ["FASTLAMBDA_RESERVED_VARIABLES"].split())
"""As the engine has them, which does not run with this Python."""

_RANGES = {
    "Timeout": (1, 900),
    "MemorySize": (128, 10240),
    "MaximumRetryAttempts": (0, 2),
    "MaximumEventAgeInSeconds": (60, 21600),
}
"""AWS Lambda API Reference, "CreateFunction" and "PutFunctionEventInvokeConfig"; SDKs check the lower ends only."""
_STORAGE = (512, 10240)
_ALIAS = re.compile(r"(?!^[0-9]+$)[a-zA-Z0-9-_]{1,128}")
_INVALID = "InvalidParameterValueException"
_VALIDATION = "ValidationException"


class _Problem(NamedTuple):
    code: str
    message: str
    status: int = 400


def check_configurations() -> None:
    """Check what Lambda's API and stacks make of functions, aliases and their settings."""
    _check(lambda_svc, "_create_function", _of_function)
    _check(lambda_svc, "_update_config", lambda name, asked: _of_function(asked, name))
    _check(lambda_svc, "_put_event_invoke_config", lambda _name, _qualifier, asked: _out_of_range(asked))
    _check(lambda_svc, "_create_alias", lambda name, asked: _of_name(asked) or _of_versions(name, asked))
    _check(lambda_svc, "_update_alias", lambda name, _, asked: _of_versions(name, asked))
    _check(lambda_svc, "_put_provisioned_concurrency", lambda _name, qualifier, _asked: _of_provisioned(qualifier))
    lambda_svc._get_policy = _if_there_is_one(lambda_svc._get_policy)  # noqa: SLF001
    when_needed("cloudformation", _check_in_stacks)


def _check(module: Any, name: str, problem_of: Callable[..., _Problem | None]) -> None:
    through = getattr(module, name)

    def checked(*asked: Any, **named: Any) -> Any:
        problem = problem_of(*asked)
        return lambda_svc.error_response_json(*problem) if problem else through(*asked, **named)

    setattr(module, name, checked)


def _check_in_stacks(cloudformation: Any) -> None:
    handlers = cloudformation.provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]  # noqa: SLF001
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: Mapping[str, Any], stack_name: str) -> Any:
        _raise(_of_function(properties))
        return create(logical_id, properties, stack_name)

    def updated(physical_id: str, before: Mapping[str, Any], after: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        _raise(_of_function(after, physical_id))
        return update(physical_id, before, after, *rest, **more)

    handlers.update(create=created, update=updated)


def _raise(problem: _Problem | None) -> None:
    if problem:
        raise ValueError(problem.message)


def _of_function(asked: Mapping[str, Any], name: str | None = None) -> _Problem | None:
    """What is wrong with what was asked to make of a function, or to change of the one with the name."""
    storage = asked.get("EphemeralStorage") or {}
    variables = (asked.get("Environment") or {}).get("Variables") or {}
    return (
        _out_of_range(asked)
        or _beyond("ephemeralStorage.size", storage.get("Size"), _STORAGE)
        or _of_variables({name: str(value) for name, value in variables.items()})
        or _of_role(asked, name)
    )


def _of_role(asked: Mapping[str, Any], name: str | None) -> _Problem | None:
    function = lambda_svc._functions.get(name) if name else None  # noqa: SLF001
    before = function["config"] if function else {}
    problem = problem_of_role({**before, **asked}, before)
    return _Problem(_INVALID, problem) if problem else None


def _of_variables(variables: Mapping[str, str]) -> _Problem | None:
    if reserved := sorted(_RESERVED & variables.keys()):
        told = "provided contains reserved keys that are currently not supported for modification. Reserved keys used"
        return _Problem(_INVALID, f"{_ENVIRONMENT} {told} in this request: {', '.join(reserved)}")
    if [name for name in variables if not _VARIABLE.fullmatch(name)]:
        return _Problem(
            _VALIDATION,
            f"1 validation error detected: Value '{{{', '.join(variables)}}}' at 'environment.variables' failed to "
            "satisfy constraint: Map keys must satisfy constraint: "
            "[Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > _VARIABLES_BYTES:
        return _Problem(_INVALID, f"{_ENVIRONMENT} provided exceeded the 4KB limit. String measured: {measured}")
    return None


def _out_of_range(asked: Mapping[str, Any]) -> _Problem | None:
    found = (_beyond(name[0].lower() + name[1:], asked.get(name), bounds) for name, bounds in _RANGES.items())
    return next((problem for problem in found if problem), None)


def _beyond(name: str, value: object, bounds: tuple[int, int]) -> _Problem | None:
    if value is None or bounds[0] <= int(str(value)) <= bounds[1]:
        return None
    low = int(str(value)) < bounds[0]
    limit = f"greater than or equal to {bounds[0]}" if low else f"less than or equal to {bounds[1]}"
    told = f"Value '{value}' at '{name}' failed to satisfy constraint: Member must have value {limit}"
    return _Problem(_VALIDATION, f"1 validation error detected: {told}")


def _of_name(asked: Mapping[str, Any]) -> _Problem | None:
    name = str(asked.get("Name", ""))
    if _ALIAS.fullmatch(name):
        return None
    told = f"Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern"
    return _Problem(_VALIDATION, f"1 validation error detected: {told}: (?!^[0-9]+$)([a-zA-Z0-9-_]+)")


def _of_versions(name: str, asked: Mapping[str, Any]) -> _Problem | None:
    """An alias leads to versions that are there."""
    function = lambda_svc._functions.get(name)  # noqa: SLF001
    weights = (asked.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    wanted = [version for version in (asked.get("FunctionVersion"), *weights) if version not in {None, "$LATEST"}]
    missing = [version for version in wanted if function and version not in function["versions"]]
    if not missing:
        return None
    arn = lambda_svc._func_arn(name)  # noqa: SLF001
    return _Problem("ResourceNotFoundException", f"Function not found: {arn}:{missing[0]}", 404)


def _of_provisioned(qualifier: str | None) -> _Problem | None:
    if qualifier not in {None, "", "$LATEST"}:
        return None
    return _Problem(_INVALID, "Provisioned Concurrency Configs cannot be applied to unpublished function versions.")


def _if_there_is_one(get: Callable[..., Any]) -> Callable[..., Any]:
    def got(*asked: Any, **named: Any) -> Any:
        answer = get(*asked, **named)
        status, _, body = answer
        if status == 200 and not json.loads(json.loads(body)["Policy"])["Statement"]:  # noqa: PLR2004
            told = "The resource you requested does not exist."
            return lambda_svc.error_response_json("ResourceNotFoundException", told, 404)
        return answer

    return got
