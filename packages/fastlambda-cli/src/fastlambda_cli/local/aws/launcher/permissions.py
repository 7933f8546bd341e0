"""Whether a caller may do what it asks: ministack's evaluator of policies, for everybody but the account's root.

Imported with the first request of such a caller, which changes ministack: what it needs takes a while to load.

The front door has checked who signed, and says so with a header of its own. For the root there is none, and ministack
answers as if there were no permissions; for all others its `AUTH` holds, for that one request. What ministack has wrong
about an action, a resource or the words of a refusal is put right in `asked` and below.
"""

from __future__ import annotations

import dataclasses
import json
import secrets
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from asking import asking  # type: ignore[import-not-found,unused-ignore]
from ministack import app as ministack  # type: ignore[import-not-found,unused-ignore]
from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found,unused-ignore]
from ministack.core.responses import (  # type: ignore[import-not-found,unused-ignore]
    _account_from_sts_session,
    get_account_id,
    get_region,
)
from ministack.services import sts  # type: ignore[import-not-found,unused-ignore]
from needed import when_needed  # type: ignore[import-not-found,unused-ignore]
from passing import PASS_ROLE, passed_of  # type: ignore[import-not-found,unused-ignore]
from resources import contexts_of, needed_of  # type: ignore[import-not-found,unused-ignore]
from roles import is_unknown, unknown_policies  # type: ignore[import-not-found,unused-ignore]
from s3_headers import (  # type: ignore[import-not-found,unused-ignore]
    PUT_OBJECT,
    needed_by_headers,
    tags_asked,
)

DENIED = b"x-fastlambda-denied"
"""What the caller may not do, for the front door to tell: the decision, action and resource."""

_SAME = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sns:PublishBatch": "sns:Publish",
}
"""Operations without an action of their own (Service Authorization Reference)."""
_RESOURCES_KNOWN = frozenset(
    {"dynamodb", "events", "kms", "lambda", "logs", "monitoring", "s3", "secretsmanager", "sns", "sqs", "ssm", "xray"}
)
"""Where "*" means that the action takes no resource; elsewhere it may be one that ministack did not find."""

_KEYS_KNOWN = frozenset({"aws", "dynamodb", "events", "lambda", "s3", "sts"})
"""Whose condition keys are found in requests; of other services only those that `contexts_of` finds."""

_NOT_FOUND = 404

Enforce = Callable[..., Any]


class Asked(NamedTuple):
    """What is asked of policies."""

    action: str
    service: str
    resource: str
    region: str
    context: Mapping[str, Any]


class Denied(NamedTuple):
    """What was refused, by a policy that says so (`Deny`) or because none allows it (`ImplicitDeny`)."""

    decision: str
    action: str
    resource: str


class Request(NamedTuple):
    """What is asked of a service; headers of S3's that came in a presigned URL are among the headers."""

    service: str
    body: bytes
    headers: Mapping[str, str]


_request: ContextVar[Request | None] = ContextVar("fastlambda_request", default=None)
_denied: ContextVar[list[Denied] | None] = ContextVar("fastlambda_denied", default=None)


def _ask_permissions() -> None:
    """Have ministack ask policies where the front door names a caller."""
    iam_evaluator.authenticate = _as_the_front_door_said
    iam_evaluator.enforce = _corrected(iam_evaluator.enforce)
    iam_actions.extract_iam_action = _noted(iam_actions.extract_iam_action)
    iam_actions.access_denied_response = _worded(iam_actions.access_denied_response)
    when_needed("s3", _hide_missing_keys)


def asked(caller: bytes, send: Any) -> Any:
    """Ask for the permissions of this request's caller; the way out of its answer, which says what was denied."""
    denied: list[Denied] = []
    _denied.set(denied)
    _be(json.loads(caller))

    async def told(message: Any) -> None:
        if denied and message["type"] == "http.response.start":
            text = " ".join(denied[-1]).encode("ascii", "replace")
            message = {**message, "headers": [*message.get("headers", ()), (DENIED, text)]}
        await send(message)

    return told


def decide(question: Mapping[str, Any]) -> Mapping[str, str]:
    """Whether a caller may do something that the front door does itself; empty when it may."""
    _be(question["caller"])
    key, action = question["caller"]["key"], question["action"]
    service = action.partition(":")[0]
    region, context = question["region"], question.get("context") or {}
    denied = iam_evaluator.enforce(
        key, action, service, region, resource_arn=question["resource"], service_context=context
    )
    if denied is None:
        return {}
    if isinstance(denied, iam_evaluator.AuthError):
        return {"message": denied.message}
    refused = Denied(denied.decision, action, question["resource"])
    return {"message": _message(denied, refused), "decision": denied.decision}


def _be(caller: Mapping[str, Any]) -> None:
    """Ask for the permissions of a caller from now on, in this request alone."""
    asking.set(caller)
    if caller["function"] is None:
        return  # a key that ministack made itself
    sts._sessions[caller["key"]] = {  # noqa: SLF001
        "Arn": caller["arn"],
        "UserId": caller["principal_id"],
        "AccountId": caller["arn"].split(":")[4],
        "PrincipalType": "AssumedRole",
        "SecretAccessKey": secrets.token_urlsafe(30),  # the front door has the true one
        "SessionToken": secrets.token_urlsafe(30),
    }


def _as_the_front_door_said(access_key_id: str, account_id: str) -> Any:
    account = _account_from_sts_session(access_key_id) or account_id
    found = iam_evaluator.resolve_credential(access_key_id, account)
    if isinstance(found, iam_evaluator.CredentialResolutionError):
        return iam_evaluator.AuthError(found.code, found.message)
    return found


def _noted(extract: Any) -> Any:
    """Keep what a request says: its action and resource alone do not tell all that policies are about."""

    def extracted(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if service == "s3":
            headers = ministack._get_module("s3")._merge_hoisted_amz_headers(headers, query)  # noqa: SLF001
        _request.set(Request(service, body, headers))
        return extract(service, method, path, headers, body, query)

    return extracted


def _corrected(enforce: Enforce) -> Enforce:
    def enforced(
        key: str, action: str, service: str, region: str, resource_arn: str = "*", service_context: Any = None
    ) -> Any:
        caller = asking.get()
        if not caller:
            return enforce(key, action, service, region, resource_arn, service_context)
        body = _body_of(service)
        own = {"lambda:SourceFunctionArn": caller["function"]} if caller["function"] is not None else {}
        for needed, resource, context in _all_of(_SAME.get(action, action), resource_arn, body, region):
            known = {**(service_context or {}), **context, **own}
            question = Asked(needed, "iam" if needed == PASS_ROLE else service, resource, region, known)
            result = enforce(key, needed, question.service, region, resource, known)
            if result is None or _undecided(key, question, result):
                continue
            if not isinstance(result, iam_evaluator.AuthError) and (denied := _denied.get()) is not None:
                denied.append(Denied(result.decision, needed, resource))
            return result
        return None

    return enforced


def _all_of(
    action: str, found: str, body: Mapping[str, Any], region: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """All that a request needs: actions, what each is done to, and what conditions may ask of it."""
    if action == PUT_OBJECT and (request := _request.get()) is not None and request.service == "s3":
        tags = tags_asked(request.headers)
        for needed in (action, *needed_by_headers(request.headers)):
            yield needed, found, tags
        return
    for needed, resource in needed_of(action, found, body, region):
        for context in contexts_of(needed, resource, body):
            yield needed, resource, context
    for role, context in passed_of(action, body):
        yield PASS_ROLE, role, context


def _hide_missing_keys(s3: Any) -> None:
    """Tell only those who may list a bucket which keys it lacks (Amazon S3 API Reference, "GetObject", Permissions)."""
    s3._get_object = _hiding(s3._get_object)  # noqa: SLF001
    s3._head_object = _hiding(s3._head_object)  # noqa: SLF001


def _hiding(get: Any) -> Any:
    def got(bucket: str, *rest: Any, **named: Any) -> Any:
        answer, caller = get(bucket, *rest, **named), asking.get()
        if answer[0] != _NOT_FOUND or b"NoSuchKey" not in answer[2] or not caller:
            return answer
        resource = f"arn:aws:s3:::{bucket}"
        denied = iam_evaluator.enforce(caller["key"], "s3:ListBucket", "s3", get_region(), resource_arn=resource)
        if denied is None or isinstance(denied, iam_evaluator.AuthError):
            return answer
        explicit = denied.decision == "Deny"
        return iam_actions.access_denied_response(
            "s3",
            "s3:ListBucket",
            denied.principal_arn,
            str(uuid.uuid4()),
            resource_arn=resource,
            explicit_deny=explicit,
        )

    return got


def _body_of(service: str) -> Mapping[str, Any]:
    noted = _request.get()
    if noted is None or noted.service != service or service == "s3":
        return {}
    if service == "cloudformation":
        return dict(parse_qsl(noted.body.decode("utf-8", "replace")))  # it speaks the query protocol
    try:
        body = json.loads(noted.body or b"{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _undecided(key: str, asked_for: Asked, result: Any) -> bool:
    """Whether a refusal rests on what is not known here.

    That is a policy of AWS's own, a role of another account that is not here, what the action is done to, or a
    condition key of the service's own.
    """
    if isinstance(result, iam_evaluator.AuthError) or result.decision != "ImplicitDeny":
        return False
    principal = iam_evaluator.resolve_principal(key, get_account_id())
    if isinstance(principal, iam_evaluator.AuthError):
        return False
    role = iam_evaluator._role_name_from_assumed_arn(principal.arn)  # noqa: SLF001
    if role and (unknown_policies(role) or is_unknown(principal.account, role)):
        return True
    anything = asked_for.resource == "*" and asked_for.service not in _RESOURCES_KNOWN
    known = {name.lower(): value for name, value in asked_for.context.items()}
    loosened = [_loosened(each, known, anything) for policy in principal.policies or () for each in policy]
    context = iam_evaluator.EvalContext(
        principal_arn=principal.arn,
        principal_type=principal.type,
        principal_account=principal.account,
        action=asked_for.action,
        resource_arn=asked_for.resource,
        region=asked_for.region,
        service_context=known,
        principal_keys=principal.keys,
    )
    changed = [loose for loose in loosened if loose is not None]
    return bool(changed) and iam_evaluator._first_match(context, changed, "Allow") is not None  # noqa: SLF001


def _loosened(statement: Any, known: Mapping[str, Any], anything: bool) -> Any:  # noqa: FBT001
    """A statement without what nobody knows whether it holds; None where everything is known of it."""
    conditions = {
        operator: {name: value for name, value in tests.items() if _is_known(name, known)}
        for operator, tests in statement.conditions.items()
    }
    kept = {operator: tests for operator, tests in conditions.items() if tests}
    if kept == statement.conditions and not anything:
        return None
    resources = {"resources": ["*"], "not_resources": []} if anything else {}
    return dataclasses.replace(statement, conditions=kept, **resources)


def _is_known(name: str, known: Mapping[str, Any]) -> bool:
    """Whether the value of a condition key is known, or known to be missing."""
    return name.lower() in known or name.partition(":")[0].lower() in _KEYS_KNOWN


def _worded(respond: Any) -> Any:
    """Name the resource in every refusal, as services do."""

    def responded(service: str, action: str, principal: str, request_id: str, **named: Any) -> Any:
        denied = _denied.get()
        if denied and not named.get("error_code") and not named.get("resource_policy_arn"):
            last = denied[-1]
            action, named["resource_arn"] = last.action, last.resource
            named["message"] = _denial(principal, last)
        answer = respond(service, action, principal, request_id, **named)
        of_json = (named.get("headers") or {}).get("x-amz-target") and not named.get("error_code")
        # Services of the JSON protocols answer 400 (Amazon DynamoDB Developer Guide, "Error handling with DynamoDB",
        # and the others' "Common errors"), all but Amazon SQS, which keeps the status of its query protocol.
        return (400, *answer[1:]) if of_json and service != "sqs" else answer

    return responded


def _message(result: Any, denied: Denied) -> str:
    if result.resource_policy_arn:
        service = denied.action.partition(":")[0]
        told: str = iam_actions._resource_policy_denial(service, denied.action, result.principal_arn, denied.resource)  # noqa: SLF001
        return told
    return _denial(result.principal_arn, denied)


def _denial(principal: str, denied: Denied) -> str:
    """The words of IAM User Guide, "Troubleshoot access denied error messages", as services put them."""
    decision, action, resource = denied
    service, _, operation = action.partition(":")
    # As seen of SQS (aws/serverless-application-model#3633), SNS and S3.
    if service == "sqs":
        action = action.lower()
    elif service == "sns":
        action = f"SNS:{operation}"
    elif service == "s3":
        resource = f'"{resource}"'
    told: str = iam_actions.identity_denial_message(action, principal, resource, decision == "Deny")
    return told


_ask_permissions()
