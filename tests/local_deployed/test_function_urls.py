"""The URL of a function answers under its own host, for everybody or for those who sign."""

from __future__ import annotations

import json

import httpx
import pytest
from background import eventually
from deployed_apis import SHOW_EVENT, Sender
from deployed_functions import RUNTIME

from fastlambda_cli.local.http.function_url import PAYLOADS
from fastlambda_cli.local.model import HttpExchange, InvocationReported, Notice

ORIGIN = "http://localhost:3000"
FORBIDDEN = {
    "Message": "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
}
ACTIONS = ("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")


@pytest.fixture
def url(aws, client, show_event, unique):
    """`url(source)` makes a URL that everybody may use; returns what sends requests to it.

    Without a source it is that of an alias, of a function that all tests share.
    """

    def make(source=None, *, auth="NONE", allowed=ACTIONS, **settings):
        called = {"FunctionName": show_event.rpartition(":")[0], "Qualifier": unique("alias")}
        if source:
            called = {"FunctionName": aws.create(source)}
        else:
            aws.lambda_.create_alias(FunctionName=called["FunctionName"], Name=called["Qualifier"], FunctionVersion="1")
        made = aws.lambda_.create_function_url_config(AuthType=auth, **called, **settings)
        for action in allowed:
            condition = {"FunctionUrlAuthType": auth} if action.endswith("Url") else {"InvokedViaFunctionUrl": True}
            statement = f"{action[7:]}-{unique('to')}"
            aws.lambda_.add_permission(StatementId=statement, Action=action, Principal="*", **condition, **called)
        sender = Sender(aws, client, made["FunctionUrl"])
        sender.called = called
        sender.made = made
        return sender

    return make


def test_the_url_is_a_name_under_localhost_at_the_front_doors_port_wherever_it_is_asked_for(aws, url):
    asked = url()
    port = aws.aws.endpoint_url.rpartition(":")[2]

    assert asked.url == f"http://{asked.id}.lambda-url.localhost:{port}/"
    assert aws.lambda_.get_function_url_config(**asked.called)["FunctionUrl"] == asked.url
    listed = aws.lambda_.list_function_url_configs(FunctionName=asked.called["FunctionName"])["FunctionUrlConfigs"]
    assert asked.url in [each["FunctionUrl"] for each in listed]


def test_a_request_reaches_the_function_as_payload_format_2(aws, url):
    asked = url()
    aws.told.clear()

    answer = asked("POST", "/books/7?a=1&a=2", json={"title": "Momo"}, headers={"cookie": "a=1"})

    event = answer.json()["event"]
    context = event["requestContext"]
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/books/7")
    assert (event["queryStringParameters"], event["cookies"]) == ({"a": "1,2"}, ["a=1"])
    assert json.loads(event["body"]) == {"title": "Momo"}
    assert (context["accountId"], context["apiId"], context["domainPrefix"]) == ("anonymous", asked.id, asked.id)
    assert (context["domainName"], context["stage"]) == (f"{asked.id}.lambda-url.localhost", "$default")
    assert "authorizer" not in context
    assert answer.headers["x-amzn-requestid"] == context["requestId"]
    reported = eventually(lambda: aws.heard(InvocationReported))[0]
    exchange = eventually(lambda: aws.heard(HttpExchange))[0]
    assert reported.request_id == exchange.request_id == context["requestId"]
    assert exchange.api_id is None


def test_the_url_of_an_alias_reaches_its_version(url):
    asked = url()

    answer = asked("GET").json()

    assert answer["version"] == "1"
    assert answer["arn"] == asked.made["FunctionArn"] == ":".join(asked.called.values())


@pytest.mark.parametrize("allowed", [(), ACTIONS[:1], ACTIONS[1:]])
def test_both_permissions_are_needed(aws, url, allowed):
    aws.told.clear()
    (missing, *_) = [action for action in ACTIONS if action not in allowed]

    answer = url(allowed=allowed)("GET")

    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert any(f"its policy does not allow {missing} to everybody" in notice.text for notice in aws.heard(Notice))


def test_an_unknown_url_is_forbidden(url):
    answer = url()("GET", host="nobody.lambda-url.localhost")

    assert (answer.status_code, answer.json()) == (403, {"Message": None})


def test_a_deleted_url_is_forbidden_at_once(aws, url):
    asked = url()
    assert asked("GET").status_code == 200

    aws.lambda_.delete_function_url_config(**asked.called)

    assert asked("GET").status_code == 403


def test_a_function_that_fails_is_502(url):
    answer = url("def handler(event, context): raise LookupError('no such book')")("GET")

    assert (answer.status_code, answer.text) == (502, "Internal Server Error")


def test_a_throttled_function_is_429(aws, url):
    asked = url(SHOW_EVENT)
    aws.lambda_.put_function_concurrency(**asked.called, ReservedConcurrentExecutions=0)

    assert asked("GET").status_code == 429


RETURNED = {
    '{"title": "Momo", "pages": [1, 2]}': '{"title":"Momo","pages":[1,2]}',
    '"Momo"': "Momo",
    "3.1": "3.1",
    "null": "null",
    "no JSON": "no JSON",
}


@pytest.mark.parametrize(("returned", "body"), RETURNED.items(), ids=RETURNED)
def test_an_answer_without_a_status_is_the_body_without_spaces(returned, body):
    answer = PAYLOADS.answer(returned.encode())

    assert (answer.status, answer.headers, answer.body) == (200, (("content-type", "application/json"),), body.encode())


def test_more_than_6_mb_are_refused(url):
    assert url()("POST", content=b"x" * (6 * 1024 * 1024 + 1)).status_code == 413


def test_configured_cors_answers_preflights_and_keeps_what_it_does_not_set(url):
    source = """
        def handler(event, context):
            headers = {"access-control-allow-origin": "the app", "access-control-allow-private-network": "true"}
            return {"statusCode": 200, "headers": headers}
    """
    cors = {"AllowOrigins": [ORIGIN], "AllowMethods": ["GET"], "MaxAge": 5}
    asked = url(source, Cors=cors)

    preflight = asked("OPTIONS", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})
    answer = asked("GET", headers={"Origin": ORIGIN})

    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (200, "GET")
    assert answer.headers.get_list("access-control-allow-origin") == [ORIGIN]
    assert answer.headers["access-control-allow-private-network"] == "true"


STREAMS = {"InvokeMode": "RESPONSE_STREAM"}


def test_a_url_that_streams_interprets_nothing_of_what_a_function_returns_that_does_not(url):
    answer = url('def handler(event, context): return {"statusCode": 404, "body": "no"}', **STREAMS)("GET")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {"statusCode": 404, "body": "no"}


def test_a_url_that_streams_says_as_any_other_that_the_function_fails_or_is_throttled(aws, url):
    asked = url("def handler(event, context): raise LookupError('no such book')", **STREAMS)
    failed = asked("GET")
    aws.lambda_.put_function_concurrency(**asked.called, ReservedConcurrentExecutions=0)

    assert (failed.status_code, failed.text) == (502, "Internal Server Error")
    assert asked("GET").status_code == 429


def test_a_url_that_streams_is_for_those_who_may(url):
    assert url(auth="AWS_IAM", **STREAMS)("GET").status_code == 403
    assert url(allowed=(), **STREAMS)("GET").status_code == 403


def test_pages_of_other_sites_are_refused(url):
    assert url()("POST", headers={"Origin": "https://evil.example"}).status_code == 403


FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": RUNTIME,
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/books",
        "Code": {"ZipFile": "import os\ndef handler(event, context): return os.environ.get('OTHER', 'no other')"},
    },
}
TEMPLATE = {
    "Resources": {
        "Function": FUNCTION,
        "Url": {
            "Type": "AWS::Lambda::Url",
            "Properties": {"AuthType": "NONE", "TargetFunctionArn": {"Fn::GetAtt": ["Function", "Arn"]}},
        },
        "Permission": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunctionUrl",
                "FunctionName": {"Ref": "Function"},
                "FunctionUrlAuthType": "NONE",
                "Principal": "*",
            },
        },
        "PermissionToInvoke": {
            "Type": "AWS::Lambda::Permission",
            "Properties": {
                "Action": "lambda:InvokeFunction",
                "FunctionName": {"Ref": "Function"},
                "InvokedViaFunctionUrl": True,
                "Principal": "*",
            },
        },
        "Caller": {
            **FUNCTION,
            "Properties": {
                **FUNCTION["Properties"],
                "Environment": {"Variables": {"OTHER": {"Fn::GetAtt": ["Url", "FunctionUrl"]}}},
            },
        },
    },
    "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["Url", "FunctionUrl"]}}, "Caller": {"Value": {"Ref": "Caller"}}},
}


def test_what_cloudformation_makes_is_served_and_other_functions_are_told_the_url(aws, client):
    """The stack's name begins as a path about URLs does, which the emulator takes requests about its functions for."""
    stacks = aws.client("cloudformation")
    stacks.create_stack(StackName="urls", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"])
    stacks.get_waiter("stack_create_complete").wait(StackName="urls", WaiterConfig={"Delay": 0.1})
    outputs = stacks.describe_stacks(StackName="urls")["Stacks"][0]["Outputs"]
    made = {output["OutputKey"]: output["OutputValue"] for output in outputs}

    assert Sender(aws, client, made["Url"])("GET").text == "no other"
    assert aws.invoke(made["Caller"]) == made["Url"]
    assert httpx.URL(made["Url"]).host.endswith(".lambda-url.localhost")
