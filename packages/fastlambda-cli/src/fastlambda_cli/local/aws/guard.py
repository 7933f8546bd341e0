"""Keeps web pages out: a browser reaches every port of this machine, on behalf of any page it shows."""

from __future__ import annotations

import re
from functools import lru_cache

from fastlambda_cli.local.serve import AsgiApp, Message, Receive, Scope, Send

# RFC 6761: `localhost` and every name under it is this machine; SDKs put buckets there. Any other name could be
# one that its owner points at 127.0.0.1 (DNS rebinding).
_OURS = re.compile(rb"(127\.0\.0\.1|([a-z0-9_-]+(\.[a-z0-9_-]+)*\.)?localhost)(:\d{1,5})?", re.IGNORECASE)
_BARE = re.compile(rb"(?:127\.0\.0\.1|localhost)(?::\d{1,5})?", re.IGNORECASE)
OF_BROWSERS = frozenset({b"origin", b"sec-fetch-site"})
"""Headers that only browsers send, and that are looked at here."""
_OWN_SITES = frozenset({b"none", b"same-origin", b"same-site"})
_ADMIN = ("/_ministack", "/_localstack", "/_fastlambda")
_HEALTH = frozenset({"/_ministack/health", "/_localstack/health"})
_CODE = re.compile(r"/_ministack/lambda-code/\d{12}/[a-z0-9-]+/[A-Za-z0-9_-]+")
"""Where GetFunction says that a deployment package can be downloaded, with a signature in the URL."""
ANSWER_URL = re.compile(r"/_ministack/cfn-(response|signal)/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Where a custom resource puts its answer and what a stack waits for its signal: whoever knows the random part may, as
with AWS's presigned URLs."""


def guarded(app: AsgiApp) -> AsgiApp:
    """Wrap the local AWS so that programs reach it and web pages do not.

    Refused with 403: a Host that is not this machine's, any Origin, and what a browser marks as sent by another
    site (`Sec-Fetch-Site`). The emulator's own administration answers 404, but for its health, the download of
    deployment packages and what CloudFormation waits for. No answer carries CORS headers.
    """

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if refusal := _refusal(scope):
            await _answer(send, 403, refusal)
        elif scope["path"].startswith(_ADMIN) and not _is_open(scope):
            await _answer(send, 404, "There is nothing here.")
        else:
            await app(scope, receive, _without_cors(send))

    return guard


@lru_cache(maxsize=64)
def is_bare(host: bytes) -> bool:
    """Whether a request is for this machine by its bare name."""
    return _BARE.fullmatch(host) is not None


def _is_open(scope: Scope) -> bool:
    download = scope["method"] == "GET" and _CODE.fullmatch(scope["path"]) is not None
    answer = scope["method"] == "PUT" and ANSWER_URL.fullmatch(scope["path"]) is not None
    return download or answer or scope["path"] in _HEALTH


def _refusal(scope: Scope) -> str | None:
    values: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        values.setdefault(name.lower(), []).append(value)
    hosts = values.get(b"host", [])
    if len(hosts) != 1 or not _OURS.fullmatch(hosts[0]):
        return "The local AWS answers to 127.0.0.1, localhost and names under localhost only."
    if b"origin" in values:
        return "The local AWS does not answer web pages: the request has an Origin."
    if not _OWN_SITES.issuperset(values.get(b"sec-fetch-site", [])):
        return "The local AWS does not answer web pages: another site sent the request."
    return None


def _without_cors(send: Send) -> Send:
    async def stripped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", ())
            kept = [pair for pair in headers if not pair[0].lower().startswith(b"access-control-")]
            if len(kept) != len(headers):
                message = {**message, "headers": kept}
        await send(message)

    return stripped


async def _answer(send: Send, status: int, text: str) -> None:
    body = f"{text}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),  # the request's body was not read
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
