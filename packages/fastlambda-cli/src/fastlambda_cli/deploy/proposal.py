"""A change set as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastlambda_cli.deploy.model import Action, ResourceChange

VERSION = "AWS::Lambda::Version"

_IN_PLACE = frozenset({("AWS::Lambda::Alias", "FunctionVersion")})
"""Properties that change without interruption, also where a change set is not sure of it (AWS CloudFormation Template
Reference, "AWS::Lambda::Alias")."""

_RETAINED = frozenset({"Retain", "RetainExceptOnCreate", "ReplaceAndRetain"})
_ACTIONS = {"Add": Action.ADD, "Import": Action.IMPORT}
_REPLACEMENTS = {"True": Action.REPLACE, "Conditional": Action.MAY_REPLACE, "False": Action.CHANGE}


def resource_changes(changes: Iterable[Mapping[str, Any]], order: Iterable[str]) -> tuple[ResourceChange, ...]:
    """Read what CloudFormation says it would do.

    Args:
        changes: The ResourceChange structures of DescribeChangeSet.
        order: The template's logical ids; what they lack, because it leaves the stack, comes last.

    """
    places = {logical_id: place for place, logical_id in enumerate(order)}
    found = [line for change in _happening(list(changes)) for line in _lines(change)]
    return tuple(sorted(found, key=lambda line: (places.get(line.logical_id, len(places)), line.logical_id)))


def changes_of_creation(document: Mapping[str, Any]) -> tuple[ResourceChange, ...]:
    """Say what making a stack anew adds, where CloudFormation cannot be asked because a failed one is in the way."""
    resources: Mapping[str, Mapping[str, Any]] = document["Resources"]
    return tuple(ResourceChange(Action.ADD, name, resource["Type"]) for name, resource in resources.items())


def retained(policy: str | None) -> bool:
    """Whether a DeletionPolicy, or the PolicyAction of a change, leaves the resource in the account."""
    return policy in _RETAINED


def publishes_version(changes: Iterable[ResourceChange]) -> bool:
    """Whether a new version of the function is among what is made."""
    made = {Action.ADD, Action.REPLACE, Action.MAY_REPLACE}
    return any(change.kind == VERSION and change.action in made for change in changes)


def _happening(changes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out what would change only if something else were replaced that is not.

    CloudFormation lists whatever refers to a resource that changes: as long as that keeps its physical id, the
    reference says what it said before.
    """
    moving = {change["LogicalResourceId"] for change in changes if _may_be_replaced(change)}
    idle = [change for change in changes if _follows_only(change, moving)]
    return _happening([change for change in changes if change not in idle]) if idle else changes


def _may_be_replaced(change: Mapping[str, Any]) -> bool:
    if change["Action"] != "Modify":
        return True
    return bool(change.get("Replacement", "False") != "False" and not _changes_in_place(change))


def _changes_in_place(change: Mapping[str, Any]) -> bool:
    names = {detail.get("Target", {}).get("Name") for detail in change.get("Details", ())}
    return bool(names) and all((change["ResourceType"], name) in _IN_PLACE for name in names)


def _follows_only(change: Mapping[str, Any], moving: set[str]) -> bool:
    """Whether nothing but references to resources that stay what they are make a change."""
    details = change.get("Details", ())
    return bool(details) and all(
        detail.get("ChangeSource") == "ResourceReference"
        and detail.get("Evaluation") == "Dynamic"
        and detail.get("CausingEntity") not in moving
        for detail in details
    )


def _lines(change: Mapping[str, Any]) -> list[ResourceChange]:
    logical_id, kind = change["LogicalResourceId"], change["ResourceType"]
    physical_id = change.get("PhysicalResourceId")
    properties = _properties(change.get("Details", ()))
    kept = retained(change.get("PolicyAction"))
    match change["Action"]:
        case "Remove":
            return [ResourceChange(Action.KEEP if kept else Action.REMOVE, logical_id, kind, physical_id)]
        case "Modify":
            action = _REPLACEMENTS[change.get("Replacement", "False")]
            if _changes_in_place(change):
                action = Action.CHANGE
            if kind == VERSION and action is not Action.CHANGE:
                # A version never changes: what replaces it is the next one, and by its policies the old one stays.
                return [
                    ResourceChange(Action.ADD, logical_id, kind),
                    ResourceChange(Action.KEEP, logical_id, kind, physical_id),
                ]
            return [ResourceChange(action, logical_id, kind, physical_id, properties)]
        case action:
            # What CloudFormation may learn one day ("Dynamic", "SyncWithActual") is a change of some kind.
            return [ResourceChange(_ACTIONS.get(action, Action.CHANGE), logical_id, kind, physical_id, properties)]


def _properties(details: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    targets = [detail.get("Target", {}) for detail in details]
    names = {target.get("Name") or target.get("Attribute", "") for target in targets}
    return tuple(sorted(names - {""}))
