"""What AWS answers without a signature, and so does the local AWS.

A request is let through only as what it is recognised as: whatever could make another part of the local AWS answer it
(a header or a parameter twice, a service's target on another's path, the host of a bucket) has it want a signature.
"""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import parse_qs

from botocore.loaders import create_loader

from fastlambda_cli.local.aws.guard import ANSWER_URL
from fastlambda_cli.local.aws.signatures.asked import Asked

_BARE_HOST = re.compile(r"(localhost|127\.0\.0\.1)(:\d{1,5})?", re.IGNORECASE)
_HEALTH = re.compile(r"/_(ministack|localstack)/health")
_KEYS_OF_A_POOL = re.compile(r"/[A-Za-z0-9-]+_[A-Za-z0-9]+/\.well-known/(jwks\.json|openid-configuration)")
_SIGN_IN = frozenset(
    {
        ("GET", "/logout"),
        ("GET", "/oauth2/authorize"),
        ("GET", "/oauth2/userInfo"),
        ("POST", "/login"),
        ("POST", "/oauth2/login"),
        ("POST", "/oauth2/token"),
        ("POST", "/oauth2/userInfo"),
    }
)
"""Amazon Cognito Developer Guide, "User pool endpoints and managed login reference"."""
_LINKS = frozenset({"ConfirmSubscription", "Unsubscribe"})
"""Amazon SNS API Reference: the links in its messages, whose token or ARN only the receiver knows."""
_MODELS = {
    "AWSCognitoIdentityProviderService": "cognito-idp",
    "AWSCognitoIdentityService": "cognito-identity",
}


def is_public(asked: Asked) -> bool:
    """Whether nobody has to sign this request; one whose operation stands in its body is not among them."""
    authorizations = [value for name, value in asked.headers if name == "authorization"]
    signs = any(value.startswith("AWS") for value in authorizations) or any(
        name.startswith("X-Amz-") or name == "AWSAccessKeyId" for name, _ in asked.query
    )
    if signs or not asked.query_is_text or not _BARE_HOST.fullmatch(asked.header("host") or ""):
        return False
    targets = [value for name, value in asked.headers if name == "x-amz-target"]
    if targets:
        plain = (asked.method, asked.path, [*asked.query], authorizations) == ("POST", "/", [], [])
        kind = asked.header("content-type") or ""
        return plain and len(targets) == 1 and kind.startswith("application/x-amz-json-") and _unsigned(targets[0])
    if asked.path == "/":
        actions = [value for name, value in asked.query if name == "Action"]
        return asked.method == "GET" and len(actions) == 1 and actions[0] in _LINKS
    if asked.method == "PUT":
        plain = ([*asked.query], authorizations) == ([], [])
        return plain and ANSWER_URL.fullmatch(asked.path) is not None
    if (asked.method, asked.path) in _SIGN_IN:
        return True
    return asked.method == "GET" and bool(_HEALTH.fullmatch(asked.path) or _KEYS_OF_A_POOL.fullmatch(asked.path))


def may_be_public_by_its_body(asked: Asked) -> bool:
    """Whether the body decides: STS takes the proofs of other identity providers in the query protocol."""
    names = {name for name, _ in asked.headers}
    bare = _BARE_HOST.fullmatch(asked.header("host") or "") is not None
    return bare and asked.is_form and (asked.path, [*asked.query]) == ("/", []) and not names & _NOT_IN_FORMS


def is_public_form(body: bytes) -> bool:
    """Whether a form asks for an operation of STS that nobody has to sign."""
    try:
        form = parse_qs(body.decode("ascii"), max_num_fields=1000)
    except ValueError:
        return False
    actions = form.get("Action", [])
    return len(actions) == 1 and actions[0] in _unsigned_operations("sts")


_NOT_IN_FORMS = frozenset({"authorization", "x-amz-target", "smithy-protocol"})


def _unsigned(target: str) -> bool:
    prefix, _, operation = target.partition(".")
    model = _MODELS.get(prefix)
    return model is not None and operation in _unsigned_operations(model)


@cache
def _unsigned_operations(model: str) -> frozenset[str]:
    """The operations whose `authtype` is `none` in botocore's model of the service."""
    operations = create_loader().load_service_model(model, "service-2")["operations"]
    return frozenset(name for name, operation in operations.items() if operation.get("authtype") == "none")
