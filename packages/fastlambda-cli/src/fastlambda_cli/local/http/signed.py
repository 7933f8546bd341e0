"""Authorization by IAM: the request has to be signed."""

from __future__ import annotations

import re
from collections.abc import Callable

from fastlambda_cli.local.http.authorizing import Authorize, Authorized, Refused
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import Answer
from fastlambda_cli.local.model import ACCOUNT_ID

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/\s]+)/\d+/[^/\s]+/(?P<service>[a-z0-9-]+)/aws4_request")


def signed_for(service: str, forbidden: Callable[[str], Answer]) -> Authorize:
    """Let requests pass that are signed for a service. Whether the signature is right is not looked at here.

    Args:
        service: Its signing name.
        forbidden: Makes the answer to others, of what is for the log.

    """

    async def authorize(request: HttpRequest, _: str) -> Authorized | Refused:
        signed = _SIGNED.match(request.header("authorization"))
        if signed is None or signed["service"] != service:
            why = f"the request is not signed for {service}, which AWS_IAM wants"
            return Refused(forbidden(why), why)
        # Everybody is the account's root here, as STS says too.
        caller = {
            "accessKey": signed["key"],
            "accountId": ACCOUNT_ID,
            "callerId": ACCOUNT_ID,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:iam::{ACCOUNT_ID}:root",
            "userId": ACCOUNT_ID,
        }
        return Authorized({"iam": caller})

    return authorize
