"""What is reserved for functions, what is left of the account for all others, and what is provisioned."""

from __future__ import annotations

import json
import os
import textwrap

import pytest
from background import eventually
from botocore.exceptions import ClientError
from deployed_functions import ROLE, RUNTIME, WHICH_VERSION

from fastlambda_cli.local.model import InitEnded, InitStarted


@pytest.fixture(scope="module")
def small(start_aws, tmp_path_factory):
    """An account that runs two events at once."""
    with start_aws(tmp_path_factory.mktemp("small"), account_concurrency=2) as aws:
        yield aws


def refusal_of(call, **parameters):
    with pytest.raises(ClientError) as refused:
        call(**parameters)
    return refused.value.response


def template(name, **properties):
    code = {"ZipFile": textwrap.dedent(WHICH_VERSION % "one")}
    function = {"FunctionName": name, "Runtime": RUNTIME, "Handler": "index.handler", "Role": ROLE, "Code": code}
    return json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": function | properties}}})


def test_all_functions_together_run_no_more_events_than_the_account_may(small, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    waiting = f"def handler(event, context): return open({str(gate)!r}).read()"
    occupied = [small.create(waiting), small.create(waiting)]
    third = small.create(WHICH_VERSION % "third")
    for name in occupied:
        small.lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    eventually(lambda: len(small.heard(InitEnded)) >= 2)

    with gate.open("w") as opened:
        refusal = refusal_of(small.lambda_.invoke, FunctionName=third)
        opened.write("done")

    assert refusal["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refusal["Reason"] == "ConcurrentInvocationLimitExceeded"
    eventually(lambda: refusal_free(small, third))


def refusal_free(aws, name):
    try:
        return aws.invoke(name)["answer"] == "third"
    except ClientError:
        return False


def test_account_settings_tell_the_limit_and_what_is_not_reserved(aws, small):
    name = aws.create(WHICH_VERSION % "one")
    before = aws.lambda_.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    aws.lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=30)

    limit = aws.lambda_.get_account_settings()["AccountLimit"]

    aws.lambda_.delete_function_concurrency(FunctionName=name)
    assert (limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]) == (1000, before - 30)
    assert small.lambda_.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 2


def test_a_stack_reserves_changes_and_gives_back(aws):
    cloudformation, name = aws.client("cloudformation"), "reserved-by-a-stack"

    def reserved():
        return aws.lambda_.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")

    seen = []
    cloudformation.create_stack(StackName=name, TemplateBody=template(name, ReservedConcurrentExecutions=7))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    seen.append(reserved())
    for properties in ({"ReservedConcurrentExecutions": 0}, {}):
        cloudformation.update_stack(StackName=name, TemplateBody=template(name, **properties))
        cloudformation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        seen.append(reserved())

    assert seen == [7, 0, None]


def test_a_stack_that_reserves_too_much_fails_with_lambdas_reason(aws):
    cloudformation, name = aws.client("cloudformation"), "reserves-too-much"
    cloudformation.create_stack(StackName=name, TemplateBody=template(name, ReservedConcurrentExecutions=901))

    def reasons():
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        return [each["ResourceStatusReason"] for each in events if "minimum value of [100]" in str(each)]

    assert "UnreservedConcurrentExecution" in eventually(reasons)[0]


def test_a_function_on_managed_instances_has_environments_with_several_workers(aws):
    provider = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:books"
    managed = {"CapacityProviderArn": provider, "PerExecutionEnvironmentMaxConcurrency": 2}
    name = aws.create(
        "import os\ndef handler(event, context): return dict(os.environ)",
        CapacityProviderConfig={"LambdaManagedInstancesCapacityProviderConfig": managed},
        MemorySize=2048,
    )

    seen = aws.invoke(name)

    assert seen["AWS_LAMBDA_MAX_CONCURRENCY"] == "2"
    assert seen["AWS_LAMBDA_INITIALIZATION_TYPE"] == "lambda-managed-instances"
    assert seen["AWS_LAMBDA_LOG_FORMAT"] == "JSON"


def test_provisioned_environments_start_before_any_event(aws):
    name = aws.create(WHICH_VERSION % "one")
    version = aws.lambda_.publish_version(FunctionName=name)["Version"]
    aws.lambda_.create_alias(FunctionName=name, Name="live", FunctionVersion=version)

    aws.lambda_.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=2
    )

    assert eventually(lambda: sum(each.function == name for each in aws.heard(InitStarted)) == 2)
