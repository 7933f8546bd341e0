"""Who may do what from now on, out of two templates."""

from __future__ import annotations

import json

from fastlambda_cli.deploy.model import PermissionChange
from fastlambda_cli.deploy.permissions import permission_changes

KNOWN = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "AppSecretArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop-dev/app-AbCdEf",
}


def template(*statements, **resources):
    policy = {"PolicyName": "declared", "PolicyDocument": {"Statement": list(statements)}}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {"AssumeRolePolicyDocument": {"Statement": [trust]}, "Policies": [policy] if statements else []}
    return {
        "Resources": {
            "Role": {"Type": "AWS::IAM::Role", "Properties": role},
            "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
            "FunctionLogs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/lambda/shop-dev"}},
            **resources,
        }
    }


def allow(action, resource, **rest):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


def changes(before, after, **known):
    return permission_changes(before, after, known_before=KNOWN, known_after={**KNOWN, **known})


def test_a_new_action_is_granted_on_each_of_its_resources():
    after = template(allow(["s3:GetObject", "s3:PutObject"], ["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]))
    assert changes(template(), after) == tuple(
        PermissionChange(granted=True, to="the function", effect="Allow", action=action, resource=resource)
        for action in ("s3:GetObject", "s3:PutObject")
        for resource in ("arn:aws:s3:::a/*", "arn:aws:s3:::b/*")
    )


def test_an_action_that_is_gone_is_one_that_the_function_may_no_longer_take():
    before = template(allow("s3:GetObject", "*"), allow("s3:PutObject", "*"))
    assert changes(before, template(allow("s3:PutObject", "*"))) == (
        PermissionChange(granted=False, to="the function", effect="Allow", action="s3:GetObject", resource="*"),
    )


def test_a_function_that_only_consumes_is_named():
    statement = allow("sqs:ReceiveMessage", "arn:aws:sqs:eu-west-1:123456789012:shop-dev-imports")
    role = {"Policies": [{"PolicyName": "declared", "PolicyDocument": {"Statement": [statement]}}]}
    function = {"FunctionName": "shop-dev-worker", "Role": {"Fn::GetAtt": ["WorkerRole", "Arn"]}}
    after = template(
        WorkerRole={"Type": "AWS::IAM::Role", "Properties": role},
        WorkerFunction={"Type": "AWS::Lambda::Function", "Properties": function},
    )
    assert [change.to for change in changes(template(), after)] == ["the function shop-dev-worker"]


def test_the_same_permission_written_in_another_way_is_no_change():
    logs = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/shop-dev:*"
    before = template(allow("logs:PutLogEvents", {"Fn::GetAtt": ["FunctionLogs", "Arn"]}))
    assert changes(before, template(allow(["logs:PutLogEvents"], [logs]))) == ()


def test_references_are_told_as_the_arns_that_they_are():
    secret = allow("secretsmanager:GetSecretValue", [{"Ref": "AppSecretArn"}])
    declared = allow("sqs:SendMessage", {"Fn::Sub": "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:jobs"})
    found = [change.resource for change in changes(template(), template(secret, declared))]
    assert found == [KNOWN["AppSecretArn"], "arn:aws:sqs:eu-west-1:123456789012:jobs"]


def test_another_value_of_a_parameter_is_another_permission():
    statement = allow("secretsmanager:GetSecretValue", {"Ref": "AppSecretArn"})
    found = changes(template(statement), template(statement), AppSecretArn="arn:other")
    assert [(change.granted, change.resource) for change in found] == [
        (True, "arn:other"),
        (False, KNOWN["AppSecretArn"]),
    ]


def test_what_only_cloudformation_knows_stays_a_reference():
    queue = {"Type": "AWS::SQS::Queue", "Properties": {}}
    after = template(allow("sqs:SendMessage", {"Fn::GetAtt": ["Jobs", "Arn"]}), Jobs=queue)
    assert [change.resource for change in changes(template(), after)] == ["${Jobs.Arn}"]


def test_a_new_condition_is_told_as_a_permission_that_comes_and_one_that_goes():
    condition = {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    before, after = (
        template(allow("xray:PutTraceSegments", "*")),
        template(allow("xray:PutTraceSegments", "*", Condition=condition)),
    )
    come, go = changes(before, after)
    assert (come.granted, json.loads(come.condition)) == (
        True,
        {"StringEquals": {"aws:ResourceAccount": "123456789012"}},
    )
    assert (go.granted, go.condition) == (False, None)


def test_who_may_take_the_role_is_a_permission_too():
    role = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}
    after = template()
    after["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"] = role
    come, go = changes(template(), after)
    assert (come.to, come.action, come.resource) == ("*", "sts:AssumeRole", "the role Role")
    assert (go.granted, go.to) == (False, "lambda.amazonaws.com")


def test_a_managed_policy_is_named():
    after = template()
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    after["Resources"]["Role"]["Properties"]["ManagedPolicyArns"] = [arn]
    (come,) = changes(template(), after)
    assert (come.action, come.resource) == ("everything in the managed policy", arn)


def test_everything_but_is_told_as_such():
    statement = {"Effect": "Deny", "NotAction": ["s3:GetObject"], "NotResource": "arn:aws:s3:::a"}
    (come,) = changes(template(), template(statement))
    assert (come.effect, come.action, come.resource) == (
        "Deny",
        "everything but s3:GetObject",
        "everything but arn:aws:s3:::a",
    )


def test_who_may_invoke_the_function_is_told_with_the_source_that_it_is_for():
    permission = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": {"Ref": "Alias"},
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*/$default"},
    }
    after = template(ApiPermission={"Type": "AWS::Lambda::Permission", "Properties": permission})
    (come,) = changes(template(), after)
    assert (come.to, come.action, come.resource) == ("apigateway.amazonaws.com", "lambda:InvokeFunction", "${Alias}")
    assert json.loads(come.condition) == {
        "aws:SourceArn": "arn:aws:execute-api:eu-west-1:123456789012:${Api}/*/$default"
    }


def test_a_new_stack_grants_all_and_a_deleted_one_takes_all_back():
    whole = template(allow("s3:GetObject", "*"))
    assert [change.granted for change in changes(None, whole)] == [True, True]
    assert [change.granted for change in changes(whole, None)] == [False, False]


def test_who_may_send_to_a_queue_is_told_with_the_source_that_it_is_for():
    only = {"ArnEquals": {"aws:SourceArn": ["arn:aws:sns:eu-west-1:123456789012:prices"]}}
    sender = allow("sqs:SendMessage", "arn:aws:sqs:eu-west-1:123456789012:failed", Condition=only)
    document = {"Statement": [{**sender, "Principal": {"Service": "sns.amazonaws.com"}}]}
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"Queues": [], "PolicyDocument": document}}
    assert changes(template(), template(Policy=policy)) == (
        PermissionChange(
            granted=True,
            to="sns.amazonaws.com",
            effect="Allow",
            action="sqs:SendMessage",
            resource="arn:aws:sqs:eu-west-1:123456789012:failed",
            condition=json.dumps(only),
        ),
    )
