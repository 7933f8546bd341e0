"""Requests that are not signed as their key would sign them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError
from contract_facts import fact

from fastlambda_cli.aws.keys import Keys

COMMON = "“Common errors” in each service's API reference"
DYNAMODB = "DynamoDB Developer Guide, “Error handling with DynamoDB”"
S3 = "Amazon S3 API Reference, “Error responses”"
NOBODYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


@pytest.fixture
def guessed(cloud):
    """A key that exists, with another secret."""
    return replace(cloud.signing, secret_access_key="a guess")


@fact(
    "Signatures",
    "A wrong secret is 400 `InvalidSignatureException` in JSON protocols.",
    "A recording in aws/aws-sdk-js#254",
)
def test_a_wrong_secret_in_json(cloud, guessed):
    assert cloud.error_of("dynamodb", "list_tables", guessed) == (400, "InvalidSignatureException")


@fact("Signatures", "In REST with JSON it is 403 `InvalidSignatureException`.", "A recording in erlcloud/erlcloud#690")
def test_a_wrong_secret_in_rest(cloud, guessed):
    assert cloud.error_of("lambda", "list_functions", guessed) == (403, "InvalidSignatureException")


@fact("Signatures", "In the query protocol it is 403 `SignatureDoesNotMatch`.", "A recording in aws/aws-cli#6676")
def test_a_wrong_secret_in_the_query_protocol(cloud, guessed):
    assert cloud.error_of("sts", "get_caller_identity", guessed) == (403, "SignatureDoesNotMatch")


@fact("Signatures", "At S3 it is 403 `SignatureDoesNotMatch`.", S3)
def test_a_wrong_secret_at_s3(cloud, guessed):
    assert cloud.error_of("s3", "list_buckets", guessed) == (403, "SignatureDoesNotMatch")


@fact("Signatures", "An unknown access key is 400 `UnrecognizedClientException` in JSON protocols.", DYNAMODB)
def test_an_unknown_key_in_json(cloud):
    assert cloud.error_of("dynamodb", "list_tables", NOBODYS) == (400, "UnrecognizedClientException")


@fact("Signatures", "In the query protocol it is 403 `InvalidClientTokenId`.", COMMON)
def test_an_unknown_key_in_the_query_protocol(cloud):
    assert cloud.error_of("sts", "get_caller_identity", NOBODYS) == (403, "InvalidClientTokenId")


@fact("Signatures", "At S3 it is 403 `InvalidAccessKeyId`.", S3)
def test_an_unknown_key_at_s3(cloud):
    assert cloud.error_of("s3", "list_buckets", NOBODYS) == (403, "InvalidAccessKeyId")


@fact("Signatures", "A request without one is 400 `MissingAuthenticationTokenException` in JSON protocols.", DYNAMODB)
def test_no_signature_in_json(cloud):
    error = cloud.error_of("dynamodb", "list_tables", NOBODYS, signature_version=UNSIGNED)

    assert error == (400, "MissingAuthenticationTokenException")


@fact("Signatures", "In the query protocol it is 403 `MissingAuthenticationToken`.", COMMON)
def test_no_signature_in_the_query_protocol(cloud):
    error = cloud.error_of("sts", "get_caller_identity", NOBODYS, signature_version=UNSIGNED)

    assert error == (403, "MissingAuthenticationToken")


@fact("Signatures", "A body that was changed after it was signed is no more what was signed.", COMMON)
def test_a_changed_body(cloud):
    def change(request, **_):
        request.body = request.body.replace("2011-06-15", "2011-06-16")

    error = cloud.error_of("sts", "get_caller_identity", cloud.signing, change)

    assert error == (403, "SignatureDoesNotMatch")


@fact("Signatures", "A session token that is not the key's is refused.", COMMON)
def test_a_wrong_session_token(cloud):
    keys = replace(cloud.signing, session_token="another's")

    assert cloud.error_of("sts", "get_caller_identity", keys) == (403, "InvalidClientTokenId")


@fact(
    "Signatures",
    "Keys of a session are refused without their token.",
    "IAM User Guide, “Use temporary credentials with AWS resources”",
)
def test_keys_of_a_session(cloud):
    keys = cloud.signing
    if keys.session_token is None:
        made = cloud.client("sts").get_session_token()["Credentials"]
        keys = Keys(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    bare = replace(keys, session_token=None)
    assert cloud.error_of("dynamodb", "list_tables", bare) == (400, "UnrecognizedClientException")


@fact(
    "Signatures",
    "Operations that Amazon Cognito has for an app's users need no signature.",
    "botocore, the model of cognito-idp (`authtype: none`)",
)
def test_a_public_operation(cloud):
    with pytest.raises(ClientError) as caught:
        cloud.client("cognito-idp").initiate_auth(
            ClientId="0123456789abcdefghijklmnop",
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": "emma", "PASSWORD": "x"},
        )

    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
