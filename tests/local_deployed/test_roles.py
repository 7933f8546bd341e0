"""A function has its role's permissions and no others, as on AWS."""

from __future__ import annotations

import json

import pytest
from access_keys import Signed
from botocore.exceptions import ClientError
from deployed_functions import ROLE, RUNTIME, package
from deployed_roles import ACCOUNT, CALL, ORDERS, SEND

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.model import Notice


@pytest.fixture(scope="session")
def helpless(caller):
    return caller()


def test_a_function_is_a_session_of_its_role(helpless):
    role, name, answer = helpless

    assert answer("sts", "get_caller_identity", {}) == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"


DENIED = {
    # action, resource: status, code, call
    ("sqs:sendmessage", ORDERS): (403, "AccessDenied", SEND),
    ("SNS:Publish", f"arn:aws:sns:us-east-1:{ACCOUNT}:books"): (
        403,
        "AuthorizationError",
        ("sns", "publish", {"TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:books", "Message": "Momo"}),
    ),
    ("events:PutEvents", f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"): (
        400,
        "AccessDeniedException",
        ("events", "put_events", {"Entries": [{"Source": "books", "DetailType": "sold", "Detail": "{}"}]}),
    ),
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:books/app"): (
        400,
        "AccessDeniedException",
        ("secretsmanager", "get_secret_value", {"SecretId": "books/app"}),
    ),
    ("ssm:GetParameters", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/books/a"): (
        400,
        "AccessDeniedException",
        ("ssm", "get_parameters", {"Names": ["/books/a", "/books/b"]}),
    ),
    ("dynamodb:PutItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/books"): (
        400,
        "AccessDeniedException",
        ("dynamodb", "put_item", {"TableName": "books", "Item": {"id": {"S": "1"}}}),
    ),
    ("s3:GetObject", '"arn:aws:s3:::shelves/momo"'): (
        403,
        "AccessDenied",
        ("s3", "get_object", {"Bucket": "shelves", "Key": "momo"}),
    ),
    ("kms:GenerateRandom", "*"): (400, "AccessDeniedException", ("kms", "generate_random", {"NumberOfBytes": 3})),
    ("xray:PutTraceSegments", "*"): (
        403,
        "AccessDeniedException",
        ("xray", "put_trace_segments", {"TraceSegmentDocuments": ["{}"]}),
    ),
    ("logs:FilterLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:books:log-stream:"): (
        400,
        "AccessDeniedException",
        ("logs", "filter_log_events", {"logGroupName": "books"}),
    ),
    ("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:books:live"): (
        403,
        "AccessDeniedException",
        ("lambda", "invoke", {"FunctionName": "books:live"}),
    ),
    ("sts:AssumeRole", ROLE): (
        403,
        "AccessDenied",
        ("sts", "assume_role", {"RoleArn": ROLE, "RoleSessionName": "momo"}),
    ),
}


@pytest.mark.parametrize("denied", DENIED, ids=lambda denied: denied[0])
def test_what_its_role_does_not_allow_is_denied_in_awss_words(helpless, denied):
    role, name, answer = helpless
    (action, resource), (status, code, call) = denied, DENIED[denied]

    told = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name} is not authorized to perform: {action} "
        f"on resource: {resource} because no identity-based policy allows the {action} action"
    )
    assert answer(*call) == [status, code, told]


def test_what_its_role_allows_is_done(aws, caller):
    topic = aws.client("sns").create_topic(Name="news")["TopicArn"]
    secret = aws.client("secretsmanager").create_secret(Name="news/app", SecretString="Momo")["ARN"]
    aws.client("ssm").put_parameter(Name="/news/a", Value="Momo", Type="String")
    aws.client("s3").create_bucket(Bucket="news")
    other = aws.create("def handler(event, context): return None")
    _, _, answer = caller(
        ("sqs:SendMessage", ORDERS),
        ("sns:Publish", topic),
        ("secretsmanager:GetSecretValue", f"{secret.rpartition('-')[0]}-??????"),
        ("ssm:GetParametersByPath", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/news"),
        ("s3:PutObject", "arn:aws:s3:::news/*"),
        ("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{other}"),
        ("xray:PutTraceSegments", "*"),
    )
    queue = {"QueueUrl": SEND[2]["QueueUrl"]}
    entries = [{"Id": "1", "MessageBody": "Momo"}]

    assert "MessageId" in answer(*SEND)
    # Batches have no action of their own.
    assert "Successful" in answer("sqs", "send_message_batch", {**queue, "Entries": entries})
    published = {"TopicArn": topic, "PublishBatchRequestEntries": [{"Id": "1", "Message": "Momo"}]}
    assert "Successful" in answer("sns", "publish_batch", published)
    assert "SecretString" in answer("secretsmanager", "get_secret_value", {"SecretId": "news/app"})
    assert "Parameters" in answer("ssm", "get_parameters_by_path", {"Path": "/news"})
    assert "ETag" in answer("s3", "put_object", {"Bucket": "news", "Key": "momo", "Body": "Momo"})
    assert "StatusCode" in answer("lambda", "invoke", {"FunctionName": other, "InvocationType": "DryRun"})
    assert "UnprocessedTraceSegments" in answer("xray", "put_trace_segments", {"TraceSegmentDocuments": ["{}"]})
    assert answer("sqs", "receive_message", queue)[:2] == [403, "AccessDenied"]


def test_what_a_request_names_in_another_way_is_asked_under_the_name_that_policies_have(aws, caller):
    key = aws.client("kms").create_key()["KeyMetadata"]
    aws.client("kms").create_alias(AliasName="alias/pages", TargetKeyId=key["KeyId"])
    aws.client("ssm").put_parameter(Name="/pages/a", Value="Momo", Type="String")
    aws.client("dynamodb").create_table(
        TableName="pages",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    parameter = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/pages/a"
    table = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/pages"
    _, _, answer = caller(
        ("kms:Encrypt", key["Arn"]), ("ssm:GetParameter", parameter), ("dynamodb:PartiQLSelect", table)
    )
    read = {"Statement": "SELECT * FROM \"pages\" WHERE id = '1'"}

    assert "CiphertextBlob" in answer("kms", "encrypt", {"KeyId": "alias/pages", "Plaintext": "Momo"})
    assert "Parameter" in answer("ssm", "get_parameter", {"Name": parameter})
    assert "Parameter" in answer("ssm", "get_parameter", {"Name": "/pages/a:1"})
    assert "Items" in answer("dynamodb", "execute_statement", read)
    assert "Responses" in answer("dynamodb", "batch_execute_statement", {"Statements": [read]})
    write = {"Statement": "DELETE FROM \"pages\" WHERE id = '1'"}
    _, code, message = answer("dynamodb", "execute_statement", write)
    assert code == "AccessDeniedException"
    assert f"perform: dynamodb:PartiQLDelete on resource: {table} because" in message


def test_policies_name_the_function_that_is_made_and_the_rule_bus_or_archive_that_something_is_done_to(aws, caller):
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:ours-*"
    events = f"arn:aws:events:us-east-1:{ACCOUNT}:"
    rule = aws.client("events").put_rule(Name="ours", EventPattern='{"source": ["ours"]}')["RuleArn"]
    buses = [f"{events}event-bus/default", f"{events}archive/ours"]
    _, _, answer = caller(("lambda:CreateFunction", function), ("iam:PassRole", ROLE), ("events:*", [rule, *buses]))
    made = {
        "Role": ROLE,
        "Runtime": RUNTIME,
        "Handler": "app.handler",
        "Code": {"S3Bucket": "shelves", "S3Key": "gone"},
    }

    for name in ("ours-1", function.replace("*", "2"), f"{ACCOUNT}:function:ours-3"):
        assert answer("lambda", "create_function", {"FunctionName": name, **made})[1] != "AccessDeniedException"
    denied = answer("lambda", "create_function", {"FunctionName": "theirs", **made})
    assert "perform: lambda:CreateFunction on resource: " + function.replace("ours-*", "theirs") in denied[2]
    assert "ResponseMetadata" in answer("events", "tag_resource", {"ResourceARN": rule, "Tags": []})
    assert "Tags" in answer("events", "list_tags_for_resource", {"ResourceARN": rule})
    archive = {"ArchiveName": "ours", "EventSourceArn": buses[0]}
    assert answer("events", "create_archive", archive)[1] != "AccessDeniedException"
    assert "ArchiveName" in answer("events", "describe_archive", {"ArchiveName": "ours"})
    assert "ResponseMetadata" in answer("events", "remove_permission", {"RemoveAllPermissions": True})
    others = {"ResourceARN": f"{rule}s", "Tags": []}
    assert answer("events", "tag_resource", others)[1] == "AccessDeniedException"


def test_a_key_that_is_not_there_is_told_only_to_those_who_may_list_its_bucket(aws, caller):
    aws.client("s3").create_bucket(Bucket="missing")
    bucket = "arn:aws:s3:::missing"
    _, _, listing = caller(("s3:GetObject", f"{bucket}/*"), ("s3:ListBucket", bucket))
    role, name, answer = caller(("s3:GetObject", f"{bucket}/*"))
    wanted = {"Bucket": "missing", "Key": "momo"}

    assert listing("s3", "get_object", wanted)[:2] == [404, "NoSuchKey"]
    assert listing("s3", "head_object", wanted)[:2] == [404, "404"]
    assert answer("s3", "head_object", wanted)[:2] == [403, "403"]
    told = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name} is not authorized to perform: s3:ListBucket "
        f'on resource: "{bucket}" because no identity-based policy allows the s3:ListBucket action'
    )
    assert answer("s3", "get_object", wanted) == [403, "AccessDenied", told]


def test_what_is_asked_comes_by_tls_for_policies(aws, caller):
    role, _, answer = caller()
    aws.client("s3").create_bucket(Bucket="secure")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": "arn:aws:s3:::secure/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    aws.client("s3").put_bucket_policy(Bucket="secure", Policy=json.dumps({"Statement": [deny]}))
    allow = {
        "Effect": "Allow",
        "Action": "s3:PutObject",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    aws.client("iam").put_role_policy(
        RoleName=role, PolicyName="tls", PolicyDocument=json.dumps({"Statement": [allow]})
    )

    assert "ETag" in answer("s3", "put_object", {"Bucket": "secure", "Key": "momo", "Body": "Momo"})


def test_a_condition_is_asked_of_every_event_on_a_bus(aws, caller):
    role, _, answer = caller()
    statement = {
        "Effect": "Allow",
        "Action": "events:PutEvents",
        "Resource": f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default",
        "Condition": {"StringEquals": {"events:source": ["books", "shop"]}},
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="events", PolicyDocument=document)

    def put(*sources):
        return answer(
            "events",
            "put_events",
            {"Entries": [{"Source": each, "DetailType": "sold", "Detail": "{}"} for each in sources]},
        )

    assert "Entries" in put("books", "shop")
    assert put("books", "other")[1] == "AccessDeniedException"


def test_a_condition_key_that_nobody_knows_here_denies_nothing_and_one_that_is_known_does(aws, caller):
    role, _, answer = caller()
    namespace = {"StringEquals": {"cloudwatch:namespace": "Books"}}
    elsewhere = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "aws:RequestedRegion": "eu-west-1"}}
    here = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com", "aws:RequestedRegion": "us-east-1"}}
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": "*", "Condition": condition}
        for action, condition in (
            ("cloudwatch:PutMetricData", namespace),
            ("kms:GenerateRandom", here),
            ("kms:ListKeys", elsewhere),
        )
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="conditions", PolicyDocument=document)

    def put(namespace):
        data = [{"MetricName": "Sold", "Value": 1}]
        return answer("cloudwatch", "put_metric_data", {"Namespace": namespace, "MetricData": data})

    assert put("Books") == ["ResponseMetadata"]
    assert put("Others")[1].startswith("AccessDenied")
    assert "Plaintext" in answer("kms", "generate_random", {"NumberOfBytes": 3})
    assert answer("kms", "list_keys", {})[1] == "AccessDeniedException"


def test_a_session_of_another_role_is_that_role(aws, caller):
    helper = aws.role(("sqs:GetQueueAttributes", ORDERS))
    role, name, answer = caller(("sts:AssumeRole", helper))
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{role}"},
        "Action": "sts:AssumeRole",
    }
    aws.client("iam").update_assume_role_policy(
        RoleName=helper.rpartition("/")[2], PolicyDocument=json.dumps({"Statement": trust})
    )

    assert "Credentials" in answer("sts", "assume_role", {"RoleArn": helper, "RoleSessionName": name})


def test_the_root_may_do_everything_and_a_policy_that_changes_holds_at_once(aws, caller):
    role, _, answer = caller()
    assert answer(*SEND)[1] == "AccessDenied"
    everything = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [everything]})

    aws.client("iam").put_role_policy(RoleName=role, PolicyName="later", PolicyDocument=document)

    assert "MessageId" in answer(*SEND)
    assert aws.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"


def test_only_the_door_says_who_asks(aws, client):
    assumed = aws.client("sts").assume_role(RoleArn=aws.role(), RoleSessionName="momo")["Credentials"]
    keys = Keys(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
    root = {"key": aws.aws.keys.access_key_id, "arn": f"arn:aws:iam::{ACCOUNT}:root", "principal_id": ACCOUNT}
    claims = {
        "x-amz-target": "AmazonSQS.ListQueues",
        "content-type": "application/x-amz-json-1.0",
        "x-fastlambda-caller": json.dumps({**root, "function": None}),
    }

    def status(keys):
        return client.post(aws.aws.endpoint_url, headers=claims, content=b"{}", auth=Signed(keys, "sqs")).status_code

    assert (status(keys), status(aws.aws.keys)) == (403, 200)


def test_what_was_denied_is_told_once_with_what_to_add(aws, caller):
    role, name, answer = caller()

    answer(*SEND)
    answer(*SEND)

    (told,) = [notice.text for notice in aws.heard(Notice) if notice.text.startswith(f"{name} may not")]
    assert told.partition("AWS: ")[2] == (
        f"its role {role} does not allow it. If it is to, allow it in a policy of the role, "
        'which a service of FastLambda does by [[tool.fastlambda.permissions]] with actions = ["sqs:SendMessage"] and '
        'resources = ["arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:orders"]'
    )


def test_what_is_still_denied_is_told_again_once_the_functions_role_has_changed(aws, caller):
    _, name, answer = caller()
    answer(*SEND)

    aws.run(aws.aws.assume_roles([name]))
    answer(*SEND)
    answer(*SEND)

    assert len([notice for notice in aws.heard(Notice) if notice.text.startswith(f"{name} may not")]) == 2


def test_a_policy_of_awss_that_the_emulator_does_not_know_denies_nothing(aws, caller):
    role, _, _ = caller()
    stack = {
        "Resources": {
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": f"{role}-2",
                    "AssumeRolePolicyDocument": {
                        "Statement": {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    },
                    "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonPollyFullAccess"],
                },
            }
        }
    }
    formation = aws.client("cloudformation")
    formation.create_stack(StackName=role, TemplateBody=json.dumps(stack))
    formation.get_waiter("stack_create_complete").wait(StackName=role, WaiterConfig={"Delay": 1})
    name = aws.create(CALL, Role=f"arn:aws:iam::{ACCOUNT}:role/{role}-2")

    assert "MessageId" in aws.invoke(name, SEND)


# What Lambda itself does with a role


def refused(call, **parameters):
    with pytest.raises(ClientError) as failure:
        call(**parameters)
    error = failure.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_role_that_lambda_cannot_assume_makes_no_function(aws):
    settings = {"Runtime": RUNTIME, "Handler": "app.handler", "Code": {"ZipFile": package(CALL)}}
    told = ("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")
    for role in (f"arn:aws:iam::{ACCOUNT}:role/nobody", aws.role(service="ec2.amazonaws.com")):
        assert refused(aws.lambda_.create_function, FunctionName="orphan", Role=role, **settings) == told


def test_a_function_whose_role_is_gone_is_not_run(aws, caller):
    role, name, _ = caller()
    aws.client("iam").delete_role(RoleName=role)

    assert refused(aws.lambda_.invoke, FunctionName=name) == (
        "AccessDeniedException",
        "The role defined for the function cannot be assumed by Lambda.",
    )


def test_what_lambda_does_with_the_role_has_to_be_allowed(aws, caller):
    _, name, _ = caller()
    told = "The provided execution role does not have permissions to call"
    update, map_ = aws.lambda_.update_function_configuration, aws.lambda_.create_event_source_mapping

    assert [
        refused(update, FunctionName=name, TracingConfig={"Mode": "Active"}),
        refused(update, FunctionName=name, DeadLetterConfig={"TargetArn": ORDERS}),
        refused(update, FunctionName=name, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}),
        refused(map_, FunctionName=name, EventSourceArn=ORDERS),
    ] == [
        ("InvalidParameterValueException", f"{told} PutTraceSegments on XRAY"),
        ("InvalidParameterValueException", f"{told} SendMessage on SQS"),
        ("InvalidParameterValueException", f"{told} CreateNetworkInterface on EC2"),
        (
            "InvalidParameterValueException",
            "The function execution role does not have permissions to call ReceiveMessage on SQS",
        ),
    ]
