"""CloudWatch Logs, through boto3: what functions write is in their log groups, beside what clients put there."""

from __future__ import annotations

import json
import re
import time

import httpx
import pytest
from access_keys import Signed
from background import eventually
from botocore.exceptions import ClientError
from no_tls import NO_TLS

from fastlambda_cli.local.telemetry.logs import LogStore

TALKATIVE = """
    import json

    def handler(event, context):
        for number in range(event["lines"]):
            print(json.dumps({"level": "ERROR" if number % 3 == 0 else "INFO", "number": number}))
        print("the end")
        return [context.aws_request_id, context.log_group_name, context.log_stream_name]
"""


@pytest.fixture(scope="module")
def logs(aws):
    return aws.client("logs")


@pytest.fixture(scope="module")
def written(aws):
    """A function that was invoked once: its request id, log group and log stream."""
    function = aws.create(TALKATIVE)
    request_id, group, stream = aws.invoke(function, {"lines": 7})
    assert group == f"/aws/lambda/{function}"
    return request_id, group, stream


def messages(events):
    return [event["message"] for event in events]


def filtered(logs, group, **parameters):
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **parameters)
    return [event for page in pages for event in page["events"]]


def test_the_lines_of_an_environment_are_in_its_stream_with_those_of_the_platform(logs, written):
    request_id, group, stream = written

    events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)["events"]

    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    first, start, *own, end, report = messages(events)
    assert first.startswith("INIT_START Runtime Version: python")
    assert start.rstrip() == f"START RequestId: {request_id} Version: $LATEST"
    assert [json.loads(line)["number"] for line in own[:-1]] == list(range(7))
    assert own[-1] == "the end"
    assert end.rstrip() == f"END RequestId: {request_id}"
    assert report.startswith(f"REPORT RequestId: {request_id}\tDuration: ")
    assert abs(events[0]["timestamp"] - time.time() * 1000) < 60_000


def test_a_stream_is_read_in_pages_in_both_directions(logs, written):
    _, group, stream = written
    where = {"logGroupName": group, "logStreamName": stream, "limit": 5}
    everything = messages(logs.get_log_events(**where | {"limit": 100})["events"])

    forward, page = [], logs.get_log_events(**where, startFromHead=True)
    while page["events"]:
        forward += messages(page["events"])
        page = logs.get_log_events(**where, nextToken=page["nextForwardToken"])
    backward, page = [], logs.get_log_events(**where)
    while page["events"]:
        backward = messages(page["events"]) + backward
        page = logs.get_log_events(**where, nextToken=page["nextBackwardToken"])

    assert len(everything) == 12
    assert forward == backward == everything


def test_patterns_of_json_filter_lines(logs, written):
    _, group, _ = written

    errors = filtered(logs, group, filterPattern='{ $.level = "ERROR" && $.number > 0 }')

    assert [json.loads(line)["number"] for line in messages(errors)] == [3, 6]


def test_filtered_lines_come_in_pages_and_none_twice(logs, written):
    _, group, stream = written

    events = filtered(logs, group, filterPattern="number", PaginationConfig={"PageSize": 2})

    assert [json.loads(line)["number"] for line in messages(events)] == list(range(7))
    assert {event["logStreamName"] for event in events} == {stream}
    assert len({event["eventId"] for event in events}) == 7


def test_a_time_range_is_respected(logs, written):
    _, group, _ = written
    last = filtered(logs, group)[-1]["timestamp"]

    assert filtered(logs, group, startTime=last + 1) == []
    assert filtered(logs, group, endTime=last)[-1]["timestamp"] == last


def test_what_clients_put_into_a_functions_group_is_read_with_what_the_function_wrote(logs, aws):
    function = aws.create(TALKATIVE)
    _, group, stream = aws.invoke(function, {"lines": 1})
    logs.create_log_stream(logGroupName=group, logStreamName="by-hand")
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName=group, logStreamName="by-hand", logEvents=[{"timestamp": now, "message": '{"number": 100}'}]
    )

    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]

    assert {each["logStreamName"] for each in streams} == {stream, "by-hand"}
    assert messages(filtered(logs, group, filterPattern="{ $.number >= 0 }")) == [
        '{"level": "ERROR", "number": 0}',
        '{"number": 100}',
    ]
    assert messages(logs.get_log_events(logGroupName=group, logStreamName="by-hand")["events"]) == ['{"number": 100}']


def test_a_group_that_only_a_function_wrote_into_is_there_and_takes_settings(logs, aws):
    function = aws.create(TALKATIVE)
    _, group, stream = aws.invoke(function, {"lines": 0})
    before = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]

    logs.put_retention_policy(logGroupName=group, retentionInDays=7)

    (after,) = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [each["logGroupName"] for each in before] == [group]
    assert after["retentionInDays"] == 7
    logs.delete_log_group(logGroupName=group)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.get_log_events(logGroupName=group, logStreamName=stream)


def test_a_function_logs_into_the_group_that_it_is_configured_with(logs, aws):
    function = aws.create(TALKATIVE, LoggingConfig={"LogFormat": "Text", "LogGroup": "shared/books"})
    _, group, _ = aws.invoke(function, {"lines": 0})

    assert group == "shared/books"
    assert "the end" in messages(eventually(lambda: filtered(logs, "shared/books", filterPattern="end")))


@pytest.mark.parametrize(
    ("operation", "parameters", "code", "says"),
    [
        ("filter_log_events", {"logGroupName": "nothing"}, "ResourceNotFoundException", "nothing"),
        ("filter_log_events", {"filterPattern": "{ $.level = "}, "InvalidParameterException", "pattern"),
        ("filter_log_events", {"nextToken": "x"}, "InvalidParameterException", "nextToken"),
        ("get_log_events", {"logStreamName": "x", "nextToken": "x"}, "ResourceNotFoundException", "stream"),
        (
            "start_query",
            {"startTime": 1, "endTime": 2, "queryString": "stats count(*)"},
            "InvalidParameterException",
            "Insights",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_services_words(logs, written, operation, parameters, code, says):
    _, group, _ = written

    with pytest.raises(ClientError) as refused:
        getattr(logs, operation)(**{"logGroupName": group} | parameters)

    assert refused.value.response["Error"]["Code"] == code
    assert says in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"startTime": "now"}',
        b'{"limit": -1}',
        b'{"limit": "1"}',
        b'{"nextToken": 7}',
        b'{"filterPattern": {}}',
        b'{"logStreamNames": "x"}',
        b"[" * 100_000,
    ],
)
def test_a_request_that_no_sdk_would_send_is_refused_too(aws, body):
    headers = {"X-Amz-Target": "Logs_20140328.FilterLogEvents", "Content-Type": "application/x-amz-json-1.1"}

    auth = Signed(aws.aws.keys, "logs")
    answer = httpx.post(aws.aws.endpoint_url, content=body, headers=headers, verify=NO_TLS, auth=auth)

    assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidParameterException")


def test_the_oldest_lines_are_forgotten_when_all_together_are_too_large():
    store = LogStore(max_bytes=2_100)
    for number in range(20):
        store.write("group", f"stream {number % 2}", f"{number:02d}" + "x" * 98)
    store.delete_stream("group", "stream 1")
    for number in range(20, 25):
        store.write("group", "stream 2", str(number))

    kept = {stream.name: [event.message[:2] for event in stream.events] for stream in store.streams("group")}

    assert kept == {"stream 0": ["10", "12", "14", "16", "18"], "stream 2": ["20", "21", "22", "23", "24"]}
