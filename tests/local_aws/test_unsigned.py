"""What AWS answers without a signature is answered so here, and nothing passes for it."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from checked_door import NOT_AWS, RESPONSE_URL
from no_tls import NO_TLS


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("cognito-idp", "sign_up", {"ClientId": "app", "Username": "emma", "Password": "Secret-1"}),
        ("cognito-idp", "initiate_auth", {"ClientId": "app", "AuthFlow": "USER_PASSWORD_AUTH"}),
        ("cognito-identity", "get_id", {"IdentityPoolId": "us-east-1:1"}),
        (
            "sts",
            "assume_role_with_web_identity",
            {"RoleArn": "arn:aws:iam::000000000000:role/web", "RoleSessionName": "emma", "WebIdentityToken": "token"},
        ),
    ],
)
def test_operations_that_sdks_do_not_sign_are_let_through(door, service, operation, parameters):
    with door.client(service, None) as client, contextlib.suppress(*NOT_AWS):
        getattr(client, operation)(**parameters)

    assert len(door.taken) == 1


@pytest.mark.parametrize(
    ("method", "path", "headers", "body"),
    [
        ("POST", "/2015-03-31/functions/books/invocations", {"X-Amz-Target": "AWSCognitoIdentityService.GetId"}, b"{}"),
        ("POST", "/?Action=ListUsers", {"X-Amz-Target": "AWSCognitoIdentityService.GetId"}, b"{}"),
        ("POST", "/", {"X-Amz-Target": "AWSCognitoIdentityProviderService.ListUsers"}, b"{}"),
        ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=ListUsers"),
        (
            "POST",
            "/",
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Action=AssumeRoleWithWebIdentity&Action=ListUsers",
        ),
        ("GET", "/?Action=ConfirmSubscription&Action=ListTopics", {}, b""),
        ("GET", "/?Action=ConfirmSubscription", {"Host": "books.localhost"}, b""),
        ("GET", "/?Action=ListTopics", {}, b""),
        ("GET", "/?Action=Unsubscribe&X-Amz-Credential=a/20261128/us-east-1/iam/aws4_request", {}, b""),
        ("POST", "/login", {"X-Amz-Target": "Logs_20140328.GetLogEvents"}, b"{}"),
        ("GET", "/books/.well-known/jwks.json", {}, b""),
        ("GET", "/_ministack/lambda-code/000000000000/us-east-1/books", {}, b""),
        ("GET", "/v2/books/manifests/one", {"Authorization": "Basic QVdTOm1pbmlzdGFjay1hdXRoLXRva2Vu"}, b""),
        ("GET", "/v2/apis", {}, b""),
        ("PUT", f"{RESPONSE_URL}?Action=ListUsers", {}, b"{}"),
        ("PUT", f"{RESPONSE_URL}/more", {}, b"{}"),
        ("PUT", RESPONSE_URL, {"Host": "books.localhost"}, b"{}"),
        ("PUT", RESPONSE_URL, {"Authorization": "Credential=a/20261128/us-east-1/xray/aws4_request"}, b"{}"),
        ("PUT", RESPONSE_URL, {"X-Amz-Target": "secretsmanager.ListSecrets"}, b"{}"),
        ("POST", RESPONSE_URL, {}, b"{}"),
        ("PUT", "/_ministack/cfn-response/1", {}, b"{}"),
    ],
)
def test_nothing_else_passes_for_one_of_them(door, method, path, headers, body):
    kind = {"Content-Type": "application/x-amz-json-1.1"} if "X-Amz-Target" in headers else {}

    answer = httpx.request(method, door.url + path, headers=kind | headers, content=body, verify=NO_TLS)

    assert answer.status_code in {400, 401, 403}
    assert door.taken == []


@pytest.mark.parametrize(
    "more",
    [
        [("X-Amz-Target", "secretsmanager.ListSecrets")],
        [("Authorization", "")],
        [("Authorization", ""), ("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261128/us-east-1/iam/aws4_request")],
    ],
)
def test_a_public_operation_with_something_to_mistake_it_by_has_to_be_signed(door, more):
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "AWSCognitoIdentityService.GetId")]

    answer = httpx.post(door.url, headers=[*headers, *more], content=b"{}", verify=NO_TLS)

    assert (answer.status_code, door.taken) == (400, [])


def test_a_url_of_version_2_is_good_for_s3_alone(door):
    with door.client("s3") as client:
        url = client.generate_presigned_url("get_object", {"Bucket": "books", "Key": "emma"})

    answer = httpx.get(f"{url}&Action=ListUsers", verify=NO_TLS)

    assert (answer.status_code, door.taken) == (400, [])


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/health",
        "/us-east-1_AbC123/.well-known/jwks.json",
        "/oauth2/authorize?client_id=app",
        "/?Action=ConfirmSubscription&TopicArn=arn&Token=secret",
    ],
)
def test_pages_and_links_that_are_public_on_aws_are_public(door, path):
    assert httpx.get(door.url + path, verify=NO_TLS).status_code == 200


def test_the_answer_of_a_custom_resource_is_not_signed(door):
    answer = httpx.put(door.url + RESPONSE_URL, content=b"{}", verify=NO_TLS)

    assert (answer.status_code, door.taken) == (200, [b"{}"])


# Other keys
