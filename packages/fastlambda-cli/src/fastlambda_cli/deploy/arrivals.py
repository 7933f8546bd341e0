"""What brings events to functions, and how it stays as it is while new versions are asked.

A queue's mapping, a rule, a schedule or a subscription that is new would hand events to the version that the alias has
then: to one that does not know its consumer yet, or, of a function that is new itself, to one that nobody has asked.
So the first phase of an update leaves out what is new and keeps what moves to another function where it was, and the
second brings both with the traffic. Nothing is switched off for that, since a rule or a schedule that is off loses what
it would have brought.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastlambda_cli.deploy.references import Kind, of_resource, references
from fastlambda_cli.template.events.schedules import ROLE as SCHEDULE_ROLE

_TARGETS = {
    "AWS::Events::Rule": "Targets",
    "AWS::Lambda::EventSourceMapping": "FunctionName",
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::SNS::Subscription": "Endpoint",
    "AWS::Scheduler::Schedule": "Target",
}
"""What brings events, or lets somebody bring them, and its property that says where to."""

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
    outputs = {
        name: output
        for name, output in document.get("Outputs", {}).items()
        if all(one.name in known or one.name.startswith("AWS::") for one in references(output, name))
    }
    return {**document, "Resources": resources, "Outputs": outputs}


def _leave_out(name: str, resources: Resources, known: set[str]) -> None:
    # The role by which schedules invoke is no schedule: a new one does no harm.
    if name != SCHEDULE_ROLE:
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
    found = of_resource(logical_id, resource)
    return {one.name for one in found if not one.name.startswith("AWS::") and one.kind is not Kind.MAPPING}
