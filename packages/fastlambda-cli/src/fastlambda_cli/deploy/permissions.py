"""Who may do what, out of a template: the one part of a plan that nobody should have to read JSON for.

CloudFormation's change set says that a role changes, and not what it may do afterwards. So both templates are read:
the roles' trust and inline policies, their managed policies, the permissions to invoke the function, and the policies
of queues and topics.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from fastlambda_cli.deploy.model import PermissionChange
from fastlambda_cli.template.function import FUNCTION

Document: TypeAlias = Mapping[str, Any]

_Grant: TypeAlias = tuple[str, str, str, str, str | None]
"""Who, effect, action, resource, condition."""

_VARIABLE = re.compile(r"\$\{(!?[^}]+)\}")
_THE_FUNCTION = "the function"
_ANYTHING = "*"


def permission_changes(
    before: Document | None, after: Document | None, *, known_before: Mapping[str, str], known_after: Mapping[str, str]
) -> tuple[PermissionChange, ...]:
    """Tell every permission that comes and every one that goes, in the templates' order, those that come first.

    Args:
        before: The stack's template now; None when there is no stack.
        after: The template to be; None when the stack goes.
        known_before: Parameters and pseudo parameters, such as AWS::Region, by name, as they are.
        known_after: And as they will be.

    """
    old = dict.fromkeys(_grants(before, known_before) if before else ())
    new = dict.fromkeys(_grants(after, known_after) if after else ())
    return (
        *(PermissionChange(True, *grant) for grant in new if grant not in old),  # noqa: FBT003
        *(PermissionChange(False, *grant) for grant in old if grant not in new),  # noqa: FBT003
    )


def _grants(document: Document, known: Mapping[str, str]) -> Iterator[_Grant]:
    resolver = _Resolver(document["Resources"], known)
    for logical_id, resource in document["Resources"].items():
        properties = resource.get("Properties", {})
        match resource["Type"]:
            case "AWS::IAM::Role":
                yield from _of_role(logical_id, document["Resources"], properties, resolver)
            case "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy":
                roles = ", ".join(resolver.text(role) for role in properties.get("Roles", ()))
                yield from _of_policy(roles, properties["PolicyDocument"], resolver)
            case "AWS::Lambda::Permission":
                yield _of_permission(properties, resolver)
            case "AWS::SQS::QueuePolicy" | "AWS::SNS::TopicPolicy":
                yield from _of_resource_policy(properties["PolicyDocument"], resolver)


def _of_role(logical_id: str, resources: Document, properties: Document, resolver: _Resolver) -> Iterator[_Grant]:
    who = _function_of(logical_id, resources) or f"the role {logical_id}"
    for statement in _list(properties.get("AssumeRolePolicyDocument", {}).get("Statement", ())):
        condition = resolver.condition(statement.get("Condition"))
        for principal in _principals(statement.get("Principal", {}), resolver):
            for action in _list(statement["Action"]):
                yield principal, statement["Effect"], action, f"the role {logical_id}", condition
    for policy in properties.get("Policies", ()):
        yield from _of_policy(who, policy["PolicyDocument"], resolver)
    for managed in properties.get("ManagedPolicyArns", ()):
        yield who, "Allow", "everything in the managed policy", resolver.text(managed), None


def _function_of(role: str, resources: Document) -> str | None:
    """Whose execution role it is; None when it is no function's."""
    for logical_id, entry in resources.items():
        properties = entry.get("Properties", {})
        if entry["Type"] == "AWS::Lambda::Function" and properties.get("Role") == {"Fn::GetAtt": [role, "Arn"]}:
            name = properties.get("FunctionName", logical_id)
            return _THE_FUNCTION if logical_id == FUNCTION else f"{_THE_FUNCTION} {name}"
    return None


def _of_policy(who: str, policy: Document, resolver: _Resolver) -> Iterator[_Grant]:
    for statement in _list(policy["Statement"]):
        condition = resolver.condition(statement.get("Condition"))
        actions = _list(statement["Action"]) if "Action" in statement else _excluded(statement["NotAction"], resolver)
        if "Resource" in statement:
            resources = [resolver.text(resource) for resource in _list(statement["Resource"])]
        else:
            resources = _excluded(statement["NotResource"], resolver)
        for action in actions:
            for resource in resources:
                yield who, statement["Effect"], action, resource, condition


def _of_resource_policy(policy: Document, resolver: _Resolver) -> Iterator[_Grant]:
    for statement in _list(policy["Statement"]):
        for principal in _principals(statement["Principal"], resolver):
            yield from _of_policy(principal, {"Statement": statement}, resolver)


def _excluded(values: Any, resolver: _Resolver) -> list[str]:
    return [f"everything but {', '.join(resolver.text(value) for value in _list(values))}"]


def _of_permission(properties: Document, resolver: _Resolver) -> _Grant:
    conditions = {
        operator: resolver.text(properties[key])
        for key, operator in (("SourceArn", "aws:SourceArn"), ("SourceAccount", "aws:SourceAccount"))
        if key in properties
    }
    condition = json.dumps(conditions) if conditions else None
    function = resolver.text(properties["FunctionName"])
    return resolver.text(properties["Principal"]), "Allow", properties["Action"], function, condition


def _principals(principal: Any, resolver: _Resolver) -> list[str]:
    if principal == _ANYTHING:
        return ["everybody"]
    return [resolver.text(who) for kind in principal.values() for who in _list(kind)]


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list | tuple) else (value,)


class _Resolver:
    """Intrinsic functions as texts, as far as a template and its parameters tell what they give."""

    def __init__(self, resources: Document, known: Mapping[str, str]) -> None:
        self._resources = resources
        self._known = known

    def text(self, value: Any) -> str:
        """What a value is in the end; as JSON when that is known to CloudFormation alone."""
        resolved = self._resolved(value)
        return resolved if isinstance(resolved, str) else json.dumps(resolved, sort_keys=True)

    def condition(self, condition: Any) -> str | None:
        """Resolve a policy's condition, as JSON."""
        return json.dumps(self._deep(condition), sort_keys=True) if condition else None

    def _deep(self, value: Any) -> Any:
        resolved = self._resolved(value)
        if isinstance(resolved, dict):
            return {key: self._deep(entry) for key, entry in resolved.items()}
        if isinstance(resolved, list):
            return [self._deep(entry) for entry in resolved]
        return resolved

    def _resolved(self, value: Any) -> Any:
        match value:
            case {"Ref": str(name)}:
                return self._known.get(name, f"${{{name}}}")
            case {"Fn::GetAtt": [str(logical_id), str(attribute)]}:
                return self._attribute(logical_id, attribute)
            case {"Fn::Sub": str(template)}:
                return _VARIABLE.sub(self._variable, template)
            case {"Fn::Join": [str(delimiter), list(parts)]}:
                return delimiter.join(self.text(part) for part in parts)
        return value

    def _variable(self, match: re.Match[str]) -> str:
        name = match[1]
        if name.startswith("!"):
            return f"${{{name[1:]}}}"
        logical_id, dot, attribute = name.partition(".")
        return self._attribute(logical_id, attribute) if dot else self._known.get(name, f"${{{name}}}")

    def _attribute(self, logical_id: str, attribute: str) -> str:
        resource = self._resources.get(logical_id, {})
        if resource.get("Type") == "AWS::Logs::LogGroup" and attribute == "Arn":
            name = resource.get("Properties", {}).get("LogGroupName")
            if isinstance(name, str):
                return self.text(
                    {"Fn::Sub": f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{name}:*"}
                )
        return f"${{{logical_id}.{attribute}}}"
