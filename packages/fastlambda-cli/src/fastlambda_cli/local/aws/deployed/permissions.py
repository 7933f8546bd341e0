"""Whether an HTTP API or a function URL may invoke a function: the function's resource-based policy."""

from __future__ import annotations

import fnmatch
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastlambda_cli.local.model import ACCOUNT_ID, REGION

_GATEWAY = "apigateway.amazonaws.com"
_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnLike": fnmatch.fnmatchcase,
    "StringLike": fnmatch.fnmatchcase,
    "StringEquals": operator.eq,
    "Bool": operator.eq,
}
_INVOKE = "lambda:InvokeFunction"
_INVOKE_URL = "lambda:InvokeFunctionUrl"


def source_arn(api_id: str, stage: str, route_key: str) -> str:
    """Name what invokes: a route of a stage (Amazon API Gateway developer guide, "AWS Lambda proxy integrations")."""
    method, _, path = route_key.partition(" ")
    route = f"{'*' if method == 'ANY' else method}{path}"
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{api_id}/{stage}/{route}"


def authorizer_arn(api_id: str, authorizer_id: str) -> str:
    """Name an authorizer that invokes (same guide, "Control access to HTTP APIs with AWS Lambda authorizers")."""
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{api_id}/authorizers/{authorizer_id}"


def gateway_may_invoke(statements: Iterable[Mapping[str, Any]], source: str) -> bool:
    """Whether one of a policy's statements lets API Gateway invoke on behalf of a route."""
    known = {"aws:sourcearn": source, "aws:sourceaccount": ACCOUNT_ID}
    return any(_allows(statement, _GATEWAY, _INVOKE, known) for statement in statements)


def missing_for_anybody(statements: Iterable[Mapping[str, Any]]) -> str | None:
    """Find the action that a policy does not allow to everybody who asks by a function URL; None when all are.

    Both are needed (Lambda developer guide, "Control access to Lambda function URLs").
    """
    known = {"lambda:functionurlauthtype": "NONE", "lambda:invokedviafunctionurl": "true"}
    listed = list(statements)
    needed = (_INVOKE_URL, _INVOKE)
    return next((each for each in needed if not any(_allows(one, "*", each, known) for one in listed)), None)


def _allows(statement: Mapping[str, Any], who: str, action: str, known: Mapping[str, str]) -> bool:
    return (
        statement.get("Effect") == "Allow"
        and not {who, "*"}.isdisjoint(_principals(statement.get("Principal")))
        and statement.get("Action") in {action, "lambda:*", "*"}
        and all(_holds(name, wanted, known) for name, wanted in statement.get("Condition", {}).items())
    )


def _principals(given: Any) -> set[str]:
    named = given.values() if isinstance(given, Mapping) else [given]
    return {each for one in named for each in (one if isinstance(one, list) else [one])}


def _holds(name: str, wanted: Mapping[str, str], known: Mapping[str, str]) -> bool:
    """Whether one operator of a condition holds; those that AddPermission does not write do not."""
    return name in _OPERATORS and all(
        key.lower() in known and _OPERATORS[name](known[key.lower()], str(value).lower() if name == "Bool" else value)
        for key, value in wanted.items()
    )
