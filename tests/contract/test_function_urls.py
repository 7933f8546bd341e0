"""Function URLs: who may use them, the event, and the answer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from access_keys import Signed
from contract_facts import fact

AREA = "Function URL"
INVOKING = "Lambda Developer Guide, “Invoking Lambda function URLs”"
CREATING = "Lambda Developer Guide, “Creating and managing Lambda function URLs”"
ACCESS = "Lambda Developer Guide, “Control access to Lambda function URLs”"
RECORDED = "LocalStack's AWS-validated snapshots, `TestLambdaURL`"
ORIGIN = "http://localhost:3000"


@pytest.fixture(scope="module")
def url(cloud):
    return cloud.url(cloud.new_function("http_answers"))


@pytest.fixture
def answered(url):
    return lambda returned: url.send("GET", headers={"x-answer": json.dumps(returned)})


@fact(AREA, "The event is of version 2.0, for the account `anonymous`, with the URL's id as `apiId`.", RECORDED)
def test_the_event_is_of_version_2(url):
    shown = url.send("PUT", "/books/7?a=1&a=2").json()
    context = shown["requestContext"]

    assert (shown["version"], shown["routeKey"], shown["queryStringParameters"]) == ("2.0", "$default", {"a": "1,2"})
    assert (context["accountId"], context["apiId"], context["domainPrefix"]) == ("anonymous", url.id, url.id)
    assert (context["http"]["method"], context["http"]["path"]) == ("PUT", "/books/7")


@fact(AREA, "The answer's `x-amzn-RequestId` is the invocation's request id.", RECORDED)
def test_the_answer_names_the_invocation(url):
    answer = url.send("GET")

    assert answer.headers["x-amzn-requestid"] == answer.json()["requestContext"]["requestId"]


@fact(
    AREA,
    "The URL is `https://ID.lambda-url.REGION.on.aws/`.",
    INVOKING,
    differs="`http://ID.lambda-url.localhost:PORT/`",
)
def test_the_url_is_local(url):
    assert ".lambda-url.localhost:" in url.url


@fact(AREA, "`statusCode`, `headers`, `cookies` and `body` are the response's; the status may be a string.", RECORDED)
def test_a_formatted_answer_is_the_urls_response(answered):
    answer = answered({"statusCode": "418", "headers": {"X-Shelf": "7"}, "cookies": ["a=1", "b=2"], "body": "tea"})

    assert (answer.status_code, answer.headers["x-shelf"], answer.text) == (418, "7", "tea")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


@fact(AREA, "An object without `statusCode` is the body, as JSON without spaces.", RECORDED)
def test_an_object_is_the_body_without_spaces(answered):
    answer = answered({"title": "Momo"})

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.text == '{"title":"Momo"}'


@fact(AREA, "A string that is returned is the answer's body without its quotes.", RECORDED)
def test_a_string_is_the_body_of_a_url(answered):
    assert answered("Momo").text == "Momo"


@fact(AREA, "A function that fails is 502 `Internal Server Error`.", RECORDED)
def test_a_function_error_is_502(url):
    answer = url.send("GET", headers={"x-answer": "raise"})

    assert (answer.status_code, answer.text) == (502, "Internal Server Error")


@fact(AREA, "With auth type NONE and no permission for everybody it is 403 `AccessDeniedException`.", ACCESS)
def test_without_a_permission_it_is_403(cloud):
    answer = cloud.url(cloud.new_function("http_answers"), allowed=()).send("GET")

    assert answer.status_code == 403
    assert answer.headers["x-amzn-errortype"] == "AccessDeniedException"
    assert answer.json()["Message"].startswith("Forbidden")


@fact(AREA, "`lambda:InvokeFunctionUrl` alone is not enough: `lambda:InvokeFunction` is needed too.", ACCESS)
def test_both_permissions_are_needed(cloud):
    url = cloud.url(cloud.new_function("http_answers"), allowed=("lambda:InvokeFunctionUrl",))

    assert url.send("GET").status_code == 403


@fact(AREA, "With auth type AWS_IAM, a request that is not signed is 403.", ACCESS)
def test_an_unsigned_request_is_403(cloud):
    answer = cloud.url(cloud.new_function("http_answers"), auth="AWS_IAM", allowed=()).send("GET")

    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


@fact(
    AREA,
    "A signature that is wrong is 403 `InvalidSignatureException`, as at Lambda's API.",
    "AWS re:Post, “POST request to presigned AWS Lambda Function URL with unsigned payload”",
)
def test_a_wrong_signature_is_refused_as_by_lambdas_api(cloud):
    guessed = Signed(replace(cloud.signing, secret_access_key="a guess"), "lambda", cloud.region)

    answer = cloud.url(cloud.new_function("http_answers"), auth="AWS_IAM", allowed=()).send("GET", auth=guessed)

    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")
    assert answer.json()["message"].startswith("The request signature we calculated does not match")


@fact(AREA, "The event of a URL names who has signed it, as that of an HTTP API does.", INVOKING)
def test_who_has_signed_is_in_the_event_of_a_url(cloud):
    signed = Signed(cloud.signing, "lambda", cloud.region)

    answer = cloud.url(cloud.new_function("http_answers"), auth="AWS_IAM", allowed=()).send("GET", auth=signed)

    caller = answer.json()["requestContext"]["authorizer"]["iam"]
    assert caller["accessKey"] == cloud.signing.access_key_id
    assert caller["userArn"] == cloud.client("sts").get_caller_identity()["Arn"]


@fact(AREA, "A function whose reserved concurrency is 0 answers 429.", CREATING)
def test_a_throttled_function_is_429(cloud):
    name = cloud.new_function("http_answers")
    url = cloud.url(name)
    cloud.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)

    assert url.send("GET").status_code == 429


@fact(AREA, "With CORS configured, preflights are answered and the configured headers take precedence.", CREATING)
def test_configured_cors_takes_precedence(cloud):
    url = cloud.url(cloud.new_function("http_answers"), Cors={"AllowOrigins": [ORIGIN], "AllowMethods": ["GET"]})

    preflight = url.send("OPTIONS", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "GET"})
    answer = url.send("GET", headers={"Origin": ORIGIN})

    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (200, "GET")
    assert answer.headers.get_list("access-control-allow-origin") == [ORIGIN]
