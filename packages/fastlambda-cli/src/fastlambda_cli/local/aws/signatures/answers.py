"""Refusals in the protocol that a request speaks, so that its SDK finds the code (Smithy, "AWS protocols")."""

from __future__ import annotations

import json
import re
import uuid
from enum import Enum, auto
from xml.sax.saxutils import escape

from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.faults import MISSING, TOO_LARGE, RefusedRequest
from fastlambda_cli.local.serve import Send

_SIGNED_FOR = re.compile(r"[^/\s]+/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")
_REST_XML = frozenset({"cloudfront", "route53"})
_OF_REST = re.compile(r"/(\d{4}-\d{2}-\d{2}|v\d+|restapis|_ministack)(/.*)?")
"""How paths of services begin that speak REST with JSON, where nothing in the request names the service."""
_FORBIDDEN, _BAD_REQUEST, _UNAUTHORIZED = 403, 400, 401
_SHORT_TEXT = 24
_ONE_BYTE = 256


class _Protocol(Enum):
    CBOR = auto()
    EC2 = auto()
    JSON = auto()
    QUERY = auto()
    REST_JSON = auto()
    S3 = auto()


async def answer_refused(asked: Asked, refused: RefusedRequest, send: Send, *, closing: bool) -> None:
    """Answer a request that is refused.

    Args:
        asked: The request.
        refused: What is wrong with it.
        send: The answer's way out.
        closing: Whether the connection ends with it, because not all of the body was read.

    """
    request_id = str(uuid.uuid4())
    status, headers, body = _answer(asked, refused, request_id)
    fields = [*headers.items(), ("x-amzn-requestid", request_id), ("content-length", str(len(body)))]
    if closing:
        fields.append(("connection", "close"))
    pairs = [(name.encode(), value.encode("ascii", "replace")) for name, value in fields]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if asked.method == "HEAD" else body})


def _answer(asked: Asked, refused: RefusedRequest, request_id: str) -> tuple[int, dict[str, str], bytes]:
    fault, message = refused.fault, refused.message
    match _protocol(asked):
        case _Protocol.S3:
            error = f"<Code>{fault.s3}</Code><Message>{escape(fault.s3_message or message)}</Message>"
            body = f"<Error>{error}<RequestId>{request_id}</RequestId></Error>"
            return fault.s3_status or _FORBIDDEN, _XML, f"{_DECLARATION}{body}".encode()
        case _Protocol.EC2:
            error = f"<Errors><Error><Code>{fault.ec2}</Code><Message>{escape(message)}</Message></Error></Errors>"
            body = f"<Response>{error}<RequestID>{request_id}</RequestID></Response>"
            status = _UNAUTHORIZED if fault.ec2 == "AuthFailure" else _BAD_REQUEST
            return status, _XML, f"{_DECLARATION}{body}".encode()
        case _Protocol.QUERY:
            error = f"<Type>Sender</Type><Code>{fault.query}</Code><Message>{escape(message)}</Message>"
            body = f"<ErrorResponse><Error>{error}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
            return fault.status or _FORBIDDEN, _XML, body.encode()
        case _Protocol.CBOR:
            headers = {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
            return _status_of_json(refused), headers, _cbor({"__type": fault.json, "message": message})
        case _Protocol.JSON:
            return _json(asked, refused)
        case _Protocol.REST_JSON:
            if fault is MISSING:
                message = message.replace("Request is missing", "Missing", 1)
            headers = {"content-type": "application/json", "x-amzn-errortype": fault.json}
            return fault.status or _FORBIDDEN, headers, json.dumps({"message": message}).encode()


def _json(asked: Asked, refused: RefusedRequest) -> tuple[int, dict[str, str], bytes]:
    fault = refused.fault
    headers = {"content-type": asked.header("content-type") or "application/x-amz-json-1.1"}
    status = _status_of_json(refused)
    if asked.header("x-amzn-query-mode") is not None:  # services such as SQS that once spoke the query protocol
        headers["x-amzn-query-error"] = f"{fault.query};Sender"
        status = fault.status or _FORBIDDEN
    return status, headers, json.dumps({"__type": fault.json, "message": refused.message}).encode()


def _status_of_json(refused: RefusedRequest) -> int:
    return TOO_LARGE.status or _BAD_REQUEST if refused.fault is TOO_LARGE else _BAD_REQUEST


def _protocol(asked: Asked) -> _Protocol:
    if asked.header("smithy-protocol") == "rpc-v2-cbor":
        return _Protocol.CBOR
    if asked.header("x-amz-target") is not None:
        return _Protocol.JSON
    signed = _SIGNED_FOR.search(asked.header("authorization") or asked.parameter("X-Amz-Credential") or "")
    service = signed["service"] if signed else ""
    if service == "ec2":
        return _Protocol.EC2
    of_rest = _OF_REST.fullmatch(asked.decoded_path) is not None
    has_action = asked.is_form or asked.parameter("Action") is not None
    if service in _REST_XML or (has_action and not of_rest):
        return _Protocol.QUERY
    of_s3 = service.startswith("s3") if service else not of_rest
    return _Protocol.S3 if of_s3 else _Protocol.REST_JSON


def _cbor(members: dict[str, str]) -> bytes:
    """A map of texts (RFC 8949, section 3): two major types of eight, for which no library is worth its while."""

    def text(value: str) -> bytes:
        data = value.encode()
        size = len(data)
        if size < _SHORT_TEXT:
            return bytes([0x60 + size]) + data
        return (bytes([0x78, size]) if size < _ONE_BYTE else b"\x79" + size.to_bytes(2, "big")) + data

    return bytes([0xA0 + len(members)]) + b"".join(text(name) + text(value) for name, value in members.items())


_XML = {"content-type": "application/xml"}
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
