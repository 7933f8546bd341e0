"""What brings events to functions, and how it stays as it is while new versions are asked.

A queue's mapping, a rule, a schedule or a subscription that is new would hand events to the version that the alias has
then: to one that does not know its consumer yet, or, of a function that is new itself, to one that nobody has asked.
So the first phase of an update leaves out what is new and keeps what moves to another function where it was, and the
second brings both with the traffic. Nothing is switched off for that, since a rule or a schedule that is off loses what
it would have brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastlambda_cli.deploy.references import Kind, Reference, of_resource, references
from fastlambda_cli.template.events.schedules import ROLE as SCHEDULE_ROLE

_TARGETS = {
    "AWS::Events::Rule": "Targets",
    "AWS::Lambda::EventSourceMapping": "FunctionName",
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::SNS::Subscription": "Endpoint",
    "AWS::Scheduler::Schedule": "Target",
}
"""What brings events, or lets somebody bring them, and its property that says where to."""

_ROLE = "AWS::IAM::Role"
_OF_EVENTS = frozenset({"Queues", "FailedEvents"})
"""Statements of a function's role that are about the events that come to it."""
_BEFORE = "Before"
"""What follows the name of such a statement that is about what is going to be another function's."""
_KEEPING = "AWS::Lambda::EventInvokeConfig"
"""What has events kept that a function could not handle."""

Resources = dict[str, Any]


def held_back(document: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A template in which nothing brings events to where it does not bring them now.

    Args:
        document: The template that is to be.
        before: The one that is.

    """
    old: Mapping[str, Any] = before.get("Resources", {})
    resources: Resources = dict(document["Resources"])
    known = {*document.get("Parameters", {}), *document.get("Conditions", {}), *resources}
    for name, resource in document["Resources"].items():
        if _target(resource) == _target(old.get(name, {})) and name != SCHEDULE_ROLE:
            continue
        if name not in old:
            # The role by which schedules invoke is no schedule: a new one does no harm.
            if name != SCHEDULE_ROLE:
                _leave_out(name, resources, known)
        elif _names(name, old[name]) <= known:
            resources[name] = old[name]
    # What refers to something that is left out was there without it, or is left out as well.
    while unknown := [name for name, one in resources.items() if not _names(name, one) <= known]:
        for name in unknown:
            if name in old and resources[name] is not old[name] and _names(name, old[name]) <= known:
                resources[name] = old[name]
            else:
                _leave_out(name, resources, known)
    _allow_still(resources, old, known)
    outputs = {name: output for name, output in document.get("Outputs", {}).items() if _in(output) <= known}
    return {**document, "Resources": resources, "Outputs": outputs}


def _allow_still(resources: Resources, old: Mapping[str, Any], known: set[str]) -> None:
    """Let functions do what they need for events that still come to them: take them, and keep those that fail."""
    for name, resource in old.items():
        if resource["Type"] == _KEEPING and name not in resources and _names(name, resource) <= known:
            resources[name] = resource
        elif resource["Type"] == _ROLE and name in resources:
            resources[name] = _with_more(resources[name], resource, known)


def _with_more(role: Mapping[str, Any], old: Mapping[str, Any], known: set[str]) -> Mapping[str, Any]:
    """A role that may besides do with events what it might before, as far as that is about what is still there."""
    allowed = {one["Sid"]: _resources(one) for one in _statements(role)}
    more: dict[str, dict[str, Any]] = {}
    for statement in _statements(old):
        # An interrupted deployment has left both.
        sid = statement["Sid"].removesuffix(_BEFORE)
        left = [one for one in _resources(statement) if one not in allowed.get(sid, []) and _in(one) <= known]
        if sid in _OF_EVENTS and left:
            found = more.setdefault(sid, {**statement, "Sid": f"{sid}{_BEFORE}", "Resource": []})
            found["Resource"] += [one for one in left if one not in found["Resource"]]
    if not more:
        return role
    first, *others = role["Properties"]["Policies"]
    document = first["PolicyDocument"]
    first = {**first, "PolicyDocument": {**document, "Statement": [*document["Statement"], *more.values()]}}
    return {**role, "Properties": {**role["Properties"], "Policies": [first, *others]}}


def _resources(statement: Mapping[str, Any]) -> list[Any]:
    stated = statement["Resource"]
    return stated if isinstance(stated, list) else [stated]


def _statements(role: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    policies = role.get("Properties", {}).get("Policies", [])
    return [one for policy in policies for one in policy["PolicyDocument"]["Statement"] if "Sid" in one]


def _leave_out(name: str, resources: Resources, known: set[str]) -> None:
    del resources[name]
    known.discard(name)


def brought_to(alias: str, document: Mapping[str, Any]) -> bool:
    """Whether anything in a template brings events to the alias of this logical id."""
    return any(
        alias in {one.name for one in references(_target(resource), name)}
        for name, resource in document.get("Resources", {}).items()
    )


def _target(resource: Mapping[str, Any]) -> Any:
    """Where a resource brings events; None for one that brings none."""
    name = _TARGETS.get(resource.get("Type", ""))
    found = resource.get("Properties", {}).get(name) if name else None
    # A rule's target says more than where it is.
    return [_only_arn(one) for one in found] if isinstance(found, list) else _only_arn(found)


def _only_arn(target: Any) -> Any:
    return target["Arn"] if isinstance(target, Mapping) and "Arn" in target else target


def _names(logical_id: str, resource: Mapping[str, Any]) -> set[str]:
    """What of its template a resource refers to."""
    return _of_the_template(of_resource(logical_id, resource))


def _in(part: Any) -> set[str]:
    return _of_the_template(references(part, ""))


def _of_the_template(found: Iterable[Reference]) -> set[str]:
    return {one.name for one in found if not one.name.startswith("AWS::") and one.kind is not Kind.MAPPING}
