"""Refuses by name what the emulator would only pretend to run: nothing would listen or think behind its answer."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from fastlambda_cli.local.aws.deployed.signing import signed_for
from fastlambda_cli.local.aws.json_bodies import answer_json, read_body, replayed
from fastlambda_cli.local.aws.proxy import ClientGoneError
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send

_CODE = "UnsupportedOperation"
_RUNS_NONE = "it would answer as if there were one, and nothing would listen there"

_TARGETS: Mapping[bytes, str] = {
    b"AmazonEC2ContainerServiceV20141113.RunTask": f"no containers: {_RUNS_NONE}",
    b"AmazonEC2ContainerServiceV20141113.StartTask": f"no containers: {_RUNS_NONE}",
    b"AmazonEC2ContainerServiceV20141113.CreateService": f"no containers: {_RUNS_NONE}",
    b"AWSGlue.StartJobRun": "no Spark: a job would run as a program of this machine's, or not at all",
    b"ElasticMapReduce.RunJobFlow": f"no clusters: {_RUNS_NONE}",
    b"secretsmanager.RotateSecret": "no rotation functions: use PutSecretValue to give the secret its new value",
}
"""Operations of JSON protocols, and what is not run."""


@dataclass(frozen=True, slots=True)
class _Path:
    """An operation of a REST protocol."""

    service: bytes
    method: str
    path: re.Pattern[str]
    what: str


_PATHS = (
    _Path(b"eks", "POST", re.compile(r"/clusters"), f"no Kubernetes: {_RUNS_NONE}"),
    _Path(b"es", "POST", re.compile(r"/2021-01-01/opensearch/domain"), f"no OpenSearch: {_RUNS_NONE}"),
    _Path(b"kafka", "POST", re.compile(r"/(api/v2|v1)/clusters"), f"no Kafka: {_RUNS_NONE}"),
    _Path(b"mq", "POST", re.compile(r"/v1/brokers"), f"no message brokers: {_RUNS_NONE}"),
    _Path(b"airflow", "PUT", re.compile(r"/environments/[^/]+"), f"no Airflow: {_RUNS_NONE}"),
    _Path(b"batch", "POST", re.compile(r"/v1/submitjob"), "no jobs: one would be called done and never have run"),
    _Path(b"bedrock", "POST", re.compile(r"/(model/.+|async-invoke)"), "no models: the answer would be made up"),
)

_ACTIONS: Mapping[bytes, tuple[re.Pattern[str], str]] = {
    b"rds": (
        re.compile(r"(Create|Restore|Start)DB(Instance|Cluster)(?!Snapshot|ParameterGroup|Endpoint).*"),
        f"no databases: {_RUNS_NONE}. Start one yourself and give the function its URL",
    ),
    b"elasticache": (
        re.compile(r"Create(CacheCluster|ReplicationGroup|ServerlessCache)"),
        f"no caches: {_RUNS_NONE}. Start one yourself and give the function its URL",
    ),
}
"""Services of the query protocol: which of their operations, and what is not run."""


def refusing(app: AsgiApp) -> AsgiApp:
    """Wrap the local AWS so that it starts nothing that would not be there; the error is `UnsupportedOperation`."""

    async def refused(scope: Scope, receive: Receive, send: Send) -> None:
        service = signed_for(scope)
        actions = _ACTIONS.get(service or b"")
        try:
            if actions is not None and scope["method"] == "POST":
                await _of_query(app, actions, scope, receive, send)
            elif (what := _not_run(scope, service)) is not None:
                message = _message(what)
                error = {"__type": _CODE, "message": message, "Message": message}
                await answer_json(send, error, status=400, error=_CODE)
            else:
                await app(scope, receive, send)
        except ClientGoneError:
            return

    return refused


async def _of_query(
    app: AsgiApp, actions: tuple[re.Pattern[str], str], scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer an operation of the query protocol, which is named in the body."""
    body = await read_body(receive)
    refused, what = actions
    if refused.fullmatch(_action(body)):
        await _answer_xml(send, _message(what))
    else:
        await app(scope, replayed(body, receive), send)


def _not_run(scope: Scope, service: bytes | None) -> str | None:
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"")
    if target in _TARGETS:
        return _TARGETS[target]
    for each in _PATHS:
        if (service, scope["method"]) == (each.service, each.method) and each.path.fullmatch(scope["path"]):
            return each.what
    return None


def _message(what: str) -> str:
    return f"The local AWS runs {what}."


def _action(body: bytes) -> str:
    return parse_qs(body.decode("utf-8", errors="replace")).get("Action", [""])[0]


async def _answer_xml(send: Send, message: str) -> None:
    error = f"<Error><Type>Sender</Type><Code>{_CODE}</Code><Message>{escape(message)}</Message></Error>"
    body = f"<ErrorResponse>{error}<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>".encode()
    headers = [(b"content-type", b"text/xml"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
