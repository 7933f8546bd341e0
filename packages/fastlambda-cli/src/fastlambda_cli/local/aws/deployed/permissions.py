"""Whether an HTTP API may invoke a function: the function's resource-based policy."""

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
}


def source_arn(api_id: str, stage: str, route_key: str) -> str:
    """Name what invokes: a route of a stage (Amazon API Gateway developer guide, "AWS Lambda proxy integrations")."""
    method, _, path = route_key.partition(" ")
    route = f"{'*' if method == 'ANY' else method}{path}"
    return f"arn:aws:execute-api:{REGION}:{ACCOUNT_ID}:{api_id}/{stage}/{route}"


def gateway_may_invoke(statements: Iterable[Mapping[str, Any]], source: str) -> bool:
    """Whether one of a policy's statements lets API Gateway invoke on behalf of a route."""
    return any(_allows(statement, source) for statement in statements)


def _allows(statement: Mapping[str, Any], source: str) -> bool:
    principal = statement.get("Principal")
    service = principal.get("Service") if isinstance(principal, Mapping) else principal
    return (
        statement.get("Effect") == "Allow"
        and service in {_GATEWAY, "*"}
        and statement.get("Action") in {"lambda:InvokeFunction", "lambda:*", "*"}
        and all(_holds(name, wanted, source) for name, wanted in statement.get("Condition", {}).items())
    )


def _holds(name: str, wanted: Mapping[str, str], source: str) -> bool:
    """Whether one operator of a condition holds; those that AddPermission does not write do not."""
    known = {"aws:sourcearn": source, "aws:sourceaccount": ACCOUNT_ID}
    return name in _OPERATORS and all(
        key.lower() in known and _OPERATORS[name](known[key.lower()], value) for key, value in wanted.items()
    )
