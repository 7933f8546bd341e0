"""The roles of functions: whether Lambda may assume one, and whether it allows what Lambda itself does with it.

The words are Lambda's, as public issues quote them: nficano/python-lambda#28, coinbase/fenrir#1, anomalyco/sst#5737,
aws-samples/aws-serverless-ecommerce-platform#41.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from ministack.core import iam_evaluator  # type: ignore[import-not-found,unused-ignore]
from ministack.core.responses import get_account_id, get_region  # type: ignore[import-not-found,unused-ignore]

_ARN = re.compile(r"arn:aws[a-zA-Z-]*:iam::(?P<account>\d{12}):role/(?:.+/)?(?P<name>[\w+=,.@-]+)")
_ACCOUNT = os.environ["MINISTACK_ACCOUNT_ID"]
_LAMBDA = "lambda.amazonaws.com"
_IN_A_VPC = ("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface")
_DEAD_LETTERS = {"sqs": ("SendMessage", "SQS"), "sns": ("Publish", "SNS")}


def _iam() -> Any:
    # Late, as ministack has it: at its start the import would take longer than many a request.
    from ministack.services import iam  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415

    return iam


def role(name: str) -> Mapping[str, Any] | None:
    """The id of a role, and whether Lambda may assume it; None when there is none."""
    found = _iam()._roles.get(name)  # noqa: SLF001
    return None if found is None else {"id": found["RoleId"], "assumable": may_be_assumed(found, _LAMBDA)}


def problem_of_role(wanted: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """What Lambda has against the role of a function as it would be, and is not yet."""
    found = _found(str(wanted.get("Role", "")))
    if wanted.get("Role") != before.get("Role") and (found is None or not may_be_assumed(found, _LAMBDA)):
        return "The role defined for the function cannot be assumed by Lambda."
    if found is None:
        return None  # it was made while there was one
    told = "The provided execution role does not have permissions to call"
    traces = (wanted.get("TracingConfig") or {}).get("Mode") == "Active"
    if traces and not role_may(found["Arn"], "xray:PutTraceSegments", "*"):
        return f"{told} PutTraceSegments on XRAY"
    if (wanted.get("VpcConfig") or {}).get("SubnetIds"):
        for operation in _IN_A_VPC:
            if not role_may(found["Arn"], f"ec2:{operation}", "*"):
                return f"{told} {operation} on EC2"
    letters = (wanted.get("DeadLetterConfig") or {}).get("TargetArn") or ""
    service = letters.split(":")[2] if letters.count(":") > 1 else ""
    if service in _DEAD_LETTERS:
        operation, named = _DEAD_LETTERS[service]
        if not role_may(found["Arn"], f"{service}:{operation}", letters):
            return f"{told} {operation} on {named}"
    return None


def may_receive(configuration: Mapping[str, Any], operation: str, queue: str) -> bool:
    """Whether a function's role lets Lambda poll a queue; true of one that is unknown here."""
    role_arn = str(configuration.get("Role", ""))
    return _found(role_arn) is None or role_may(role_arn, f"sqs:{operation}", queue)


def assumable(arn: str, service: str, source: str) -> bool:
    """Whether there is a role that an AWS service may assume for another resource, by its ARN."""
    found = _found(arn)
    return found is not None and may_be_assumed(found, service, source)


def may_be_assumed(found: Mapping[str, Any], service: str, source: str | None = None) -> bool:
    """Whether a role's trust policy lets an AWS service assume it, for another resource if it tells one."""
    document = found.get("AssumeRolePolicyDocument") or "{}"
    try:
        trust = json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return False
    statements = trust.get("Statement", [])
    # A trust policy names no resource.
    whole = [{**each, "Resource": "*"} for each in ([statements] if isinstance(statements, dict) else statements)]
    account = found["Arn"].split(":")[4]
    context = _context("*", "Service", "sts:AssumeRole", "*", {"aws:sourceaccount": account, "aws:sourcearn": source})
    evaluated = iam_evaluator.evaluate_resource_policy({"Statement": whole}, context, service=service)
    return bool(evaluated.decision == "Allow")


def role_may(arn: str, action: str, resource: str) -> bool:
    """Whether a role allows an action that a service takes with it, by its own policies or the resource's."""
    found = _found(arn)
    if found is None:
        return False
    account, name = found["Arn"].split(":")[4], found["RoleName"]
    if [*unknown_policies(name)]:
        return True
    session = f"arn:aws:sts::{account}:assumed-role/{name}/service"
    context = _context(session, "AssumedRole", action, resource, {})
    policies = iam_evaluator._gather_role_policies(name, account)  # noqa: SLF001
    limits = iam_evaluator._permissions_boundary(_iam()._roles, name, account)  # noqa: SLF001
    result = iam_evaluator.evaluate(context, policies, *limits)
    own = iam_evaluator._resource_policy(action.partition(":")[0], resource)  # noqa: SLF001
    if own is not None:
        result = iam_evaluator.combine_resource_policy(result, context, *own, limits=limits)
    return bool(result.decision == "Allow")


def session_of(arn: str, name: str) -> str:
    """The ARN of a session of a role, which is what services name when they deny it something."""
    account, _, path = arn.partition(":iam::")[2].partition(":role/")
    return f"arn:aws:sts::{account}:assumed-role/{path.rpartition('/')[2]}/{name}"


def service_may(service: str, action: str, resource: str, policy: Mapping[str, Any], source: str) -> bool:
    """Whether a resource's policy lets an AWS service do something on behalf of another resource, by its ARN."""
    known = {"aws:sourcearn": source, "aws:sourceaccount": source.split(":")[4] or get_account_id()}
    context = _context("*", "Service", action, resource, known)
    return bool(iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision == "Allow")


def unknown_policies(name: str) -> list[str]:
    """The policies of AWS's own that a role has and ministack has not: what they allow is not known here."""
    attached = (_iam()._roles.get(name) or {}).get("AttachedPolicies", ())  # noqa: SLF001
    return [each for each in attached if each.startswith("arn:aws:iam::aws:") and _iam()._lookup_policy(each) is None]  # noqa: SLF001


def is_unknown(account: str, name: str) -> bool:
    """Whether a role is of another account than the local AWS's, and not here."""
    return account != _ACCOUNT and _iam()._roles.get_scoped(account, None, name) is None  # noqa: SLF001


def _found(arn: str) -> Mapping[str, Any] | None:
    match = _ARN.fullmatch(arn)
    found: Mapping[str, Any] | None = (
        _iam()._roles.get_scoped(match["account"], None, match["name"]) if match else None  # noqa: SLF001
    )
    return found


def _context(principal: str, kind: str, action: str, resource: str, known: Mapping[str, Any]) -> Any:
    return iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type=kind,
        principal_account="" if kind == "Service" else get_account_id(),
        action=action,
        resource_arn=resource,
        region=get_region(),
        service_context=dict(known),
    )
