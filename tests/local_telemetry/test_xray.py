"""X-Ray's API, through boto3: what functions and Lambda itself send, and what clients put there."""

from __future__ import annotations

import json
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from background import eventually
from botocore.exceptions import ClientError

SDK = """
    import json, os, secrets, socket, time

    def send(**document):
        fields = dict(part.split("=") for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
        if fields["Sampled"] == "0":
            return
        now = time.time()
        document = {"type": "subsegment", "trace_id": fields["Root"], "parent_id": fields["Parent"],
                    "id": secrets.token_hex(8), "start_time": now, "end_time": now} | document
        host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
        header = json.dumps({"format": "json", "version": 1})
        daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        daemon.sendto(f"{header}\\n{json.dumps(document)}".encode(), (host, int(port)))

    def handler(event, context):
        outer = secrets.token_hex(8)
        send(name="## handler", id=outer, annotations={"shelf": 7, "cold": True, "author": "Kafka"})
        send(name="query", parent_id=outer)
        if event == "fail":
            raise LookupError("no such book")
        return os.environ["_X_AMZN_TRACE_ID"]
"""
ACTIVE = {"TracingConfig": {"Mode": "Active"}}


@pytest.fixture(scope="module")
def xray(aws):
    return aws.client("xray")


@pytest.fixture(scope="module")
def traced(aws):
    """A function with active tracing that has met its cold start."""
    name = aws.create(SDK, **ACTIVE)
    aws.invoke(name)
    return name


def new_root():
    return f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"


def invoke(aws, function, event=None, **fields):
    """Invoke with a trace header of the caller's; return the answer."""
    header = ";".join(f"{key}={value}" for key, value in fields.items())
    client = aws.client("lambda")

    def add(request, **_):
        request.headers["X-Amzn-Trace-Id"] = header

    client.meta.events.register("before-sign.lambda.Invoke", add, unique_id="trace")
    try:
        return client.invoke(FunctionName=function, Payload=json.dumps(event))
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", unique_id="trace")


def segments(xray, root):
    (trace,) = xray.batch_get_traces(TraceIds=[root])["Traces"]
    return [json.loads(each["Document"]) for each in trace["Segments"]]


def told(xray, root):
    """The two segments of a trace, once the function's own, which travel by themselves, have arrived."""
    return eventually(lambda: "## handler" in str(found := segments(xray, root)) and "query" in str(found) and found)


def summaries(xray, expression=None, **parameters):
    now = datetime.now(UTC)
    window = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(seconds=5)} | parameters
    if expression is not None:
        window["FilterExpression"] = expression
    pages = xray.get_paginator("get_trace_summaries").paginate(**window)
    return [each for page in pages for each in page["TraceSummaries"]]


def put(xray, **document):
    """Put one segment; return the ids of its trace."""
    now = time.time()
    whole = {
        "id": secrets.token_hex(8),
        "trace_id": new_root(),
        "name": "shop",
        "start_time": now,
        "end_time": now + 0.25,
    }
    document = whole | document
    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])
    assert answer["UnprocessedTraceSegments"] == []
    return document["trace_id"]


def test_a_trace_goes_from_the_caller_through_lambdas_two_segments_to_the_functions_own(aws, xray, traced):
    root, caller = new_root(), "53995c3f42cd8ad8"

    answer = invoke(aws, traced, Root=root, Parent=caller, Sampled="1")

    service, function = told(xray, root)
    assert [each["origin"] for each in (service, function)] == ["AWS::Lambda", "AWS::Lambda::Function"]
    assert {each["name"] for each in (service, function)} == {traced}
    assert (service["parent_id"], function["parent_id"]) == (caller, service["id"])
    assert json.load(answer["Payload"]) == f"Root={root};Parent={function['id']};Sampled=1"
    assert service["resource_arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{traced}"
    assert service["aws"]["request_id"] == answer["ResponseMetadata"]["RequestId"]
    assert service["start_time"] <= function["start_time"] <= function["end_time"] <= service["end_time"]
    (own,) = function["subsegments"]
    assert (own["name"], [each["name"] for each in own["subsegments"]]) == ("## handler", ["query"])


def test_a_cold_start_is_a_subsegment_and_a_warm_one_has_none(aws, xray):
    function = aws.create(SDK, **ACTIVE)
    cold, warm = new_root(), new_root()
    for root in (cold, warm):
        invoke(aws, function, Root=root, Sampled="1")

    _, segment = told(xray, cold)
    init = next(each for each in segment["subsegments"] if each["name"] == "Init")
    assert segment["start_time"] <= init["start_time"] < init["end_time"] <= segment["end_time"]
    assert "Init" not in [each["name"] for each in told(xray, warm)[1]["subsegments"]]


def test_a_function_that_fails_has_a_fault_with_its_exception(aws, xray, traced):
    root = new_root()
    invoke(aws, traced, "fail", Root=root, Sampled="1")

    function = segments(xray, root)[1]

    (exception,) = function["cause"]["exceptions"]
    assert function["fault"] is True
    assert (exception["type"], exception["message"]) == ("LookupError", "no such book")
    assert exception["stack"][0]["label"] == "handler"
    (found,) = [each for each in summaries(xray, f'service("{traced}") {{ fault }}') if each["Id"] == root]
    assert found["HasFault"] is True


def test_what_the_caller_does_not_want_sampled_is_not_in_x_ray(aws, xray, traced):
    root = new_root()
    invoke(aws, traced, Root=root, Sampled="0")

    assert xray.batch_get_traces(TraceIds=[root])["Traces"] == []


def test_without_active_tracing_lambda_sends_nothing_itself(aws, xray):
    function = aws.create(SDK)
    root = put(xray, id="53995c3f42cd8ad8", name="caller")

    invoke(aws, function, Root=root, Parent="53995c3f42cd8ad8", Sampled="1")

    (caller,) = eventually(lambda: [each for each in segments(xray, root) if "subsegments" in each])
    assert caller["subsegments"][0]["name"] == "## handler"


def test_a_summary_names_services_annotations_and_times(aws, xray, traced):
    root = new_root()
    invoke(aws, traced, Root=root, Sampled="1")

    told(xray, root)
    (found,) = [each for each in summaries(xray, 'annotation.author = "Kafka"') if each["Id"] == root]

    assert [each["Type"] for each in found["ServiceIds"]] == ["AWS::Lambda", "AWS::Lambda::Function"]
    assert found["EntryPoint"]["Name"] == traced
    assert found["Http"] == {"HttpStatus": 200}
    assert found["Annotations"]["shelf"][0]["AnnotationValue"] == {"NumberValue": 7.0}
    assert found["Annotations"]["cold"][0]["AnnotationValue"] == {"BooleanValue": True}
    assert found["Duration"] >= 0
    assert not found["IsPartial"]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ('service("shop")', {"slow", "broken"}),
        ('service("shop") AND !fault', {"slow"}),
        ("fault = true", {"broken"}),
        ("responsetime > 2 OR http.status >= 500", {"slow", "broken"}),
        ('http.url CONTAINS "/books/7" AND (http.method = "GET" OR ok = false)', {"broken"}),
        ('annotation[shelf] = 7 AND annotation[author] BEGINSWITH "K"', {"slow"}),
        ('service("shop") { fault = true AND http.status != 200 }', {"broken"}),
        ('user = "nobody"', set()),
    ],
)
def test_filter_expressions_choose_traces(xray, filtered, expression, wanted):
    found = {each["Id"] for each in summaries(xray, expression)}

    assert {name for name, root in filtered.items() if root in found} == wanted


@pytest.fixture(scope="module")
def filtered(xray):
    now = time.time()
    http = {"request": {"url": "https://shop/books/7", "method": "GET"}, "response": {"status": 503}}
    return {
        "slow": put(xray, start_time=now - 5, end_time=now, annotations={"shelf": 7, "author": "Kafka"}),
        "broken": put(xray, fault=True, http=http),
        "other": put(xray, name="till"),
    }


@pytest.mark.parametrize("expression", ["edge(", 'edge("a", "b")', "responsetime >", "fault fault", "(ok", "§"])
def test_a_filter_expression_that_cannot_be_read_is_refused(xray, expression):
    with pytest.raises(ClientError) as refused:
        summaries(xray, expression)

    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_segment_in_progress_makes_its_trace_partial_until_it_ends(xray):
    now = time.time()
    identity = {"id": secrets.token_hex(8), "trace_id": new_root(), "name": "long", "start_time": now}
    begun = {**identity, "in_progress": True}
    xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(begun)])
    partial = [each["Id"] for each in summaries(xray, "partial")]

    put(xray, **identity, end_time=now + 1)

    assert partial == [identity["trace_id"]]
    assert summaries(xray, "partial") == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": None}, "MissingId"),
        ({"id": "7"}, "InvalidId"),
        ({"name": "what?"}, "InvalidName"),
        ({"trace_id": "1-2-3"}, "InvalidTraceId"),
        ({"end_time": None}, "MissingEndTime"),
        ({"type": "subsegment"}, "MissingParentId"),
        ({"aws": "not an object"}, "ParseError"),
    ],
)
def test_a_document_that_x_ray_would_refuse_is_named_with_its_reason_and_the_others_are_kept(xray, change, code):
    good = {"id": secrets.token_hex(8), "trace_id": new_root(), "name": "shop", "start_time": 1.0, "end_time": 2.0}
    bad = {key: value for key, value in (good | change).items() if value is not None}

    answer = xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(bad), json.dumps(good), "{"])

    assert [each["ErrorCode"] for each in answer["UnprocessedTraceSegments"]] == [code, "ParseError"]
    assert [each["id"] for each in segments(xray, good["trace_id"])] == [good["id"]]


def test_what_the_local_x_ray_does_not_serve_is_refused_by_name(xray):
    with pytest.raises(xray.exceptions.InvalidRequestException, match="ServiceGraph"):
        xray.get_service_graph(StartTime=1, EndTime=2)
    with pytest.raises(xray.exceptions.InvalidRequestException, match="5 trace ids"):
        xray.batch_get_traces(TraceIds=[new_root() for _ in range(6)])
