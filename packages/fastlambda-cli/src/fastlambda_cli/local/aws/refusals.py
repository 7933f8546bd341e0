"""Refuses by name what the emulator would only pretend to run: nothing would listen or think behind its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from fastlambda_cli.local.aws.deployed.signing import signed_for
from fastlambda_cli.local.aws.json_bodies import read_body, replayed
from fastlambda_cli.local.aws.proxy import ClientGoneError
from fastlambda_cli.local.aws.signatures.answers import answer_refused
from fastlambda_cli.local.aws.signatures.asked import Asked
from fastlambda_cli.local.aws.signatures.faults import Fault, RefusedRequest
from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send

_CODE = "UnsupportedOperation"
_FAULT = Fault(_CODE, _CODE, _CODE, _CODE, "The local AWS does not run that.", status=400, s3_status=400)
_RUNS_NONE = "it would answer as if there were one, and nothing would listen there"
_DATABASE = f"{_RUNS_NONE}. Start one yourself and give the function its URL"
_MADE_UP = "the answer would be made up"
_NEVER_RUN = "one would be called done and never have run"

_TARGETS: Mapping[bytes, str] = {
    b"AmazonAthena.StartQueryExecution": f"no queries of Athena: {_MADE_UP}",
    b"CodeBuild_20161006.StartBuild": f"no builds: {_NEVER_RUN}",
    b"CodeBuild_20161006.StartBuildBatch": f"no builds: {_NEVER_RUN}",
    b"Transcribe.StartTranscriptionJob": f"no transcriptions: {_NEVER_RUN}",
    b"TransferService.CreateServer": f"no file transfer: {_RUNS_NONE}",
    b"AmazonEC2ContainerServiceV20141113.RunTask": f"no containers: {_RUNS_NONE}",
    b"AmazonEC2ContainerServiceV20141113.StartTask": f"no containers: {_RUNS_NONE}",
    b"AmazonEC2ContainerServiceV20141113.CreateService": f"no containers: {_RUNS_NONE}",
    b"AWSGlue.StartJobRun": "no Spark: a job would run as a program of this machine's, or not at all",
    b"ElasticMapReduce.RunJobFlow": f"no clusters: {_RUNS_NONE}",
    b"secretsmanager.RotateSecret": "no rotation functions: use PutSecretValue to give the secret its new value",
}
"""Operations of JSON protocols and CBOR, and what is not run."""
_CBOR_PATH = re.compile(r"/service/(?P<service>\w+)/operation/(?P<operation>\w+)")


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
    _Path(b"batch", "POST", re.compile(r"/v1/submitjob"), f"no jobs: {_NEVER_RUN}"),
    _Path(
        b"bedrock",
        "POST",
        re.compile(r"/(model/.+|async-invoke|agents/.+|flows/.+|rerank|retrieveAndGenerate(Stream)?)"),
        f"no models: {_MADE_UP}",
    ),
    _Path(b"bedrock", "POST", re.compile(r"/knowledgebases/[^/]+/retrieve"), f"no knowledge bases: {_MADE_UP}"),
    _Path(b"bedrock-agentcore", "POST", re.compile(r"/runtimes/.+/invocations"), f"no agents: {_MADE_UP}"),
    _Path(b"dsql", "POST", re.compile(r"/cluster"), f"no databases: {_DATABASE}"),
)

_ACTIONS: Mapping[bytes, tuple[re.Pattern[str], str]] = {
    b"ec2": (re.compile(r"RunInstances"), f"no virtual machines: {_RUNS_NONE}"),
    b"rds": (
        re.compile(r"(Create|Restore|Start)DB(Instance|Cluster)(?!Snapshot|ParameterGroup|Endpoint).*"),
        f"no databases: {_DATABASE}",
    ),
    b"elasticache": (
        re.compile(r"Create(CacheCluster|ReplicationGroup|ServerlessCache)"),
        f"no caches: {_DATABASE}",
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
                await _refuse(scope, send, what)
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
        await _refuse(scope, send, what)
    else:
        await app(scope, replayed(body, receive), send)


def _not_run(scope: Scope, service: bytes | None) -> str | None:
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"")
    if cbor := _CBOR_PATH.fullmatch(scope["path"]):
        target = f"{cbor['service']}.{cbor['operation']}".encode()
    if target in _TARGETS:
        return _TARGETS[target]
    for each in _PATHS:
        if (service, scope["method"]) == (each.service, each.method) and each.path.fullmatch(scope["path"]):
            return each.what
    return None


async def _refuse(scope: Scope, send: Send, what: str) -> None:
    refused = RefusedRequest(_FAULT, f"The local AWS runs {what}.")
    await answer_refused(Asked.of(scope), refused, send, closing=False)


def _action(body: bytes) -> str:
    return parse_qs(body.decode("utf-8", errors="replace")).get("Action", [""])[0]
