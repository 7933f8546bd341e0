"""The roles that a request gives to AWS services, which takes the permission `iam:PassRole` on each.

IAM User Guide, "Grant a user permissions to pass a role to an AWS service". Which operations take a role is in the
services' own lists of the Service Authorization Reference, as dependent actions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

PASS_ROLE = "iam:PassRole"  # noqa: S105 - an action

_MEMBERS: Mapping[str, tuple[str, Sequence[str]]] = {
    "lambda:CreateFunction": ("lambda", ["Role"]),
    "lambda:UpdateFunctionConfiguration": ("lambda", ["Role"]),
    "scheduler:CreateSchedule": ("scheduler", ["Target", "RoleArn"]),
    "scheduler:UpdateSchedule": ("scheduler", ["Target", "RoleArn"]),
    "events:PutRule": ("events", ["RoleArn"]),
    "events:PutTargets": ("events", ["Targets", "RoleArn"]),
    "pipes:CreatePipe": ("pipes", ["RoleArn"]),
    "pipes:UpdatePipe": ("pipes", ["RoleArn"]),
    "states:CreateStateMachine": ("states", ["roleArn"]),
    "states:UpdateStateMachine": ("states", ["roleArn"]),
    "cloudformation:CreateStack": ("cloudformation", ["RoleARN"]),
    "cloudformation:UpdateStack": ("cloudformation", ["RoleARN"]),
    "cloudformation:DeleteStack": ("cloudformation", ["RoleARN"]),
    "cloudformation:CreateChangeSet": ("cloudformation", ["RoleARN"]),
}
"""Who is given a role by an action, and where it is in the request."""


def passed_of(action: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Every role that a request gives away, and what conditions may ask of that."""
    if action not in _MEMBERS:
        return
    service, path = _MEMBERS[action]
    for role in _at(body, path):
        yield role, {"iam:PassedToService": f"{service}.amazonaws.com"}


def _at(found: Any, path: Sequence[str]) -> Iterator[str]:
    if isinstance(found, list):
        for each in found:
            yield from _at(each, path)
    elif path and isinstance(found, dict):
        yield from _at(found.get(path[0]), path[1:])
    elif not path and isinstance(found, str) and found:
        yield found
