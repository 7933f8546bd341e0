"""What policies may ask of a request besides its action and resource, and what a request needs besides those."""

from __future__ import annotations

import json

import pytest
from access_keys import Signed
from deployed_roles import ACCOUNT, ORDERS, SEND, allowing

from fastlambda_cli.aws.keys import Keys

MOMO, JIM = {"id": {"S": "momo"}}, {"id": {"S": "jim"}}
BY_ID = {"KeyConditionExpression": "#id = :id", "ExpressionAttributeNames": {"#id": "id"}}
BY_SHELF = {"IndexName": "by-shelf", "KeyConditionExpression": "shelf = :shelf AND id > :id"}


def of_shelf(shelf):
    return BY_SHELF | {"ExpressionAttributeValues": {":shelf": {"S": shelf}, ":id": {"S": "a"}}}


@pytest.mark.parametrize(
    ("operation", "own", "others"),
    [
        ("get_item", {"Key": MOMO}, {"Key": JIM}),
        ("put_item", {"Item": MOMO}, {"Item": JIM}),
        ("delete_item", {"Key": MOMO}, {"Key": JIM}),
        (
            "query",
            BY_ID | {"ExpressionAttributeValues": {":id": MOMO["id"]}},
            BY_ID | {"ExpressionAttributeValues": {":id": JIM["id"]}},
        ),
        ("query", of_shelf("momo"), of_shelf("jim")),
        ("batch_get_item", {"Keys": [MOMO]}, {"Keys": [MOMO, JIM]}),
        (
            "batch_write_item",
            [{"PutRequest": {"Item": MOMO}}],
            [{"PutRequest": {"Item": MOMO}}, {"DeleteRequest": {"Key": JIM}}],
        ),
        ("transact_write_items", {"Delete": MOMO}, {"Delete": JIM}),
    ],
)
def test_leading_keys_are_those_that_a_request_names(aws, caller, shelves, operation, own, others):
    role, _, answer = caller()
    only = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["momo"]}}
    allowing(aws, role, ("dynamodb:*", f"{shelves}*", only))

    def ask(asked):
        if operation.startswith("batch"):
            return answer("dynamodb", operation, {"RequestItems": {"shelves": asked}})
        if operation.startswith("transact"):
            items = [{kind: {"TableName": "shelves", "Key": key}} for kind, key in asked.items()]
            return answer("dynamodb", operation, {"TransactItems": items})
        return answer("dynamodb", operation, {"TableName": "shelves", **asked})

    assert "ResponseMetadata" in ask(own)
    assert ask(others)[1] == "AccessDeniedException"


def test_a_request_that_dynamodb_refuses_is_refused_in_its_words_also_where_keys_are_asked_for(aws, client, shelves):
    role = aws.role()
    allowing(aws, role.rpartition("/")[2], ("dynamodb:*", shelves, {"Null": {"dynamodb:LeadingKeys": "true"}}))
    assumed = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="momo")["Credentials"]
    keys = Keys(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    headers = {
        "x-amz-target": "DynamoDB_20120810.TransactWriteItems",
        "content-type": "application/x-amz-json-1.0",
    }
    asked = json.dumps({"TransactItems": [{"Put": {"TableName": "shelves", "Item": None}}, "momo"]}).encode()

    answer = client.post(aws.aws.endpoint_url, headers=headers, content=asked, auth=Signed(keys, "dynamodb"))

    assert (answer.status_code, answer.json()["__type"].rpartition("#")[2]) == (400, "ValidationException")


@pytest.fixture(scope="session")
def shelves(aws):
    """A table of books by id, with an index by shelf."""
    return aws.client("dynamodb").create_table(
        TableName="shelves",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("id", "shelf")],
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-shelf",
                "KeySchema": [
                    {"AttributeName": "shelf", "KeyType": "HASH"},
                    {"AttributeName": "id", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )["TableDescription"]["TableArn"]


@pytest.mark.parametrize(
    ("headers", "action"),
    [
        ({"Tagging": "kind=novel"}, "s3:PutObjectTagging"),
        ({"ACL": "private"}, "s3:PutObjectAcl"),
    ],
)
def test_the_headers_of_an_upload_need_permissions_of_their_own(aws, caller, headers, action):
    role, _, answer = caller()
    upload = {"Bucket": "shelves", "Key": "momo", "Body": "Momo"}
    allowing(aws, role, ("s3:PutObject", "*", {}))
    assert "ETag" in answer("s3", "put_object", upload)

    _, code, message = answer("s3", "put_object", {**upload, **headers})

    assert (code, f"perform: {action} on resource" in message) == ("AccessDenied", True)
    allowing(aws, role, (["s3:PutObject", action], "*", {}))
    assert "ETag" in answer("s3", "put_object", {**upload, **headers})


def test_policies_may_ask_for_the_tags_of_an_upload(aws, caller):
    role, _, answer = caller()
    upload = {"Bucket": "shelves", "Key": "momo", "Body": "Momo"}
    novels = {"StringEquals": {"s3:RequestObjectTag/kind": "novel"}}
    allowing(aws, role, (["s3:PutObject", "s3:PutObjectTagging"], "*", novels))

    assert "ETag" in answer("s3", "put_object", {**upload, "Tagging": "kind=novel"})
    assert answer("s3", "put_object", {**upload, "Tagging": "kind=poem"})[1] == "AccessDenied"


@pytest.mark.parametrize("key", ["aws:PrincipalOrgID", "aws:SourceVpc", "aws:SourceVpce"])
def test_a_key_that_a_request_does_not_have_is_met_by_ifexists_and_negation_alone(aws, caller, key):
    role, _, answer = caller()
    allowing(
        aws,
        role,
        ("sqs:SendMessage", "*", {"StringEquals": {key: "o-books"}}),
        ("sqs:GetQueueUrl", "*", {"StringEqualsIfExists": {key: "o-books"}}),
        ("sqs:ListQueues", "*", {"StringNotEquals": {key: "o-books"}}),
    )

    assert answer(*SEND)[1] == "AccessDenied"
    assert "QueueUrl" in answer("sqs", "get_queue_url", {"QueueName": "orders"})
    assert "ResponseMetadata" in answer("sqs", "list_queues", {})


PASSED = {
    "lambda": (
        ("lambda", "update_function_configuration", lambda role: {"FunctionName": "passed", "Role": role}),
        ("lambda:UpdateFunctionConfiguration", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:passed"),
    ),
    "scheduler": (
        (
            "scheduler",
            "create_schedule",
            lambda role: {
                "Name": "passed",
                "ScheduleExpression": "rate(1 day)",
                "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": ORDERS, "RoleArn": role},
            },
        ),
        ("scheduler:CreateSchedule", f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/default/passed"),
    ),
    "events": (
        (
            "events",
            "put_targets",
            lambda role: {
                "Rule": "passed",
                "Targets": [{"Id": "1", "Arn": ORDERS}, {"Id": "2", "Arn": ORDERS, "RoleArn": role}],
            },
        ),
        ("events:PutTargets", f"arn:aws:events:us-east-1:{ACCOUNT}:rule/passed"),
    ),
    "cloudformation": (
        ("cloudformation", "delete_stack", lambda role: {"StackName": "passed", "RoleARN": role}),
        ("cloudformation:DeleteStack", "*"),
    ),
}


@pytest.mark.parametrize("service", PASSED)
def test_whoever_gives_a_role_to_a_service_needs_the_permission_to_pass_it(aws, caller, service):
    (client, operation, parameters), allowed = PASSED[service]
    passed = aws.role(service=f"{service}.amazonaws.com")
    aws.client("events").put_rule(Name="passed", EventPattern='{"source": ["passed"]}')
    role, name, answer = caller(allowed)

    _, code, message = answer(client, operation, parameters(passed))

    assert code in {"AccessDeniedException", "AccessDenied"}
    assert message == (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name} is not authorized to perform: iam:PassRole "
        f"on resource: {passed} because no identity-based policy allows the iam:PassRole action"
    )

    to_others = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    to_this = {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}
    for condition, code in ((to_others, "AccessDenied"), (to_this, None)):
        allowing(aws, role, ("iam:PassRole", passed, condition))
        answered = answer(client, operation, parameters(passed))
        assert answered[1].startswith(code) if code else "iam:PassRole" not in str(answered)
