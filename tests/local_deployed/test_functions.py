"""What is deployed is what runs: functions, published versions, aliases, and their configuration."""

from __future__ import annotations

import base64
import json
import os
import textwrap

import pytest
from access_keys import Signed
from background import eventually
from deployed_functions import ROLE, RUNTIME, WHICH_VERSION, package

from fastlambda_cli.local.model import InitStarted, InvocationReported, LogLine

EFS = "arn:aws:elasticfilesystem:us-east-1:000000000000:access-point/fsap-0123456789abcdef0"
ENDED = {"ROLLBACK_COMPLETE", "CREATE_FAILED", "CREATE_COMPLETE"}


def error_of(call, **parameters):
    """The code, the message and the status of the error that a call must end with."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - boto3 makes its exceptions while it runs
        call(**parameters)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_function_runs_the_code_that_was_deployed(aws):
    name = aws.create(WHICH_VERSION % "first")

    assert aws.invoke(name) == {
        "answer": "first",
        "version": "$LATEST",
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
    }


def test_code_may_come_from_s3(aws):
    aws.client("s3").create_bucket(Bucket="artifacts")
    aws.client("s3").put_object(Bucket="artifacts", Key="books.zip", Body=package(WHICH_VERSION % "from s3"))

    name = aws.create("", Code={"S3Bucket": "artifacts", "S3Key": "books.zip"})

    assert aws.invoke(name)["answer"] == "from s3"


def test_a_published_version_keeps_its_code_when_latest_moves_on(aws):
    name = aws.create(WHICH_VERSION % "old")
    version = aws.lambda_.publish_version(FunctionName=name)["Version"]
    aws.update(name, WHICH_VERSION % "new")

    assert aws.invoke(name, Qualifier=version)["answer"] == "old"
    assert aws.invoke(name)["answer"] == "new"


def test_an_alias_runs_its_version_and_the_function_sees_the_alias(aws):
    name = aws.create(WHICH_VERSION % "one")
    version = aws.lambda_.publish_version(FunctionName=name)["Version"]
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)

    answer = aws.lambda_.invoke(FunctionName=name, Qualifier="live")

    assert answer["ExecutedVersion"] == version
    assert json.load(answer["Payload"]) == {
        "answer": "one",
        "version": version,
        "arn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}:live",
    }


def test_a_moved_alias_is_seen_by_the_very_next_invocation(aws):
    name = aws.create(WHICH_VERSION % "one")
    aws.lambda_.publish_version(FunctionName=name)
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    aws.update(name, WHICH_VERSION % "two")
    seen = [aws.invoke(name, Qualifier="live")["version"]]

    for version in ("2", "1", "2"):
        aws.lambda_.update_alias(FunctionName=name, Name="live", FunctionVersion=version)
        seen.append(aws.invoke(name, Qualifier="live")["version"])

    assert seen == ["1", "2", "1", "2"]


def test_weights_share_an_aliass_events_between_its_versions(aws):
    name = aws.create(WHICH_VERSION % "one")
    aws.lambda_.publish_version(FunctionName=name)
    aws.update(name, WHICH_VERSION % "two")
    weights = {"AdditionalVersionWeights": {"2": 0.3}}
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig=weights)
    executed = []

    for number in (0.0, 0.29, 0.3, 0.99):
        aws.drawn[:] = [number]
        executed.append(aws.lambda_.invoke(FunctionName=name, Qualifier="live")["ExecutedVersion"])

    assert executed == ["2", "2", "1", "1"]


def test_the_environment_is_that_of_the_configuration(aws):
    name = aws.create(
        """
        import os

        def handler(event, context):
            names = ["STAGE", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_EXECUTION_ENV"]
            names += ["AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_LOG_GROUP_NAME", "_HANDLER"]
            stream = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
            return [[os.environ[name] for name in names], stream, context.get_remaining_time_in_millis()]
        """,
        Environment={"Variables": {"STAGE": "test"}},
        MemorySize=256,
        Timeout=7,
        LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/books"},
    )
    aws.lambda_.publish_version(FunctionName=name)

    variables, stream, remaining_ms = aws.invoke(name, Qualifier="1")

    assert variables == ["test", "256", "1", f"AWS_Lambda_{RUNTIME}", "WARN", "/books", "app.handler"]
    assert "/[1]" in stream
    assert 5000 < remaining_ms <= 7000


def test_a_change_of_configuration_is_seen_by_the_next_event(aws):
    name = aws.create("import os\ndef handler(event, context): return os.environ.get('STAGE')")
    before = aws.invoke(name)

    aws.lambda_.update_function_configuration(FunctionName=name, Environment={"Variables": {"STAGE": "later"}})

    assert [before, aws.invoke(name)] == [None, "later"]


def test_a_function_that_is_warm_keeps_its_globals_and_can_reach_its_files(aws):
    source = """
        from pathlib import Path
        count = 0
        def handler(event, context):
            global count
            count += 1
            return [count, (Path(__file__).parent / "data" / "books.txt").read_text()]
    """
    name = aws.create("", Code={"ZipFile": package(source, **{"data/books.txt": "Emma"})})

    assert [aws.invoke(name), aws.invoke(name)] == [[1, "Emma"], [2, "Emma"]]


def test_the_sink_is_told_which_function_and_version_runs_and_what_it_logs(aws):
    name = aws.create("def handler(event, context): print('reading Emma')")
    aws.lambda_.publish_version(FunctionName=name)

    answer = aws.lambda_.invoke(FunctionName=name, Qualifier="1", LogType="Tail")

    request_id = answer["ResponseMetadata"]["RequestId"]
    started = next(event for event in aws.heard(InitStarted) if event.function == name)
    assert started.version == "1"
    line = next(event for event in aws.heard(LogLine) if event.request_id == request_id)
    assert (line.environment, line.text) == (started.environment, "reading Emma")
    assert [report.environment for report in aws.heard(InvocationReported) if report.request_id == request_id] == [
        started.environment
    ]
    assert f"START RequestId: {request_id} Version: 1" in base64.b64decode(answer["LogResult"]).decode()


def test_an_asynchronous_event_reaches_the_alias_that_was_named(aws, tmp_path):
    heard = tmp_path / "heard"
    os.mkfifo(heard)
    name = aws.create(
        f"""
        def handler(event, context):
            with open({str(heard)!r}, "w") as out:
                out.write(event["title"] + " " + context.function_version)
        """
    )
    aws.lambda_.publish_version(FunctionName=name)
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    answer = aws.lambda_.invoke(
        FunctionName=name, Qualifier="live", InvocationType="Event", Payload=b'{"title": "Emma"}'
    )

    assert answer["StatusCode"] == 202
    assert heard.read_text() == "Emma 1"


@pytest.mark.parametrize(
    ("parameters", "shown"),
    [
        ({}, "nobody:$LATEST"),
        ({"Qualifier": "live"}, "nobody:live"),
        ({"Qualifier": "7"}, "nobody:7"),
        ({"InvocationType": "Event"}, "nobody:$LATEST"),
        ({"InvocationType": "DryRun"}, "nobody:$LATEST"),
    ],
)
def test_an_unknown_function_is_not_found(aws, parameters, shown):
    code, message, status = error_of(aws.lambda_.invoke, FunctionName="nobody", **parameters)

    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message == f"Function not found: arn:aws:lambda:us-east-1:000000000000:function:{shown}"


@pytest.mark.parametrize("qualifier", ["7", "live"])
def test_an_unknown_version_or_alias_of_a_function_is_not_found(aws, qualifier):
    name = aws.create(WHICH_VERSION % "one")

    code, message, _ = error_of(aws.lambda_.invoke, FunctionName=name, Qualifier=qualifier)

    assert code == "ResourceNotFoundException"
    assert message.endswith(f"function:{name}:{qualifier}")


def test_a_deleted_function_is_not_found_and_its_environments_end(aws, eventually_gone):
    name = aws.create("import os\ndef handler(event, context): return os.getpid()")
    pid = aws.invoke(name)

    aws.lambda_.delete_function(FunctionName=name)

    assert error_of(aws.lambda_.invoke, FunctionName=name)[0] == "ResourceNotFoundException"
    eventually_gone(pid)


def test_reserved_concurrency_is_the_functions_limit_whatever_the_version(aws, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    name = aws.create(
        f"def handler(event, context): return open({str(gate)!r}).read() if event == 'wait' else 'at once'"
    )
    aws.lambda_.publish_version(FunctionName=name)
    aws.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    aws.lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b'"wait"')

    with gate.open("w") as opened:  # opens once the event has
        code, message, status = error_of(aws.lambda_.invoke, FunctionName=name, Qualifier="1")
        opened.write("done")

    assert (code, message, status) == ("TooManyRequestsException", "Rate Exceeded.", 429)


def test_a_function_with_no_reserved_concurrency_left_runs_nothing(aws):
    name = aws.create(WHICH_VERSION % "one")
    aws.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)

    assert error_of(aws.lambda_.invoke, FunctionName=name)[0] == "TooManyRequestsException"


def test_an_alias_with_provisioned_concurrency_has_environments_that_were_initialised_ahead(aws):
    source = """
        import os
        print("INIT")
        def handler(event, context): return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    """
    name = aws.create(textwrap.dedent(source))
    version = aws.lambda_.publish_version(FunctionName=name)["Version"]
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    aws.lambda_.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=2
    )

    answers = [aws.lambda_.invoke(FunctionName=name, Qualifier="live", LogType="Tail") for _ in range(2)]

    assert [json.load(answer["Payload"]) for answer in answers] == ["provisioned-concurrency"] * 2
    assert "Init Duration" not in base64.b64decode(answers[0]["LogResult"]).decode()
    assert aws.invoke(name) == "on-demand"
    assert sum(event.function == name and event.version == version for event in aws.heard(InitStarted)) == 2


def test_a_name_that_no_function_can_have_is_refused(aws):
    answer = error_of(aws.lambda_.invoke, FunctionName="books:live:too:many")

    assert answer[0] == "ValidationException"


@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ({"FileSystemConfigs": [{"Arn": EFS, "LocalMountPath": "/mnt/books"}]}, "has a file system"),
        ({"DurableConfig": {"ExecutionTimeout": 60, "RetentionPeriodInDays": 1}}, "has durable executions"),
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "has an environment for each tenant"),
    ],
)
def test_a_function_that_would_miss_something_without_a_word_does_not_run(aws, setting, what):
    name = aws.create(WHICH_VERSION % "one", **setting)

    code, message, status = error_of(aws.lambda_.invoke, FunctionName=name)

    assert (code, status) == ("InvalidRuntimeException", 502)
    assert what in message


def test_a_stack_does_not_make_a_function_that_lambda_refuses(aws):
    code = {"ZipFile": textwrap.dedent(WHICH_VERSION % "one")}
    properties = {"Runtime": RUNTIME, "Handler": "index.handler", "Role": ROLE, "Code": code}
    environment = {"Variables": {"AWS_REGION": "eu-west-1"}}
    function = {"Type": "AWS::Lambda::Function", "Properties": {**properties, "Environment": environment}}
    cloudformation = aws.client("cloudformation")

    cloudformation.create_stack(StackName="refused", TemplateBody=json.dumps({"Resources": {"F": function}}))

    eventually(lambda: cloudformation.describe_stacks(StackName="refused")["Stacks"][0]["StackStatus"] in ENDED)
    reasons = [
        event.get("ResourceStatusReason", "")
        for event in cloudformation.describe_stack_events(StackName="refused")["StackEvents"]
    ]
    assert any("Reserved keys used in this request: AWS_REGION" in reason for reason in reasons)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff"])
def test_runtime_management_that_is_no_json_object_is_refused(aws, client, body):
    name = aws.create("def handler(event, context): return None")
    url = f"{aws.aws.endpoint_url}/2021-07-20/functions/{name}/runtime-management-config"

    answer = client.put(url, content=body, auth=Signed(aws.aws.keys, "lambda"))

    assert (answer.status_code, answer.json()["__type"]) == (400, "InvalidRequestContentException")
    assert answer.json()["message"].startswith("Could not parse request body into json")


def test_each_version_has_its_own_runtime_management_and_stacks_say_it_too(aws):
    name = aws.create("def handler(event, context): return None", Publish=True)
    manual = {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": f"arn:aws:lambda:us-east-1::runtime:{'a' * 64}"}
    get = aws.lambda_.get_runtime_management_config

    aws.lambda_.put_runtime_management_config(FunctionName=name, Qualifier="1", **manual)

    first = get(FunctionName=name, Qualifier="1")
    assert (first["UpdateRuntimeOn"], first["RuntimeVersionArn"]) == tuple(manual.values())
    assert first["FunctionArn"].endswith(f":{name}:1")
    assert get(FunctionName=name)["UpdateRuntimeOn"] == "Auto"
    assert error_of(get, FunctionName=name, Qualifier="2")[0] == "ResourceNotFoundException"
    assert get(FunctionName=first["FunctionArn"])["UpdateRuntimeOn"] == "Manual"
    assert error_of(get, FunctionName=f"{name}:2")[0] == "ResourceNotFoundException"

    function = {
        "FunctionName": f"{name}-stack",
        "Runtime": RUNTIME,
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": "def handler(event, context): return None"},
        "RuntimeManagementConfig": {"UpdateRuntimeOn": "FunctionUpdate"},
    }
    body = json.dumps({"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": function}}})
    formation = aws.client("cloudformation")
    formation.create_stack(StackName=name, TemplateBody=body)
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert get(FunctionName=f"{name}-stack")["UpdateRuntimeOn"] == "FunctionUpdate"
