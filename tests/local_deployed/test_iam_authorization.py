"""Routes and function URLs with `AWS_IAM`: whoever signs as AWS's SDKs do, and may do it, passes."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
from access_keys import NOBODYS, Signed
from background import eventually
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from deployed_apis import ACCOUNT, Sender, make_api

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.model import HttpExchange

API, URL = "execute-api", "lambda"
SERVICES = [API, URL]
MAY = {
    service: json.dumps({"Statement": {"Effect": "Allow", "Action": actions, "Resource": resource}})
    for service, actions, resource in (
        (API, "execute-api:Invoke", f"arn:aws:execute-api:us-east-1:{ACCOUNT}:*/$default/GET/*"),
        (URL, ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "*"),
    )
}
FORBIDDEN = {API: {"message": "Forbidden"}, URL: {"Message": "Forbidden"}}


@pytest.fixture(scope="module")
def doors(aws, client, show_event):
    """An HTTP API and a function URL for those who sign, by the service that they sign for."""
    called = {"FunctionName": show_event.rpartition(":")[0], "Qualifier": "live"}
    made = aws.lambda_.create_function_url_config(AuthType="AWS_IAM", **called)
    api = make_api(aws, client, show_event, route={"AuthorizationType": "AWS_IAM"})
    return {API: api, URL: Sender(aws, client, made["FunctionUrl"])}


@pytest.fixture(params=SERVICES)
def service(request):
    return request.param


@pytest.fixture
def door(doors, service):
    return doors[service]


@pytest.fixture
def refused(door, service):
    """`refused(answer)` is why: a function URL tells its client, of an HTTP API only the log does."""

    def text(answer):
        assert answer.status_code == 403, answer.text
        if service == URL:
            assert answer.headers["x-amzn-errortype"] in {"InvalidSignatureException", "UnrecognizedClientException"}
            return answer.json()["message"]
        assert answer.json() == FORBIDDEN[API]
        named = answer.headers["apigw-requestid"]
        heard = eventually(lambda: [one for one in door.aws.heard(HttpExchange) if one.api_request_id == named])
        return heard[0].error

    return text


def signature(aws, service, method, url, body=None):
    """The headers of a request that is signed for a URL, to be sent with whatever else."""
    request = httpx.Request(method, url, content=body)
    next(Signed(aws.aws.keys, service).auth_flow(request))
    return {name: request.headers[name] for name in ("authorization", "x-amz-date")}


def presigned(door, service, keys):
    """The path and the query of a URL that is good for a minute."""
    request = AWSRequest("GET", f"{door.url.rstrip('/')}/books?author=Ende")
    credentials = Credentials(keys.access_key_id, keys.secret_access_key, keys.session_token)
    SigV4QueryAuth(credentials, service, "us-east-1", expires=60).add_auth(request)
    return f"/{request.url.removeprefix('http://').partition('/')[2]}"


def test_without_a_signature_it_is_forbidden(door, service):
    for headers in ({}, {"authorization": "Bearer token"}):
        answer = door("GET", headers=headers)

        assert (answer.status_code, answer.json()) == (403, FORBIDDEN[service])


@pytest.mark.parametrize(
    "request_", [("GET", "/books/%C3%A4 b?a=2&a=1&c="), ("POST", "/", {"json": {"title": "Momo"}})], ids=["GET", "POST"]
)
def test_the_holder_of_the_key_passes_and_is_named(aws, door, service, request_):
    method, path, body = (*request_, {})[:3]

    context = door.event(method, path, auth=Signed(aws.aws.keys, service), **body)["requestContext"]

    assert context["accountId"] == ACCOUNT
    assert context["authorizer"]["iam"] == {
        "accessKey": aws.aws.keys.access_key_id,
        "accountId": ACCOUNT,
        "callerId": ACCOUNT,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT}:root",
        "userId": ACCOUNT,
    }


def test_the_session_of_a_role_signs_with_its_token(aws, door, service, unique):
    role = unique("reader")
    aws.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="may", PolicyDocument=MAY[service])
    assumed = aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="momo")
    given = assumed["Credentials"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    caller = door.event("GET", auth=Signed(keys, service))["requestContext"]["authorizer"]["iam"]

    assert (caller["accessKey"], caller["userArn"]) == (keys.access_key_id, assumed["AssumedRoleUser"]["Arn"])
    assert caller["userId"] == caller["callerId"] == assumed["AssumedRoleUser"]["AssumedRoleId"]
    without = replace(keys, session_token=None)
    assert door("GET", auth=Signed(without, service)).status_code == 403


def test_a_role_of_another_account_is_named_with_that(aws, door, service):
    other = "arn:aws:iam::123456789012:role/any"
    given = aws.client("sts").assume_role(RoleArn=other, RoleSessionName="momo")["Credentials"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    context = door.event("GET", auth=Signed(keys, service))["requestContext"]

    assert (context["accountId"], context["authorizer"]["iam"]["accountId"]) == (ACCOUNT, "123456789012")


def test_a_user_of_iam_is_named(aws, door, service, unique):
    user = aws.client("iam").create_user(UserName=unique("momo"))["User"]
    given = aws.client("iam").create_access_key(UserName=user["UserName"])["AccessKey"]
    keys = Keys(given["AccessKeyId"], given["SecretAccessKey"])
    denied = door("GET", "/books", auth=Signed(keys, service))
    aws.client("iam").put_user_policy(UserName=user["UserName"], PolicyName="may", PolicyDocument=MAY[service])

    assert (denied.status_code, denied.json()[next(iter(FORBIDDEN[service]))][:9]) == (403, "Forbidden")
    caller = door.event("GET", auth=Signed(keys, service))["requestContext"]["authorizer"]["iam"]

    assert (caller["userArn"], caller["userId"]) == (user["Arn"], user["UserId"])


def test_a_presigned_url_needs_no_headers(aws, door, service):
    path = presigned(door, service, aws.aws.keys)

    assert door.event("GET", path)["queryStringParameters"]["author"] == "Ende"
    assert door("GET", path.replace("Ende", "Preu%C3%9Fler")).status_code == 403


def test_a_presigned_url_does_not_sign_bodies(aws, door, service):
    url = presigned(door, service, aws.aws.keys)

    assert door("GET", url, content=b"a body").status_code == 403


@pytest.mark.parametrize("body", [None, b"{}"], ids=["no body", "a body"])
def test_a_wrong_secret(aws, door, service, refused, body):
    guessed = replace(aws.aws.keys, secret_access_key="a guess")

    answer = door("POST", auth=Signed(guessed, service), content=body)

    assert refused(answer).startswith("The request signature we calculated does not match the signature you provided.")


def test_an_unknown_key(door, service, refused):
    answer = door("GET", auth=Signed(NOBODYS, service))

    assert refused(answer).startswith("The security token included in the request is invalid.")


def test_a_body_that_was_changed_on_its_way(aws, door, service, refused):
    headers = signature(aws, service, "POST", door.url, b"as it was")

    assert "does not match" in refused(door("POST", headers=headers, content=b"as it is."))
    assert door("POST", headers=headers, content=b"as it was").status_code == 200


def test_another_service_or_region(aws, door, service, refused):
    other = next(other for other in SERVICES if other != service)

    assert f"correct service: '{service}'" in refused(door("GET", auth=Signed(aws.aws.keys, other)))
    abroad = Signed(aws.aws.keys, service, "eu-central-1")
    assert "a valid region, not 'eu-central-1'" in refused(door("GET", auth=abroad))


def test_another_host(aws, door, service, refused):
    headers = signature(aws, service, "GET", "http://elsewhere.localhost/")

    assert "does not match" in refused(door("GET", headers=headers))
