"""Our signature is botocore's, byte for byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from fastlambda.sigv4 import Credentials, sign

HEADERS = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "secretsmanager.GetSecretValue",
}


@pytest.mark.parametrize("token", [None, "session/token+=="])
@pytest.mark.parametrize("body", [b"", '{"SecretId": "ключ"}'.encode()])
@pytest.mark.parametrize(
    "url",
    [
        "https://secretsmanager.eu-central-1.amazonaws.com/",
        "http://127.0.0.1:4566/",
        "https://vpce-1.example:8443/a/path",
    ],
)
def test_a_signed_request_is_what_botocore_signs(url: str, body: bytes, token: str | None) -> None:
    reference = AWSRequest("POST", url, headers=dict(HEADERS), data=body)
    SigV4Auth(
        BotocoreCredentials(access_key="AKID", secret_key="se/cret+", token=token), "secretsmanager", "eu-central-1"
    ).add_auth(reference)
    moment = datetime.strptime(reference.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    host, _, path = url.split("://")[1].partition("/")

    signed = sign(
        Credentials(access_key="AKID", secret_key="se/cret+", token=token),
        service="secretsmanager",
        region="eu-central-1",
        host=host,
        path="/" + path,
        headers=HEADERS,
        body=body,
        now=moment,
    )

    assert signed["authorization"] == reference.headers["Authorization"]
    assert signed.get("x-amz-security-token") == reference.headers.get("X-Amz-Security-Token")


def test_a_signature_is_of_this_moment() -> None:
    keys = {"service": "s", "region": "r", "host": "h", "path": "/", "headers": {}, "body": b""}
    before = datetime.now(UTC).replace(microsecond=0)
    signed = sign(Credentials(access_key="AKID", secret_key="secret"), **keys)
    stamped = datetime.strptime(signed["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert before <= stamped <= datetime.now(UTC) + timedelta(seconds=1)


def test_a_repr_of_credentials_shows_only_the_access_key_id() -> None:
    assert repr(Credentials(access_key="AKID", secret_key="hidden", token="hidden")) == "Credentials(access_key='AKID')"
