"""CloudWatch metrics, through boto3: those that functions write into their log, and Lambda's own."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from background import eventually
from no_tls import NO_TLS

from fastlambda_cli.local.model import Notice
from fastlambda_cli.local.telemetry.emf import EmfError, embedded
from fastlambda_cli.local.telemetry.metrics import MOST_VALUES, Metric, MetricQueue

EMBEDDING = """
    import json, time

    def handler(event, context):
        if event.get("fail"):
            raise LookupError("no such book")
        names = [{"Name": "Latency", "Unit": "Milliseconds"}, {"Name": "Requests", "Unit": "Count"}]
        sets = [["service"], ["service", "route"]]
        directive = {"Namespace": event["namespace"], "Dimensions": sets, "Metrics": names}
        header = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
        values = {"Latency": [10, 20, 20, 70], "Requests": 4, "service": "books", "route": "/books"}
        print(json.dumps({"_aws": header, **values, **event.get("more", {})}))
        return context.function_version
"""


@pytest.fixture(scope="module")
def cloudwatch(aws):
    return aws.client("cloudwatch")


def statistics(cloudwatch, namespace, name, *, percentile=None, **dimensions):
    """The statistics of the last minutes, all in one; none when there are no values."""
    now = datetime.now(UTC)
    wanted = {"ExtendedStatistics": [percentile]} if percentile else {"Statistics": ["Sum", "SampleCount", "Maximum"]}
    points = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        **wanted,
    )["Datapoints"]
    assert len({point["Timestamp"] for point in points}) == len(points)
    return points


def total(cloudwatch, namespace, name, **dimensions):
    return sum(point["Sum"] for point in statistics(cloudwatch, namespace, name, **dimensions))


def test_embedded_metrics_are_in_cloudwatch_once_for_each_dimension_set(aws, cloudwatch):
    aws.invoke(aws.create(EMBEDDING), {"namespace": "Embedded"})

    listed = cloudwatch.list_metrics(Namespace="Embedded", MetricName="Latency")["Metrics"]

    assert sorted(len(each["Dimensions"]) for each in listed) == [1, 2]
    assert total(cloudwatch, "Embedded", "Requests", service="books") == 4
    (latency,) = statistics(cloudwatch, "Embedded", "Latency", service="books", route="/books")
    assert (latency["SampleCount"], latency["Sum"], latency["Maximum"]) == (4, 120, 70)
    assert latency["Unit"] == "Milliseconds"


def test_a_line_that_is_not_as_the_specification_says_makes_no_metrics_and_is_told_once(aws, cloudwatch):
    function = aws.create(EMBEDDING)
    for _ in range(2):
        aws.invoke(function, {"namespace": "Wrong", "more": {"route": 7}})

    told = [notice.text for notice in aws.heard(Notice) if "route" in notice.text]

    assert len(told) == 1
    assert told[0].startswith("CloudWatch would make no metrics of a line: the dimension route")
    assert cloudwatch.list_metrics(Namespace="Wrong")["Metrics"] == []


def test_lambda_counts_invocations_errors_and_time_by_function_alias_and_version(aws, cloudwatch):
    function = aws.create(EMBEDDING)
    aws.lambda_.publish_version(FunctionName=function)
    aws.lambda_.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    aws.invoke(function, {"namespace": "Counted"})
    aws.invoke(f"{function}:live", {"namespace": "Counted"})
    aws.lambda_.invoke(FunctionName=f"{function}:live", Payload=json.dumps({"fail": True}))

    def counted(name, **dimensions):
        return total(cloudwatch, "AWS/Lambda", name, FunctionName=function, **dimensions)

    assert (counted("Invocations"), counted("Errors"), counted("Throttles")) == (3, 1, 0)
    assert counted("Invocations", Resource=function) == 1
    assert (counted("Invocations", Resource=f"{function}:live"), counted("Errors", Resource=f"{function}:live")) == (
        2,
        1,
    )
    assert counted("Errors", Resource=f"{function}:live", ExecutedVersion="1") == 1
    (duration,) = statistics(cloudwatch, "AWS/Lambda", "Duration", FunctionName=function)
    assert duration["SampleCount"] == 3
    assert 0 < duration["Sum"] < 30_000
    assert duration["Unit"] == "Milliseconds"
    (concurrent,) = statistics(cloudwatch, "AWS/Lambda", "ConcurrentExecutions", FunctionName=function)
    assert concurrent["Maximum"] == 1


def test_a_throttled_invocation_counts_as_throttle_and_not_as_invocation(aws, cloudwatch):
    function = aws.create(EMBEDDING)
    aws.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    with pytest.raises(aws.lambda_.exceptions.TooManyRequestsException):
        aws.lambda_.invoke(FunctionName=function)

    assert total(cloudwatch, "AWS/Lambda", "Throttles", FunctionName=function) == 1
    assert statistics(cloudwatch, "AWS/Lambda", "Invocations", FunctionName=function) == []


ANSWERING = """
    def handler(event, context):
        if event["rawPath"] == "/crash":
            raise LookupError("no such book")
        return {"statusCode": 404 if event["rawPath"] == "/missing" else 200}
"""


@pytest.fixture
def api(aws):
    """An HTTP API with one function behind it: its id, and what calls it."""
    function, gateway = aws.create(ANSWERING), aws.client("apigatewayv2")
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function}"
    made = gateway.create_api(Name=function, ProtocolType="HTTP")["ApiId"]
    integration = {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0", "IntegrationUri": arn}
    target = gateway.create_integration(ApiId=made, **integration)["IntegrationId"]
    gateway.create_route(ApiId=made, RouteKey="$default", Target=f"integrations/{target}")
    gateway.create_stage(ApiId=made, StageName="$default", AutoDeploy=True)
    permission = {"Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "StatementId": "api"}
    aws.lambda_.add_permission(FunctionName=function, **permission)
    host = {"Host": f"{made}.execute-api.localhost"}
    return made, lambda path: httpx.get(aws.aws.endpoint_url + path, headers=host, verify=NO_TLS).status_code


def test_api_gateway_counts_requests_errors_and_time_by_api_and_stage(cloudwatch, api):
    api_id, get = api

    assert [get(path) for path in ("/", "/missing", "/crash", "/crash")] == [200, 404, 500, 500]

    for dimensions in ({"ApiId": api_id}, {"ApiId": api_id, "Stage": "$default"}):
        counts = [total(cloudwatch, "AWS/ApiGateway", name, **dimensions) for name in ("Count", "4xx", "5xx")]
        assert counts == [4, 1, 2]
    (latency,) = statistics(cloudwatch, "AWS/ApiGateway", "Latency", ApiId=api_id)
    (integration,) = statistics(cloudwatch, "AWS/ApiGateway", "IntegrationLatency", ApiId=api_id)
    assert latency["SampleCount"] == integration["SampleCount"] == 4
    assert latency["Sum"] >= integration["Sum"] > 0


def test_lambda_counts_the_requests_to_a_functions_url(aws, cloudwatch):
    function = aws.create(ANSWERING)
    made = aws.lambda_.create_function_url_config(FunctionName=function, AuthType="NONE")
    host = {"Host": made["FunctionUrl"].removeprefix("http://").rstrip("/")}

    assert httpx.get(aws.aws.endpoint_url, headers=host, verify=NO_TLS).status_code == 403

    for dimensions in ({"FunctionName": function}, {"FunctionName": function, "Resource": f"{function}:$LATEST"}):
        counts = [
            total(cloudwatch, "AWS/Lambda", f"Url{name}Count", **dimensions) for name in ("Request", "4xx", "5xx")
        ]
        assert counts == [1, 1, 0]


def document(**changes):
    directive = {"Namespace": "Books", "Dimensions": [["service"]], "Metrics": [{"Name": "Latency"}]}
    header = {"Timestamp": time.time() * 1000, "CloudWatchMetrics": [directive | changes.pop("directive", {})]}
    return {"_aws": header | changes.pop("header", {}), "service": "books", "Latency": 1.5} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"service": 7},
        {"service": ""},
        {"service": "x" * 1025},
        {"Latency": "fast"},
        {"Latency": [1] * 101},
        {"Latency": float("nan")},
        {"header": {"Timestamp": 1}},
        {"header": {"Timestamp": "now"}},
        {"directive": {"Namespace": ""}},
        {"directive": {"Dimensions": ["service"]}},
        {"directive": {"Dimensions": [[f"d{n}" for n in range(31)]]}},
        {"directive": {"Metrics": [{"Unit": "Count"}]}},
        {"directive": {"Metrics": [{"Name": "Latency", "Unit": "ms"}]}},
        {"directive": {"Metrics": [{"Name": "Latency", "Unit": []}]}},
        {"directive": {"Metrics": [{"Name": f"m{n}"} for n in range(101)]}},
    ],
)
def test_what_the_specification_forbids_is_refused(changes):
    with pytest.raises(EmfError):
        list(embedded(document(**changes)))


def test_a_metric_without_dimensions_unit_or_value_is_taken_as_the_specification_says():
    metrics = [{"Name": "Latency"}, {"Name": "absent"}]
    line = document(directive={"Dimensions": [[]], "Metrics": metrics})

    ((metric, value),) = embedded(line)

    assert (metric.dimensions, metric.unit, metric.resolution, value) == ((), "None", 60, 1.5)


def test_many_values_of_one_second_become_few_that_are_nearly_the_same():
    queue = MetricQueue()
    metric = Metric("Books", "Latency", (), "Milliseconds", 1)
    for number in range(10_000):
        queue.add(metric, 1 + number / 100)

    (request,) = queue.take()

    (datum,) = request["MetricData"]
    assert len(datum["Values"]) <= MOST_VALUES
    assert sum(datum["Counts"]) == 10_000
    mean = sum(value * count for value, count in zip(datum["Values"], datum["Counts"], strict=True)) / 10_000
    assert mean == pytest.approx(51, rel=0.02)
    assert list(queue.take()) == []


def alarm(cloudwatch, function, metric="Errors", **parameters):
    """An alarm on a metric of a function's; its name."""
    settings = {"Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "Namespace": "AWS/Lambda"}
    name = f"{function}-{metric}-{len(parameters)}"
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": function}],
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        **settings | parameters,
    )
    return name


def state(cloudwatch, name):
    (found,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found["StateValue"]


def test_an_alarm_on_a_functions_errors_fires(aws, cloudwatch):
    function = aws.create(EMBEDDING)
    topic = aws.client("sns").create_topic(Name=f"{function}-alarms")["TopicArn"]
    queue_arn = f"arn:aws:sqs:us-east-1:000000000000:{function}-alarms"
    policy = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
    }
    queue = aws.client("sqs").create_queue(
        QueueName=f"{function}-alarms", Attributes={"Policy": json.dumps({"Statement": policy})}
    )["QueueUrl"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    alarm(cloudwatch, function, AlarmActions=[topic])

    aws.lambda_.invoke(FunctionName=function, Payload=json.dumps({"fail": True}))

    (message,) = eventually(
        lambda: aws.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
    )
    assert json.loads(json.loads(message["Body"])["Message"])["NewStateValue"] == "ALARM"


def test_alarms_look_at_their_own_dimensions_and_treat_missing_data_as_they_say(aws, cloudwatch):
    failing, sound, idle = (aws.create(EMBEDDING) for _ in range(3))
    aws.lambda_.invoke(FunctionName=failing, Payload=json.dumps({"fail": True}))
    aws.invoke(sound, {"namespace": "Sound"})
    expected = {
        alarm(cloudwatch, failing): "ALARM",
        alarm(cloudwatch, sound): "OK",
        alarm(cloudwatch, idle): "INSUFFICIENT_DATA",
        alarm(cloudwatch, idle, TreatMissingData="notBreaching"): "OK",
        alarm(cloudwatch, idle, TreatMissingData="breaching", Period=300): "ALARM",
        alarm(cloudwatch, failing, EvaluationPeriods=3, DatapointsToAlarm=1): "ALARM",
        alarm(cloudwatch, failing, EvaluationPeriods=3, Period=120, DatapointsToAlarm=2, Threshold=1): "OK",
    }

    assert {name: state(cloudwatch, name) for name in expected} == expected


def test_the_same_values_of_a_minute_are_kept_once_and_counted(cloudwatch, tmp_path_factory):
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=5)
    put = {
        "MetricName": "Duration",
        "Unit": "Milliseconds",
        "Dimensions": [{"Name": "FunctionName", "Value": "joined"}],
    }
    for second, counts in ((1, [3.0, 1.0]), (2, [1.0, 1.0]), (59, [4.0, 0.5]), (61, [7.0, 2.0])):
        datum = put | {"Timestamp": minute + timedelta(seconds=second), "Values": [1.25, 8.5], "Counts": counts}
        cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[datum])

    def saved():
        """What the emulator has saved, once the last of them is there."""
        texts = [file.read_text() for file in tmp_path_factory.getbasetemp().rglob("cloudwatch.json")]
        return next((text for text in texts if '"joined"}, "Value": 8.5, "Count": 2.0' in text), None)

    points = cloudwatch.get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Duration",
        Dimensions=put["Dimensions"],
        StartTime=minute,
        EndTime=minute + timedelta(minutes=2),
        Period=60,
        Statistics=["Sum", "SampleCount", "Minimum", "Maximum"],
    )["Datapoints"]
    told = sorted((point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) for point in points)
    assert told == [(9.0, 7 * 1.25 + 2 * 8.5, 1.25, 8.5), (10.5, 8 * 1.25 + 2.5 * 8.5, 1.25, 8.5)]
    assert eventually(saved).count('"joined"}, "Value": ') == 4
