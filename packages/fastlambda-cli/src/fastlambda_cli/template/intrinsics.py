"""CloudFormation's own vocabulary: intrinsic functions, resources, and the policies that keep some of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Resource: TypeAlias = dict[str, Any]
Resources: TypeAlias = dict[str, Resource]
"""Resources by logical id."""


def resource(kind: str, properties: Mapping[str, Any], **attributes: Any) -> Resource:
    """A resource of a type, without the properties that are None or empty; attributes stand beside its properties."""
    stated = {key: value for key, value in properties.items() if value is not None and value not in ({}, [])}
    return {"Type": kind, **attributes, "Properties": stated}


KEPT = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
"""Attributes of a resource that outlives its stack, unless the very operation that made it is rolled back."""


def ref(logical_id: str) -> dict[str, str]:
    """Ref: a parameter's value or a resource's primary identifier."""
    return {"Ref": logical_id}


def get_att(logical_id: str, attribute: str) -> dict[str, list[str]]:
    """Fn::GetAtt: an attribute of a resource."""
    return {"Fn::GetAtt": [logical_id, attribute]}


def choose(condition: str, then: Any, otherwise: Any) -> dict[str, list[Any]]:
    """Fn::If: one value when a condition of the template holds, and another when it does not."""
    return {"Fn::If": [condition, then, otherwise]}


def sub(text: str) -> dict[str, str]:
    """Fn::Sub: the text, with what stands in ${...} replaced."""
    return {"Fn::Sub": text}


def arn(service: str, rest: str) -> dict[str, str]:
    """An ARN in the stack's own partition, Region and account."""
    return sub(arn_text(service, rest))


def arn_text(service: str, rest: str) -> str:
    """What `arn` substitutes, as a part of a longer text."""
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}"


def statement(sid: str, actions: list[str], resources: Any, **rest: Any) -> dict[str, Any]:
    """An IAM policy statement that allows, unless `Effect` says otherwise."""
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources, **rest}


def policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """An IAM policy document."""
    return {"Version": "2012-10-17", "Statement": statements}
