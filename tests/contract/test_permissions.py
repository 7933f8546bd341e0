"""What functions may do: what their roles allow."""

from __future__ import annotations

import json

import pytest
from contract_facts import fact

SECTION = "Permissions"
EXECUTION_ROLE = "Lambda Developer Guide, “Defining Lambda function permissions with an execution role”"
MESSAGES = "IAM User Guide, “Troubleshoot access denied error messages”"


@pytest.fixture(scope="module")
def call(cloud):
    name = cloud.function("calling")
    return lambda *event: json.loads(cloud.invoke(name, list(event)).body)


def session(cloud):
    role = cloud.role.rpartition("/")[2]
    return f"arn:aws:sts::{cloud.account}:assumed-role/{role}/{cloud.function('calling')}"


def denial(cloud, action, resource):
    return (
        f"User: {session(cloud)} is not authorized to perform: {action} on resource: {resource} "
        f"because no identity-based policy allows the {action} action"
    )


@fact(SECTION, "A function signs as a session of its role, named after the function.", EXECUTION_ROLE)
def test_a_function_is_a_session_of_its_role(cloud, call):
    assert call("sts", "get_caller_identity", {}) == session(cloud)


@fact(
    SECTION,
    "What the role does not allow is denied, and caller, action and resource are named: `AccessDeniedException`.",
    MESSAGES,
)
def test_what_the_role_does_not_allow_is_denied(cloud, call):
    table = f"arn:aws:dynamodb:{cloud.region}:{cloud.account}:table/books"

    told = denial(cloud, "dynamodb:GetItem", table)
    item = {"TableName": "books", "Key": {"id": {"S": "1"}}}
    assert call("dynamodb", "get_item", item) == [400, "AccessDeniedException", told]


@fact(SECTION, "SQS writes the action in lower case: `AccessDenied`.", "aws/serverless-application-model#3633")
def test_sqs_denies_in_lower_case(cloud, call):
    queue = cloud.name("denied")
    url = cloud.client("sqs").create_queue(QueueName=queue)["QueueUrl"]
    cloud.removed_later(cloud.client("sqs").delete_queue, QueueUrl=url)

    told = denial(cloud, "sqs:purgequeue", f"arn:aws:sqs:{cloud.region}:{cloud.account}:{queue}")
    assert call("sqs", "purge_queue", {"QueueUrl": url}) == [403, "AccessDenied", told]


@fact(
    SECTION,
    "A role that Lambda cannot assume is refused when a function is made or changed: `InvalidParameterValueException`.",
    "nficano/python-lambda#28",
)
def test_a_role_that_lambda_cannot_assume_is_refused(cloud):
    role = f"arn:aws:iam::{cloud.account}:role/{cloud.name('nobody')}"
    update = cloud.client("lambda").update_function_configuration

    error = cloud.refusal(update, FunctionName=cloud.function("echo"), Role=role)["Error"]

    assert (error["Code"], error["Message"]) == (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )


@fact(
    SECTION,
    "A dead-letter topic that the role may not publish to is refused: `InvalidParameterValueException`.",
    "aws-samples/aws-serverless-ecommerce-platform#41",
)
def test_dead_letters_need_the_roles_permission(cloud):
    topic = cloud.client("sns").create_topic(Name=cloud.name("letters"))["TopicArn"]
    cloud.removed_later(cloud.client("sns").delete_topic, TopicArn=topic)
    update = cloud.client("lambda").update_function_configuration

    error = cloud.refusal(update, FunctionName=cloud.function("echo"), DeadLetterConfig={"TargetArn": topic})["Error"]

    assert (error["Code"], error["Message"]) == (
        "InvalidParameterValueException",
        "The provided execution role does not have permissions to call Publish on SNS",
    )
