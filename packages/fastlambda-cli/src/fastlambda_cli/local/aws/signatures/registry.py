"""Amazon ECR's registry: a password that GetAuthorizationToken gives, for twelve hours."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.json_bodies import answer_json
from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send

_GET_TOKEN = b"AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
_PATH = re.compile(r"/v2/?|/v2/_catalog|/v2/.+/(blobs|manifests|tags)/.*")
_USER = "AWS"
_GOOD_FOR_S = 12 * 3600


class RegistryLogin:
    """Gives passwords and knows them again, also after a restart.

    A password says until when it is good, and has a code that only the holder of the secret access key can make.

    Args:
        keys: The state's.
        now: Seconds of the epoch.

    """

    def __init__(self, keys: Keys, now: Callable[[], float] = time.time) -> None:
        self._secret = keys.secret_access_key.encode()
        self._now = now

    def password(self) -> tuple[str, int]:
        """A password, and when it ends, in seconds of the epoch."""
        ends = int(self._now()) + _GOOD_FOR_S
        return f"{ends}.{self._code(ends)}", ends

    def accepts(self, authorization: str | None) -> bool:
        """Whether an Authorization header has the user `AWS` and a password that is still good."""
        scheme, _, encoded = (authorization or "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode("ascii").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        ends, _, code = password.partition(".")
        if user != _USER or not ends.isdecimal():
            return False
        return hmac.compare_digest(self._code(int(ends)), code) and self._now() < int(ends)

    def _code(self, ends: int) -> str:
        return hmac.new(self._secret, f"registry until {ends}".encode(), hashlib.sha256).hexdigest()

    def giving(self, app: AsgiApp, endpoint_url: str) -> AsgiApp:
        """Wrap the local AWS so that it answers GetAuthorizationToken; who asks has signed already."""

        async def given(scope: Scope, receive: Receive, send: Send) -> None:
            if not any(name == b"x-amz-target" and value == _GET_TOKEN for name, value in scope["headers"]):
                await app(scope, receive, send)
                return
            password, ends = self.password()
            token = base64.b64encode(f"{_USER}:{password}".encode()).decode()
            data = {"authorizationToken": token, "expiresAt": ends, "proxyEndpoint": endpoint_url}
            await answer_json(send, {"authorizationData": [data]})

        return given


def is_of_registry(asked: Asked) -> bool:
    """Whether a request speaks to a registry of images (OCI Distribution Specification, "Endpoints")."""
    authorization = asked.header("authorization") or ""
    presigned = any(name in {"X-Amz-Algorithm", "AWSAccessKeyId"} for name, _ in asked.query)
    targeted = asked.header("x-amz-target") is not None
    return (
        not presigned
        and not targeted
        and not authorization.startswith("AWS4-")
        and _PATH.fullmatch(asked.path) is not None
    )


async def answer_unknown(asked: Asked, send: Send, *, closing: bool) -> None:
    """Ask for a login, as ECR does."""
    error = {"code": "UNAUTHORIZED", "message": "authentication required"}
    body = b"" if asked.method == "HEAD" else json.dumps({"errors": [error]}).encode()
    realm = f'Basic realm="http://{asked.header("host")}/",service="ecr.amazonaws.com"'
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"docker-distribution-api-version", b"registry/2.0"),
        (b"www-authenticate", realm.encode("ascii", "replace")),
        *([(b"connection", b"close")] if closing else []),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
