"""The URLs of HTTP APIs and of functions, corrected: the emulator keeps the port that the front door had then."""

from __future__ import annotations

import re

from fastlambda_cli.local.aws.deployed.signing import signed_for
from fastlambda_cli.local.serve import AsgiApp, Message, Receive, Scope, Send

_ENDPOINT = re.compile(rb"(?P<name>\.(execute-api|lambda-url)\.localhost:)\d{1,5}")
_ANSWERING = frozenset({b"apigateway", b"cloudformation", b"lambda"})


def with_present_port(app: AsgiApp, port: int) -> AsgiApp:
    """Put the front door's port into the URLs that API Gateway, CloudFormation and Lambda answer with."""

    async def corrected(scope: Scope, receive: Receive, send: Send) -> None:
        concerned = signed_for(scope) in _ANSWERING
        await app(scope, receive, _Correction(send, port) if concerned else send)

    return corrected


class _Correction:
    """Holds an answer back until it is whole: it is a page of a listing, and its length may change."""

    def __init__(self, send: Send, port: int) -> None:
        self._send = send
        self._port = rb"\g<name>%d" % port
        self._start: Message = {}
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        self._body += message.get("body", b"")
        if message.get("more_body"):
            return
        body = _ENDPOINT.sub(self._port, self._body)
        headers = [pair for pair in self._start.get("headers", ()) if pair[0] != b"content-length"]
        if len(headers) < len(self._start.get("headers", ())):
            headers.append((b"content-length", b"%d" % len(body)))
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
