"""Requests that their key has not signed are refused as each of AWS's protocols refuses them, and boto3 understands."""

from __future__ import annotations

import asyncio
import contextlib
import io
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from checked_door import CALLS, NOT_AWS, USER, Nobody
from no_tls import NO_TLS

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.signatures.body import Body
from fastlambda_cli.local.aws.signatures.faults import TOO_LARGE, RefusedRequest
from fastlambda_cli.local.aws.signatures.keyring import Keyring
from fastlambda_cli.local.aws.signatures.registry import RegistryLogin


@pytest.mark.parametrize("service", CALLS)
def test_what_the_key_has_signed_is_let_through(door, service):
    with door.client(service) as client, contextlib.suppress(*NOT_AWS):
        CALLS[service](client)

    assert len(door.taken) == 1


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("dynamodb", (400, "InvalidSignatureException")),
        ("secretsmanager", (400, "InvalidSignatureException")),
        ("sqs", (403, "SignatureDoesNotMatch")),
        ("lambda", (403, "InvalidSignatureException")),
        ("sts", (403, "SignatureDoesNotMatch")),
        ("ec2", (401, "AuthFailure")),
        ("route53", (403, "SignatureDoesNotMatch")),
        ("s3", (403, "SignatureDoesNotMatch")),
    ],
)
def test_a_wrong_secret(door, service, wanted):
    assert door.error_of(service, replace(USER, secret_access_key="a guess")) == wanted
    assert door.taken == []


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("dynamodb", (400, "UnrecognizedClientException")),
        ("sqs", (403, "InvalidClientTokenId")),
        ("lambda", (403, "UnrecognizedClientException")),
        ("sts", (403, "InvalidClientTokenId")),
        ("ec2", (401, "AuthFailure")),
        ("s3", (403, "InvalidAccessKeyId")),
    ],
)
@pytest.mark.parametrize("access_key_id", ["test", "123456789012", "AKIAIOSFODNN7EXAMPLE"])
def test_an_unknown_key(door, service, access_key_id, wanted):
    assert door.error_of(service, Keys(access_key_id, "test")) == wanted
    assert door.taken == []


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("dynamodb", (400, "MissingAuthenticationTokenException")),
        ("lambda", (403, "MissingAuthenticationTokenException")),
        ("sts", (403, "MissingAuthenticationToken")),
        ("s3", (403, "AccessDenied")),
    ],
)
def test_no_signature(door, service, wanted):
    assert door.error_of(service, signature_version=UNSIGNED) == wanted
    assert door.taken == []


@pytest.mark.parametrize("minutes", [20, -20])
@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("dynamodb", (400, "InvalidSignatureException")),
        ("lambda", (403, "InvalidSignatureException")),
        ("sts", (403, "SignatureDoesNotMatch")),
        ("ec2", (400, "RequestExpired")),
        ("s3", (403, "RequestTimeTooSkewed")),
    ],
)
def test_a_signature_of_another_time(door, service, minutes, wanted):
    door.later = timedelta(minutes=minutes)

    assert door.error_of(service) == wanted
    assert door.taken == []


def test_five_minutes_are_too_many_and_four_are_not(door):
    door.later = timedelta(minutes=4)
    with door.client("dynamodb") as client:
        client.list_tables()
    door.later = timedelta(minutes=6)
    with door.client("dynamodb") as client, pytest.raises(ClientError, match=r"Signature expired: .* - 5 min\."):
        client.list_tables()


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("secretsmanager", (400, "InvalidSignatureException")),
        ("lambda", (403, "InvalidSignatureException")),
        ("s3", (400, "XAmzContentSHA256Mismatch")),
    ],
)
def test_a_body_that_was_changed_on_its_way(door, service, wanted):
    def change(request, **_):
        body = request.body if isinstance(request.body, bytes) else request.body.read()
        request.body = body.replace(b"as it was", b"as it is.")

    assert door.error_of(service, tamper=change) == wanted
    assert door.taken == []


@pytest.mark.parametrize("name", ["X-Amz-Target", "X-Amz-Date", "Host"])
def test_a_signed_header_that_was_changed(door, name):
    def change(request, **_):
        other = {"X-Amz-Target": "DynamoDB_20120810.DeleteTable", "X-Amz-Date": "20200101T000000Z", "Host": "localhost"}
        request.headers[name] = other[name]

    code = "IncompleteSignatureException" if name == "X-Amz-Date" else "InvalidSignatureException"
    assert door.error_of("dynamodb", tamper=change) == (400, code)


def test_a_header_that_was_added(door):
    def add(request, **_):
        request.headers["X-Amz-Invocation-Type"] = "Event"

    assert door.error_of("lambda", tamper=add) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS4-HMAC-SHA256 Credential=a/b/us-east-1/dynamodb/x", "IncompleteSignatureException"),
        ("AWS4-HMAC-SHA256", "IncompleteSignatureException"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a/20261128/dynamodb/aws4_request", "IncompleteSignatureException"),
        ("Bearer token", "IncompleteSignatureException"),
        ("", "IncompleteSignatureException"),
    ],
)
def test_what_is_no_signature_of_version_4(door, authorization, code):
    def change(request, **_):
        request.headers["Authorization"] = authorization

    assert door.error_of("dynamodb", tamper=change) == (400, code)


def test_asymmetric_signatures_are_refused_by_name(door):
    headers = {"authorization": "AWS4-ECDSA-P256-SHA256 Credential=a/20261128/s3/aws4_request"}

    answer = httpx.get(f"{door.url}/2015-03-31/functions", headers=headers, verify=NO_TLS)

    assert "not of AWS4-ECDSA-P256-SHA256" in answer.json()["message"]


def test_a_form_for_s3_is_refused_by_name(door):
    with door.client("s3") as client:
        form = client.generate_presigned_post("books", "emma")

    answer = httpx.post(form["url"], data=form["fields"], files={"file": b"text"}, verify=NO_TLS)

    assert (answer.status_code, "<Code>InvalidRequest</Code>" in answer.text) == (400, True)
    assert "signed policy" in answer.text


def test_the_refusal_says_where_keys_come_from(door):
    with door.client("sts", Keys("test", "test")) as client, pytest.raises(ClientError, match="`fastlambda env`"):
        client.get_caller_identity()


def test_a_refusal_in_cbor_is_what_its_parser_reads(door):
    headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
    url = f"{door.url}/service/GraniteServiceVersion20100801/operation/ListMetrics"
    answer = httpx.post(url, content=b"\xa0", headers=headers, verify=NO_TLS)
    model = ServiceModel(create_loader().load_service_model("cloudwatch", "service-2"), "cloudwatch")
    response = {"status_code": answer.status_code, "headers": answer.headers, "body": answer.content, "context": {}}

    parsed = create_parser("smithy-rpc-v2-cbor").parse(response, model.operation_model("ListMetrics").output_shape)

    assert (answer.status_code, parsed["Error"]["Code"]) == (400, "MissingAuthenticationTokenException")
    assert "fastlambda env" in parsed["Error"]["Message"]


# Presigned URLs

VERSION_2, VERSION_4 = {}, {"signature_version": "s3v4"}


@pytest.mark.parametrize("version", [VERSION_2, VERSION_4], ids=["version 2, as boto3 does", "version 4"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_a_presigned_url_is_good_for_what_it_was_signed_for(door, version, style):
    parameters = {"Bucket": "books", "Key": "emma & emil/ä+1.txt", "VersionId": "7"}
    with door.client("s3", s3={"addressing_style": style}, **version) as client:
        url = client.generate_presigned_url("get_object", parameters, ExpiresIn=60)
    url, host = url.replace("books.127.0.0.1", "127.0.0.1"), "books.localhost" if style == "virtual" else None

    other = url.replace("emma", "emil")
    if host is None:
        assert httpx.get(url, verify=NO_TLS).status_code == 200
    assert "SignatureDoesNotMatch" in httpx.get(other, verify=NO_TLS).text
    assert "SignatureDoesNotMatch" in httpx.delete(url, verify=NO_TLS).text
    door.later = timedelta(seconds=61)
    expired = httpx.get(url, verify=NO_TLS)
    assert (expired.status_code, "<Code>AccessDenied</Code>" in expired.text) == (403, True)
    assert "Request has expired" in expired.text


@pytest.mark.parametrize("version", [VERSION_2, VERSION_4], ids=["version 2", "version 4"])
def test_an_upload_to_a_presigned_url_needs_no_hash_and_keeps_its_content_type(door, version):
    parameters = {"Bucket": "books", "Key": "emma", "ContentType": "text/plain"}
    with door.client("s3", **version) as client:
        url = client.generate_presigned_url("put_object", parameters)

    good = httpx.put(url, content=b"whatever", headers={"content-type": "text/plain"}, verify=NO_TLS)
    other = httpx.put(url, content=b"whatever", headers={"content-type": "text/html"}, verify=NO_TLS)

    assert (good.status_code, other.status_code) == (200, 200 if version is VERSION_2 else 403)
    assert door.taken[0] == b"whatever"


def presigned(door, signer, url="/books/emma", **changes):
    """A URL that a signer of botocore has signed."""
    request = AWSRequest(method="GET", url=door.url + url)
    signer.add_auth(request)
    for old, new in changes.values():
        request.url = request.url.replace(old, new)
    return httpx.get(request.url, verify=NO_TLS)


def test_a_presigned_url_is_good_for_a_week_at_the_most(door):
    credentials = Credentials(USER.access_key_id, USER.secret_access_key)

    week = presigned(door, S3SigV4QueryAuth(credentials, "s3", "us-east-1", 604800))
    longer = presigned(door, S3SigV4QueryAuth(credentials, "s3", "us-east-1", 604801))

    assert (week.status_code, longer.status_code) == (200, 400)
    assert "<Code>AuthorizationQueryParametersError</Code>" in longer.text


def test_other_services_presign_too(door):
    credentials = Credentials(USER.access_key_id, USER.secret_access_key)
    url = "/?Action=GetCallerIdentity&Version=2011-06-15"

    good = presigned(door, SigV4QueryAuth(credentials, "sts", "us-east-1"), url)
    other = presigned(
        door, SigV4QueryAuth(credentials, "sts", "us-east-1"), url, action=("GetCallerIdentity", "GetSessionToken")
    )

    assert good.status_code == 200
    assert (other.status_code, "<Code>SignatureDoesNotMatch</Code>" in other.text) == (403, True)


# Bodies that are not held against one hash


@pytest.mark.parametrize("size", [0, 1, 1_000_000, 3_000_000])
def test_bodies_of_any_size_arrive_whole(door, size):
    with door.client("s3") as client:
        client.put_object(Bucket="books", Key="emma", Body=io.BytesIO(b"e" * size))
    with door.client("lambda") as client:
        client.invoke(FunctionName="books", Payload=b"l" * size)

    assert [len(body) for body in door.taken] == [size, size]


@pytest.mark.parametrize("what", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"])
def test_a_body_that_is_not_signed_with_the_rest_is_trusted_for_the_rest(door, what):
    request = AWSRequest("PUT", f"{door.url}/books/emma", {"X-Amz-Content-SHA256": what}, b"any")
    SigV4Auth(Credentials(USER.access_key_id, USER.secret_access_key), "s3", "us-east-1").add_auth(request)

    assert door.send(request.prepare()).status_code == 200
    assert door.taken == [b"any"]


def test_a_body_without_a_hash_is_read_up_to_a_limit():
    read = []

    async def receive():
        read.append(4)
        return {"type": "http.request", "body": b"more", "more_body": True}

    async def enter():
        async with Body(receive, most=10):
            pytest.fail("taken")

    with pytest.raises(RefusedRequest) as caught:
        asyncio.run(enter())

    assert (caught.value.fault, sum(read)) == (TOO_LARGE, 12)


# What AWS answers without a signature


def test_temporary_keys_need_their_token(door):
    function = door.keyring.of_folder("books")
    with door.client("dynamodb", function) as client:
        client.list_tables()

    assert door.error_of("dynamodb", replace(function, session_token=None)) == (400, "UnrecognizedClientException")
    assert door.error_of("s3", replace(function, session_token="other")) == (400, "InvalidToken")
    assert door.error_of("sts", replace(USER, session_token="left in the shell")) == (403, "InvalidClientTokenId")


def test_a_password_of_the_registry_ends_after_twelve_hours_and_outlives_a_restart(door):
    password, _ = RegistryLogin(USER, lambda: door.now().timestamp()).password()

    def status(login):
        return httpx.get(f"{door.url}/v2/", auth=login, verify=NO_TLS).status_code

    assert (status(("AWS", password)), status(("AWS", f"{password}0")), status(("emma", password))) == (200, 401, 401)
    asked = httpx.get(f"{door.url}/v2/", verify=NO_TLS)
    assert (asked.status_code, asked.headers["www-authenticate"][:13]) == (401, 'Basic realm="')
    door.later = timedelta(hours=12, seconds=1)
    assert status(("AWS", password)) == 401


def test_secrets_stand_in_no_representation():
    assert USER.secret_access_key not in repr(USER)
    temporary = Keyring(USER, Nobody()).of_folder("books")
    assert temporary.secret_access_key not in repr(temporary)
    assert temporary.session_token not in repr(temporary)
