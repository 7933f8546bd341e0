"""A change set as a person reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastlambda_cli.deploy.model import Action, ResourceChange

VERSION = "AWS::Lambda::Version"

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
    found = [line for change in changes for line in _lines(change)]
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
            if action is Action.REPLACE and kept and kind == VERSION:
                # A version never changes: its "replacement" is the next one, and the old one can still be invoked.
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
