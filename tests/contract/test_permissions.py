"""What functions may do: what their roles allow."""

from __future__ import annotations

import json

import pytest
from contract_cloud import eventually
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


def limited(cloud, *statements):
    """A function whose role allows these statements alone: how it is called."""
    iam, name = cloud.client("iam"), cloud.name("limited")
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trusted]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    cloud.removed_later(iam.delete_role, RoleName=name)
    allowed = [{"Effect": "Allow", "Resource": "*", **each} for each in statements]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_role_policy(RoleName=name, PolicyName="limited", PolicyDocument=policy)
    cloud.removed_later(iam.delete_role_policy, RoleName=name, PolicyName="limited")
    function = cloud.new_function("calling", Role=role)
    return lambda *event: json.loads(cloud.invoke(function, list(event)).body)


@fact(
    SECTION,
    "Who gives a role to a service needs `iam:PassRole` on it: `AccessDeniedException`.",
    "IAM User Guide, “Grant a user permissions to pass a role to an AWS service”",
)
def test_passing_a_role_needs_a_permission(cloud):
    call = limited(cloud, {"Action": "scheduler:CreateSchedule"})
    schedule = {
        "Name": cloud.name("passing"),
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": cloud.arn(cloud.function("calling")), "RoleArn": cloud.role},
    }

    def refused():
        _, code, message = call("scheduler", "create_schedule", schedule)
        return code == "AccessDeniedException" and f"iam:PassRole on resource: {cloud.role}" in message

    assert eventually(refused)


@fact(
    SECTION,
    "An upload to S3 with tags needs `s3:PutObjectTagging` besides `s3:PutObject`: `AccessDenied`.",
    "S3 API Reference, “PutObject”",
)
def test_tags_of_an_upload_need_a_permission(cloud):
    s3, bucket = cloud.client("s3"), cloud.name("bucket")
    s3.create_bucket(Bucket=bucket)
    cloud.removed_later(s3.delete_bucket, Bucket=bucket)
    call = limited(cloud, {"Action": "s3:PutObject"})

    upload = {"Bucket": bucket, "Key": "momo", "Body": "Momo"}
    cloud.removed_later(s3.delete_object, Bucket=bucket, Key="momo")

    assert eventually(lambda: call("s3", "put_object", upload) is None)
    _, code, message = call("s3", "put_object", {**upload, "Tagging": "kind=novel"})
    assert (code, "perform: s3:PutObjectTagging on" in message) == ("AccessDenied", True)


@fact(
    SECTION,
    "`dynamodb:LeadingKeys` are the partition keys that a request names.",
    "DynamoDB Developer Guide, “Using IAM policy conditions for fine-grained access control”",
)
def test_leading_keys_are_partition_keys(cloud):
    dynamodb, table = cloud.client("dynamodb"), cloud.name("table")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    cloud.removed_later(dynamodb.delete_table, TableName=table)
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["momo"]}}
    call = limited(cloud, {"Action": "dynamodb:GetItem", "Condition": own})

    def get(key):
        return call("dynamodb", "get_item", {"TableName": table, "Key": {"id": {"S": key}}})

    assert eventually(lambda: get("momo") is None)
    assert get("jim")[1] == "AccessDeniedException"


def dead_letters(cloud, service, source):
    """A queue that takes messages of another resource: its URL and its ARN."""
    url, arn = cloud.queue()
    takes = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": source}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [takes]})
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url, arn


def taken(cloud, url):
    """The first message of a queue."""
    receive = cloud.client("sqs").receive_message
    (message,) = eventually(
        lambda: receive(QueueUrl=url, WaitTimeSeconds=1, MessageAttributeNames=["All"]).get("Messages")
    )
    return message


@fact(
    SECTION,
    "A topic that a function's policy does not allow puts the message into the subscription's dead-letter queue.",
    "SNS Developer Guide, “Amazon SNS dead-letter queues”",
)
def test_a_topic_needs_the_functions_permission(cloud):
    sns = cloud.client("sns")
    topic = sns.create_topic(Name=cloud.name("topic"))["TopicArn"]
    cloud.removed_later(sns.delete_topic, TopicArn=topic)
    url, queue = dead_letters(cloud, "sns.amazonaws.com", topic)
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": queue})}
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=cloud.arn(cloud.function("calling")), Attributes=redrive)

    sns.publish(TopicArn=topic, Message="Momo")

    assert json.loads(taken(cloud, url)["Body"])["Message"] == "Momo"


@fact(
    SECTION,
    "A rule that a function's policy does not let invoke it puts the event into the target's dead-letter queue, with "
    "`NO_PERMISSIONS`, the rule and the target in its attributes.",
    "EventBridge User Guide, “Using dead-letter queues to process undelivered events in EventBridge”",
)
def test_a_rule_needs_the_functions_permission(cloud):
    events, name = cloud.client("events"), cloud.name("rule")
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    cloud.removed_later(events.delete_rule, Name=name)
    url, queue = dead_letters(cloud, "events.amazonaws.com", rule)
    function = cloud.arn(cloud.function("calling"))
    target = {"Id": "function", "Arn": function, "DeadLetterConfig": {"Arn": queue}}
    events.put_targets(Rule=name, Targets=[target])
    cloud.removed_later(events.remove_targets, Rule=name, Ids=["function"])

    events.put_events(Entries=[{"Source": name, "DetailType": "BookCreated", "Detail": '{"title": "Momo"}'}])

    message = taken(cloud, url)
    told = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert json.loads(message["Body"])["detail"] == {"title": "Momo"}
    assert (told["RULE_ARN"], told["TARGET_ARN"], told["ERROR_CODE"]) == (rule, function, "NO_PERMISSIONS")


@fact(
    SECTION,
    "A rule whose function is gone puts the event into the target's dead-letter queue, with `NO_RESOURCE`.",
    "EventBridge User Guide, “Using dead-letter queues to process undelivered events in EventBridge”",
)
def test_a_rules_event_for_a_missing_function_is_a_dead_letter(cloud):
    events, name = cloud.client("events"), cloud.name("rule")
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    cloud.removed_later(events.delete_rule, Name=name)
    url, queue = dead_letters(cloud, "events.amazonaws.com", rule)
    target = {"Id": "function", "Arn": cloud.arn(cloud.name("gone")), "DeadLetterConfig": {"Arn": queue}}
    events.put_targets(Rule=name, Targets=[target])
    cloud.removed_later(events.remove_targets, Rule=name, Ids=["function"])

    events.put_events(Entries=[{"Source": name, "DetailType": "BookCreated", "Detail": '{"title": "Momo"}'}])

    message = taken(cloud, url)
    assert json.loads(message["Body"])["detail"] == {"title": "Momo"}
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_RESOURCE"


@fact(
    SECTION,
    "What a schedule cannot bring to its target is in its dead-letter queue, as the target would have had it, with the "
    "error of the target's API in the attributes.",
    "EventBridge Scheduler User Guide, “Configuring a schedule's dead-letter queue in EventBridge Scheduler”",
)
def test_what_a_schedule_cannot_bring_is_a_dead_letter(cloud):
    url, queue = cloud.queue()
    cloud.fire_now(cloud.name("gone"), Input='{"report": "nightly"}', DeadLetterConfig={"Arn": queue})

    message = taken(cloud, url)

    told = {key: value["StringValue"] for key, value in message["MessageAttributes"].items()}
    assert message["Body"] == '{"report": "nightly"}'
    assert (told["ERROR_CODE"], told["RETRY_ATTEMPTS"]) == ("ResourceNotFoundException", "0")


@fact(
    SECTION,
    "A schedule whose role EventBridge Scheduler cannot assume is refused: `ValidationException`.",
    "aws/aws-sdk-js-v3#6494",
)
def test_a_schedule_needs_a_role_that_scheduler_can_assume(cloud):
    schedule = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    target = {
        "Arn": cloud.arn(cloud.function("calling")),
        "RoleArn": f"arn:aws:iam::{cloud.account}:role/{cloud.name('nobody')}",
    }
    create = cloud.client("scheduler").create_schedule

    error = cloud.refusal(create, Name=cloud.name("schedule"), Target=target, **schedule)["Error"]

    assert (error["Code"], error["Message"]) == (
        "ValidationException",
        "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
    )


@fact(
    SECTION,
    "A notification to a function whose policy does not let the bucket invoke it is refused: `InvalidArgument`.",
    "S3 API Reference, “PutBucketNotificationConfiguration”",
)
def test_a_bucket_needs_the_functions_permission(cloud):
    s3, bucket = cloud.client("s3"), cloud.name("bucket")
    s3.create_bucket(Bucket=bucket)
    cloud.removed_later(s3.delete_bucket, Bucket=bucket)
    told = {"LambdaFunctionArn": cloud.arn(cloud.function("calling")), "Events": ["s3:ObjectCreated:*"]}
    put = s3.put_bucket_notification_configuration

    error = cloud.refusal(put, Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [told]})

    assert (error["Error"]["Code"], error["Error"]["Message"]) == (
        "InvalidArgument",
        "Unable to validate the following destination configurations",
    )
