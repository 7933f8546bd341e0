"""What AWS and the way to it say, in our words. Where AWS itself would have to say it, botocore's own error is made."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import threading

import pytest
from access_keys import NOBODYS
from botocore import exceptions
from botocore.exceptions import ClientError

from fastlambda_cli.aws.failures import failure_of, translated
from fastlambda_cli.aws.session import connect
from fastlambda_cli.errors import (
    AccessDeniedError,
    AwsError,
    AwsUnreachableError,
    CredentialsError,
    FastLambdaError,
    ThrottledByAwsError,
)

DENIED = (
    "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:PutObject on resource: "
    '"arn:aws:s3:::artifacts/a.zip" because no identity-based policy allows the s3:PutObject action'
)


def answered(code, message="It says so."):
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"RequestId": "4711"}}
    return failure_of(ClientError(response, "PutObject"), "upload the artifact")


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        ("ExpiredToken", CredentialsError, "aws sso login"),
        ("ExpiredTokenException", CredentialsError, "aws sso login"),
        ("InvalidClientTokenId", CredentialsError, "aws sts get-caller-identity"),
        ("UnrecognizedClientException", CredentialsError, "aws sts get-caller-identity"),
        ("InvalidAccessKeyId", CredentialsError, "aws sts get-caller-identity"),
        ("SignatureDoesNotMatch", CredentialsError, "aws sts get-caller-identity"),
        ("RequestExpired", CredentialsError, "clock"),
        ("RequestTimeTooSkewed", CredentialsError, "clock"),
        ("AccessDenied", AccessDeniedError, "the action of PutObject"),
        ("AccessDeniedException", AccessDeniedError, "the action of PutObject"),
        ("403", AccessDeniedError, "the action of PutObject"),
        ("Throttling", ThrottledByAwsError, "try again"),
        ("ThrottlingException", ThrottledByAwsError, "try again"),
        ("SlowDown", ThrottledByAwsError, "try again"),
    ],
)
def test_what_aws_answers_has_a_type_and_a_remedy(code, kind, remedy):
    error = answered(code)
    assert type(error) is kind
    assert error.what == "Could not upload the artifact"
    assert remedy in error.remedy
    assert (error.code, error.request_id, error.exit_code) == (code, "4711", 6)


def test_a_region_that_is_not_enabled_is_thought_of():
    assert "has not enabled" in answered("UnrecognizedClientException").remedy


def test_the_action_that_was_denied_is_named():
    assert "s3:PutObject" in answered("AccessDenied", DENIED).remedy


def test_a_signature_of_another_time_is_the_clock():
    message = "Signature expired: 20261123T100000Z is now earlier than 20261123T101000Z"
    assert "clock" in answered("SignatureDoesNotMatch", message).remedy


def test_what_is_not_known_keeps_aws_own_words_code_and_request_id():
    error = answered("NoSuchBucket", "The specified bucket does not exist.")
    assert type(error) is AwsError
    assert error.why == "The specified bucket does not exist (NoSuchBucket), request id 4711"


def test_a_quota_is_not_taken_for_too_many_calls():
    assert type(answered("LimitExceededException")) is AwsError


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (exceptions.NoCredentialsError(), CredentialsError),
        (exceptions.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), CredentialsError),
        (exceptions.SSOTokenLoadError(error_msg="no token"), CredentialsError),
        (exceptions.UnauthorizedSSOTokenError(), CredentialsError),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="expired"), CredentialsError),
        (exceptions.CredentialRetrievalError(provider="process", error_msg="exit 1"), CredentialsError),
        (exceptions.LoginRefreshRequired(), CredentialsError),
        (exceptions.ProfileNotFound(profile="gone"), CredentialsError),
        (exceptions.NoRegionError(), CredentialsError),
        (exceptions.EndpointConnectionError(endpoint_url="https://sts"), AwsUnreachableError),
        (exceptions.ConnectTimeoutError(endpoint_url="https://sts"), AwsUnreachableError),
        (exceptions.ReadTimeoutError(endpoint_url="https://sts"), AwsUnreachableError),
        (exceptions.ConnectionClosedError(endpoint_url="https://sts"), AwsUnreachableError),
        (exceptions.ProxyConnectionError(proxy_url="http://proxy"), AwsUnreachableError),
        (exceptions.SSLError(endpoint_url="https://sts", error="self-signed"), AwsUnreachableError),
        (exceptions.ParamValidationError(report="Key is empty"), AwsError),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_what_botocore_says_has_a_type(problem, kind):
    assert type(failure_of(problem, "upload the artifact")) is kind


def test_a_certificate_that_is_not_trusted_points_to_the_proxys():
    problem = exceptions.SSLError(endpoint_url="https://sts", error="self-signed certificate")
    assert "AWS_CA_BUNDLE" in failure_of(problem, "ask").remedy


def test_other_exceptions_and_our_own_pass_as_they_are():
    with pytest.raises(ZeroDivisionError), translated("divide"):
        _ = 1 / 0
    with pytest.raises(FastLambdaError, match=r"^ours$"), translated("fail"):
        raise FastLambdaError("ours")


def test_an_answer_of_aws_is_told_over_the_wire(no_configuration):
    del no_configuration
    body = {"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}
    with (
        _answering(400, body) as url,
        connect(endpoint_url=url, keys=NOBODYS) as aws,
        pytest.raises(CredentialsError, match="have expired") as caught,
        translated("read a secret"),
    ):
        aws.client("secretsmanager").describe_secret(SecretId="a")
    assert isinstance(caught.value.__cause__, ClientError)


def test_nobody_at_the_endpoint_is_told():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with (
            connect(endpoint_url=url, keys=NOBODYS) as aws,
            pytest.raises(AwsUnreachableError, match="read a secret"),
            translated("read a secret"),
        ):
            aws.client("secretsmanager").describe_secret(SecretId="a")


def test_a_session_that_was_never_signed_in_is_told(no_configuration):
    (no_configuration / "config").write_text(
        "[profile work]\nsso_session = work\nsso_account_id = 123456789012\nsso_role_name = Deployer\n"
        "region = eu-west-1\n[sso-session work]\nsso_region = eu-west-1\n"
        "sso_start_url = https://work.example/never-signed-in\n",
        encoding="utf-8",
    )
    with connect(profile="work") as aws, pytest.raises(CredentialsError) as caught:
        _ = aws.caller
    assert "aws sso login" in caught.value.remedy


def test_half_of_a_key_is_told(no_configuration, monkeypatch):
    del no_configuration
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    with connect(region="eu-west-1") as aws, pytest.raises(CredentialsError, match="AWS_SECRET_ACCESS_KEY"):
        _ = aws.caller


def test_a_program_that_gives_no_credentials_is_told(no_configuration):
    (no_configuration / "config").write_text("[default]\ncredential_process = false\n", encoding="utf-8")
    with connect(region="eu-west-1") as aws, pytest.raises(CredentialsError, match="custom-process"):
        _ = aws.caller


@contextlib.contextmanager
def _answering(status, body):
    """A server on this machine that answers every request the same."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
