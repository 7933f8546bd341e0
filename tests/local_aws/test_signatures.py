"""Requests that their key has not signed are refused as each of AWS's protocols refuses them, and boto3 understands."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import pytest
from access_keys import of_boto3
from botocore import UNSIGNED
from botocore.auth import S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.parsers import ResponseParserError, create_parser
from no_tls import NO_TLS

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.signatures.body import Body
from fastlambda_cli.local.aws.signatures.door import Door
from fastlambda_cli.local.aws.signatures.faults import TOO_LARGE, RefusedRequest
from fastlambda_cli.local.aws.signatures.keyring import Keyring
from fastlambda_cli.local.aws.signatures.registry import RegistryLogin
from fastlambda_cli.local.keys import new_keys
from fastlambda_cli.local.serve import serve

RESPONSE_URL = "/_ministack/cfn-response/984ad55b-cae3-48db-bd65-d9cdcb52ed8a"
USER = new_keys()
NOT_AWS = (KeyError, ResponseParserError)
"""What botocore makes of the empty answers of the app behind the door."""
CALLS = {
    "dynamodb": lambda client: client.list_tables(),
    "secretsmanager": lambda client: client.create_secret(Name="books/app", SecretString="as it was signed"),
    "sqs": lambda client: client.list_queues(),
    "lambda": lambda client: client.invoke(FunctionName="books", Payload=b'{"as it was": "signed"}'),
    "sts": lambda client: client.get_caller_identity(),
    "ec2": lambda client: client.describe_vpcs(),
    "route53": lambda client: client.list_hosted_zones(),
    "s3": lambda client: client.put_object(Bucket="books", Key="emma", Body=b"as it was signed"),
}


async def nothing(_scope, _receive, send):
    """The emulator that gave out no keys."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Nobody:
    """What the keyring asks for keys that are not its own."""

    def client(self):
        return httpx.AsyncClient(transport=httpx.ASGITransport(nothing), base_url="http://emulator")

    async def available(self):
        pass


@dataclass
class Checked:
    """A door with an app behind it that takes everything; `taken` are the bodies, `later` sets the door's clock on."""

    url: str = ""
    keyring: Keyring = field(default_factory=lambda: Keyring(USER, Nobody()))
    taken: list[bytes] = field(default_factory=list)
    later: timedelta = timedelta()

    def now(self):
        return datetime.now(UTC) + self.later

    async def app(self, _scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message.get("more_body", False)
        self.taken.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def serve(self, ready, over):
        registry = RegistryLogin(USER, lambda: self.now().timestamp())
        async with serve(Door(self.app, self.keyring, registry, self.now), port=0, label="The door") as served:
            self.url = served.url
            ready.set_result(None)
            await asyncio.to_thread(over.wait)

    def client(self, service, keys=USER, **config):
        given = of_boto3(keys) if keys else {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
        config = Config(retries={"total_max_attempts": 1}, **config)
        return contextlib.closing(
            boto3.client(service, endpoint_url=self.url, region_name="us-east-1", config=config, **given)
        )

    def error_of(self, service, keys=USER, *, tamper=None, **config):
        """The status and the code that a call ends with; `tamper` changes the request once it is signed."""
        with self.client(service, keys, **config) as client:
            if tamper:
                client.meta.events.register("before-send", tamper)
            with pytest.raises(ClientError) as caught:
                CALLS[service](client)
        response = caught.value.response
        return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]

    def send(self, request):
        """Send what botocore has signed, byte for byte."""
        headers = dict(request.headers.items())
        return httpx.request(request.method, request.url, headers=headers, content=request.body, verify=NO_TLS)


@pytest.fixture(scope="module")
def served():
    checked, ready, over = Checked(), Future(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(checked.serve(ready, over)))
    thread.start()
    try:
        ready.result(20)
        yield checked
    finally:
        over.set()
        thread.join()


@pytest.fixture
def door(served):
    """The door, with nothing taken yet and the clock right."""
    served.taken.clear()
    served.later = timedelta()
    return served


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


def test_temporary_keys_need_their_token(door):
    function = door.keyring.functions
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
    temporary = Keyring(USER, Nobody()).functions
    assert temporary.secret_access_key not in repr(temporary)
    assert temporary.session_token not in repr(temporary)
