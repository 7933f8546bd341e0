"""What a function's log, its traces and its metrics hold."""

from __future__ import annotations

import json
import re
import secrets
import time
from datetime import UTC, datetime, timedelta

import pytest
from contract_cloud import eventually
from contract_facts import fact

LOGS = "Lambda Developer Guide, “Viewing CloudWatch logs for Lambda functions”"
JSON_LOGS = "Lambda Developer Guide, “Configuring advanced logging controls for Lambda functions”"
SCHEMA = "Lambda Developer Guide, “Lambda Telemetry API Event schema reference”"
XRAY = "Lambda Developer Guide, “Visualize Lambda function invocations using AWS X-Ray”"
SEGMENTS = "X-Ray Developer Guide, “AWS X-Ray segment documents”"
EMF = "CloudWatch User Guide, “Specification: Embedded metric format”"
SNAPSHOTS = "LocalStack's AWS-validated snapshots"


@pytest.fixture(scope="module")
def answer(cloud):
    return cloud.invoke(cloud.new_function("telling"))


@fact("Logs", "An event begins with `START RequestId: … Version: $LATEST`.", LOGS)
def test_an_event_starts(answer):
    assert answer.logged("START") == f"START RequestId: {answer.request_id} Version: $LATEST"


@fact("Logs", "It ends with `END RequestId: …`.", LOGS)
def test_an_event_ends(answer):
    assert answer.logged("END") == f"END RequestId: {answer.request_id}"


@fact(
    "Logs",
    "REPORT has duration, billed duration, memory size, maximum memory used and, the first time, init duration, "
    "in this order and between tabs.",
    f"{LOGS}; {SNAPSHOTS}",
)
def test_the_report_has_its_fields(answer):
    assert re.fullmatch(
        rf"REPORT RequestId: {answer.request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t",
        answer.logged("REPORT"),
    )


@fact("Logs", "What is printed is split at line feeds, and not at carriage returns.", SNAPSHOTS)
def test_prints_are_split_at_line_feeds(answer):
    assert "printed\rin one line" in answer.log
    assert "and another" in answer.log


@fact(
    "Logs",
    "Log records are `[LEVEL]\\tTIME\\tREQUEST ID\\tMESSAGE`, also those on stderr unframed.",
    "awslambdaric, `bootstrap.py`",
)
def test_records_have_lambdas_format(answer):
    (line,) = [line for line in answer.log if "logged at INFO" in line]

    assert re.fullmatch(
        rf"\[INFO\]\t\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d.\d{{3}}Z\t{answer.request_id}\tlogged at INFO", line
    )
    assert "on stderr" in answer.log


@fact("Logs", "The lines are in the function's log group, for FilterLogEvents.", LOGS)
def test_lines_are_in_the_log_group(cloud):
    name = cloud.function("telling")
    answer = cloud.invoke(name)

    assert f"START RequestId: {answer.request_id} Version: $LATEST" in cloud.lines(name, f'"{answer.request_id}" START')


@fact(
    "Logs",
    "A filter pattern in brackets chooses by the fields of a line, such as `[kind=END, label, id]`.",
    "CloudWatch Logs User Guide, “Using filter patterns to match terms in space-delimited log events”",
)
def test_a_pattern_in_brackets_chooses_by_fields(cloud):
    function = cloud.function("echo")
    request_id = cloud.invoke(function).request_id

    assert cloud.lines(function, f"[kind=END, label, id={request_id}]") == [f"END RequestId: {request_id}"]


@fact(
    "Logs",
    "INIT_START names the runtime's exact version and its ARN.",
    LOGS,
    differs="it names the runtime, without patch version and ARN",
)
def test_init_start_names_the_runtime_only(cloud):
    name = cloud.function("telling")
    cloud.invoke(name)

    assert re.fullmatch(r"INIT_START Runtime Version: python:\d\.\d+", cloud.lines(name, "INIT_START")[0])


@pytest.fixture(scope="module")
def in_json(cloud):
    """The log of an event, in the JSON format and with the lowest system level."""
    logging = {"LogFormat": "JSON", "SystemLogLevel": "DEBUG", "ApplicationLogLevel": "INFO"}
    lines = cloud.invoke(cloud.new_function("telling", LoggingConfig=logging)).log
    return [json.loads(line) for line in lines if line.startswith("{")]


def platform(records, kind):
    (record,) = [each for each in records if each.get("type") == f"platform.{kind}"]
    return record["record"]


@fact("Logs", "In JSON, START is `platform.start` with request id and version.", SCHEMA)
def test_start_is_a_record(in_json):
    assert set(platform(in_json, "start")) >= {"requestId", "version"}


@fact("Logs", "REPORT is `platform.report` with its numbers in `metrics`.", SCHEMA)
def test_report_is_a_record(in_json):
    report = platform(in_json, "report")

    assert report["status"] == "success"
    assert set(report["metrics"]) == {
        *("durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs"),
    }


@fact("Logs", "`platform.runtimeDone` is there at the system log level DEBUG.", f"{JSON_LOGS}; {SCHEMA}")
def test_runtime_done_is_a_record(in_json):
    assert platform(in_json, "runtimeDone")["status"] == "success"


@fact("Logs", "Log records are JSON with time, level, message, logger and request id.", JSON_LOGS)
def test_records_are_json(in_json):
    (record,) = [each for each in in_json if each.get("message") == "logged at INFO"]

    assert set(record) == {"timestamp", "level", "message", "logger", "requestId"}
    assert (record["level"], record["logger"]) == ("INFO", "books")


@fact("Logs", "The levels of both kinds are chosen apart; below the system level WARN is no START.", JSON_LOGS)
def test_the_system_level_hides_platform_records(cloud):
    logging = {"LogFormat": "JSON", "SystemLogLevel": "WARN", "ApplicationLogLevel": "INFO"}

    log = "\n".join(cloud.invoke(cloud.function("telling", LoggingConfig=logging)).log)

    assert "platform.start" not in log
    assert "logged at INFO" in log


@pytest.fixture(scope="module")
def traced(cloud):
    """A function with active tracing, the trace of an event that its caller sampled, and that trace's segments."""
    name = cloud.new_function("telling", TracingConfig={"Mode": "Active"})
    root, caller = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}", secrets.token_hex(8)
    client = cloud.client("lambda")

    def add(request, **_):
        request.headers["X-Amzn-Trace-Id"] = f"Root={root};Parent={caller};Sampled=1"

    client.meta.events.register("before-sign.lambda.Invoke", add, unique_id="trace")
    try:
        header = cloud.invoke(name).payload
    finally:
        client.meta.events.unregister("before-sign.lambda.Invoke", unique_id="trace")

    def whole():
        found = cloud.client("xray").batch_get_traces(TraceIds=[root])["Traces"]
        documents = [json.loads(each["Document"]) for trace in found for each in trace["Segments"]]
        return {each["origin"]: each for each in documents} if "## own" in json.dumps(documents) else None

    segments = eventually(whole)
    return name, root, caller, header, segments["AWS::Lambda"], segments["AWS::Lambda::Function"]


@fact("X-Ray", "An event has two segments of the function's name, `AWS::Lambda` and `AWS::Lambda::Function`.", XRAY)
def test_an_event_has_two_segments(traced):
    name, *_, service, function = traced

    assert (service["name"], function["name"]) == (name, name)


@fact("X-Ray", "The caller's segment is the service's parent, and the service's the function's.", SEGMENTS)
def test_parents_lead_to_the_caller(traced):
    _, _, caller, _, service, function = traced

    assert (service["parent_id"], function["parent_id"]) == (caller, service["id"])


@fact("X-Ray", "The function is told the caller's root, and its own segment as parent.", XRAY)
def test_the_function_is_told_its_own_segment(traced):
    _, root, _, header, _, function = traced

    assert header.startswith(f"Root={root};Parent={function['id']};Sampled=1")


@fact("X-Ray", "What the function sends to the daemon hangs below its segment.", XRAY)
def test_subsegments_hang_below_the_function(traced):
    *_, function = traced

    assert "## own" in [each["name"] for each in function["subsegments"]]


@fact(
    "X-Ray",
    "The service's segment has the function's ARN, and the request's id and status.",
    f"X-Ray API Reference, {SEGMENTS}",
)
def test_the_service_segment_names_the_function(cloud, traced):
    name, *_, service, _ = traced

    assert service["resource_arn"] == cloud.arn(name)
    assert service["http"]["response"]["status"] == 200
    assert len(service["aws"]["request_id"]) == 36


@fact("X-Ray", "The first event of an environment has an `Init` subsegment.", XRAY)
def test_the_first_event_has_an_init(traced):
    *_, function = traced

    assert "Init" in [each["name"] for each in function["subsegments"]]


@fact("X-Ray", "Without active tracing and a caller's decision nothing is sampled.", XRAY)
def test_nothing_is_sampled_by_itself(answer):
    assert "Sampled=0" in answer.payload


@fact(
    "Metrics",
    "A line in the embedded metric format becomes a metric with its dimensions and unit.",
    EMF,
)
def test_a_line_becomes_a_metric(cloud):
    namespace = cloud.name("metrics")
    directive = {
        "Namespace": namespace,
        "Dimensions": [["service"]],
        "Metrics": [{"Name": "BooksCreated", "Unit": "Count"}],
    }
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    metric = {"_aws": about, "service": "books", "BooksCreated": [3, 4]}
    cloud.invoke(cloud.function("telling"), {"metric": metric})
    now = datetime.now(UTC)

    (point,) = eventually(
        lambda: cloud.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName="BooksCreated",
            Dimensions=[{"Name": "service", "Value": "books"}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=10),
            Period=3600,
            Statistics=["Sum", "SampleCount"],
        )["Datapoints"]
    )

    assert (point["Sum"], point["SampleCount"], point["Unit"]) == (7.0, 2.0, "Count")


@fact(
    "Metrics",
    "Lambda counts a function's invocations and errors.",
    "Lambda Developer Guide, “Types of metrics for Lambda functions”",
)
@pytest.mark.parametrize(("metric", "count"), [("Invocations", 1.0), ("Errors", 1.0)])
def test_lambda_counts(cloud, metric, count):
    name = cloud.new_function("failing")
    cloud.invoke(name, "raise")
    now = datetime.now(UTC)

    points = eventually(
        lambda: cloud.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": "FunctionName", "Value": name}],
            StartTime=now - timedelta(minutes=10),
            EndTime=now + timedelta(minutes=10),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
    )

    assert sum(point["Sum"] for point in points) == count
