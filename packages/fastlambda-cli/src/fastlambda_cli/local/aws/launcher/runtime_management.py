"""How a function's runtime is updated, as GetRuntimeManagementConfig and PutRuntimeManagementConfig have it.

ministack has neither. It is kept and answered: the Python that runs functions here is this machine's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ministack.core.responses import (  # type: ignore[import-not-found,unused-ignore]
    error_response_json,
    json_response,
)
from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]
from needed import after_provisioned  # type: ignore[import-not-found,unused-ignore]

_PATH = re.compile(r"/2021-07-20/functions/([^/]+)/runtime-management-config/?")
_KEPT = "fastlambda_runtime_management"
_AUTO = {"UpdateRuntimeOn": "Auto"}
_MODES = ("Auto", "Manual", "FunctionUpdate")
_INVALID = "InvalidParameterValueException"


def keep_runtime_management() -> None:
    """Keep what clients and stacks say of runtimes, and answer it."""
    handle = lambda_svc.handle_request

    async def handled(method: str, path: str, headers: Any, body: bytes, query: Mapping[str, Any]) -> Any:
        found = _PATH.fullmatch(unquote(path))
        if found is None or method not in {"GET", "PUT"}:
            return await handle(method, path, headers, body, query)
        try:
            asked = _object(body) if method == "PUT" else None
        except ValueError as problem:
            told = f"Could not parse request body into json: {problem}"
            return error_response_json("InvalidRequestContentException", told, 400)
        return _answer(found[1], lambda_svc._qp_first(query, "Qualifier"), asked)  # noqa: SLF001

    lambda_svc.handle_request = handled
    after_provisioned("AWS::Lambda::Function", _keep_of_stacks)


def _object(body: bytes) -> Mapping[str, Any]:
    found = json.loads(body or b"{}")
    if not isinstance(found, dict):
        raise ValueError("it is no object")  # noqa: TRY004 - as bytes that are no JSON are
    return found


def _answer(reference: str, qualifier: str, asked: Mapping[str, Any] | None) -> Any:
    name, own = lambda_svc._resolve_request_scoped_name_and_qualifier(reference)  # noqa: SLF001
    qualifier = qualifier or own or ""  # the ARN of a version has one, too
    arn = f"{lambda_svc._func_arn(name)}{f':{qualifier}' if qualifier else ''}"  # noqa: SLF001
    function = lambda_svc._functions.get(name)  # noqa: SLF001
    latest = qualifier in {"", "$LATEST"}
    record = function if latest or not function else function["versions"].get(qualifier)
    if not record:
        return error_response_json("ResourceNotFoundException", f"Function not found: {arn}", 404)
    if asked is not None:
        if problem := _problem(asked):
            return error_response_json(_INVALID, problem, 400)
        record[_KEPT] = _kept(asked)
    return json_response({"RuntimeVersionArn": None, **record.get(_KEPT, _AUTO), "FunctionArn": arn})


def _problem(asked: Mapping[str, Any]) -> str | None:
    """What Lambda refuses (AWS Lambda API Reference, "PutRuntimeManagementConfig"); the words are ours."""
    mode, runtime = asked.get("UpdateRuntimeOn"), asked.get("RuntimeVersionArn")
    if mode not in _MODES:
        return f"UpdateRuntimeOn has to be one of {', '.join(_MODES)}."
    if mode == "Manual" and not runtime:
        return "RuntimeVersionArn is needed where UpdateRuntimeOn is Manual."
    return f"RuntimeVersionArn belongs to Manual and not to {mode}." if runtime and mode != "Manual" else None


def _kept(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: asked[name] for name in ("UpdateRuntimeOn", "RuntimeVersionArn") if asked.get(name)}


def _keep_of_stacks(name: str, properties: Mapping[str, Any]) -> None:
    function = lambda_svc._functions.get(name)  # noqa: SLF001
    if function is not None:
        function[_KEPT] = _kept(properties.get("RuntimeManagementConfig") or _AUTO)
