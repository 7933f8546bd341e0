"""One signed request to Secrets Manager: where it goes, what it survives and what it leaves behind."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import botocore.session
import pytest
from aws_lambda_powertools.utilities.parameters import GetParameterError, SecretsProvider

from fastlambda.secretsmanager import (
    Retry,
    SecretsManagerError,
    SecretsManagerProvider,
    endpoint_url,
    provider_for,
)

if TYPE_CHECKING:
    from .conftest import ScriptedSecretsManager

ARN = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:app-AbCdEf"
HASTY = Retry(attempts=3, timeout=5, backoff=0.001)


def read(name: str = ARN, retry: Retry = HASTY) -> object:
    return SecretsManagerProvider(retry).get(name, max_age=0, VersionStage="AWSCURRENT")


@pytest.mark.parametrize(
    "failure",
    [
        (500, {"__type": "InternalServiceError", "Message": "try again"}),
        (503, "not even JSON"),
        (502, '["JSON", "but no object"]'),
        (400, {"__type": "ThrottlingException", "Message": "Rate exceeded"}),
        (429, {"__type": "TooManyRequestsException"}),
        (200, "cut sho"),
    ],
)
def test_a_transient_failure_is_retried(scripted: ScriptedSecretsManager, failure: tuple[int, object]) -> None:
    scripted.versions["AWSCURRENT"] = "value"
    scripted.script += [failure, failure]
    assert read() == "value"
    assert len(scripted.requests) == 3


def test_a_certificate_bundle_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:9")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/no/such/bundle.pem")
    with pytest.raises(GetParameterError, match=r"CertificateBundle: AWS_CA_BUNDLE .*/no/such/bundle\.pem"):
        read()


def test_retries_end_with_the_last_cause(scripted: ScriptedSecretsManager) -> None:
    scripted.script += [(500, {"__type": "InternalServiceError", "Message": "try again"})] * 3
    with pytest.raises(GetParameterError, match="InternalServiceError: try again"):
        read()
    assert len(scripted.requests) == 3


def test_a_refusal_is_not_retried_and_keeps_its_code(scripted: ScriptedSecretsManager) -> None:
    with pytest.raises(GetParameterError) as caught:
        read()
    assert isinstance(caught.value.__context__, SecretsManagerError)
    assert caught.value.__context__.code == "ResourceNotFoundException"
    assert len(scripted.requests) == 1


def test_nobody_listening_is_unreachable_after_every_attempt(function_environment: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    function_environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(GetParameterError, match=r"Unreachable: .*ConnectionRefusedError"):
        read()


def test_a_server_that_never_answers_is_given_up(function_environment: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        function_environment.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{mute.getsockname()[1]}")
        with pytest.raises(GetParameterError, match="TimeoutError"):
            read(retry=Retry(attempts=1, timeout=0.05))


def test_a_binary_secret_arrives_as_bytes(scripted: ScriptedSecretsManager) -> None:
    scripted.script.append((200, {"SecretBinary": "AAEC"}))
    assert read() == b"\x00\x01\x02"


def test_missing_credentials_are_named(function_environment: pytest.MonkeyPatch) -> None:
    function_environment.delenv("AWS_SECRET_ACCESS_KEY")
    function_environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(GetParameterError, match="NoCredentials: 'AWS_SECRET_ACCESS_KEY' is not set"):
        read()


def test_the_request_is_signed_for_the_region_of_the_arn(scripted: ScriptedSecretsManager) -> None:
    scripted.versions["AWSCURRENT"] = "value"
    read()
    [headers] = scripted.headers
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert "/eu-west-1/secretsmanager/aws4_request" in headers["authorization"]
    assert scripted.requests == [{"VersionStage": "AWSCURRENT", "SecretId": ARN}]


PARTITIONS = botocore.session.get_session().get_available_partitions()


@pytest.mark.parametrize("partition", PARTITIONS)
def test_the_endpoint_of_every_partition_is_the_one_the_sdk_uses(
    partition: str, function_environment: pytest.MonkeyPatch
) -> None:
    session = botocore.session.get_session()
    region = session.get_available_regions("ec2", partition)[0]
    expected = session.create_client("secretsmanager", region).meta.endpoint_url
    assert endpoint_url(f"arn:{partition}:secretsmanager:{region}:0:secret:app") == expected

    function_environment.setenv("AWS_REGION", region)
    assert endpoint_url("app") == expected, "a plain name is in the environment's region"


def test_the_services_own_endpoint_variable_wins(function_environment: pytest.MonkeyPatch) -> None:
    function_environment.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert endpoint_url(ARN) == "http://127.0.0.1:1"
    function_environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2")
    assert endpoint_url(ARN) == "http://127.0.0.1:2"
    function_environment.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert endpoint_url(ARN) == "https://secretsmanager.eu-west-1.amazonaws.com"


def test_an_unknown_partition_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(SecretsManagerError, match="'aws-moon' is no known AWS partition"):
        endpoint_url("arn:aws-moon:secretsmanager:moon-1:0:secret:app")


def test_credentials_from_the_environment_need_no_sdk() -> None:
    assert isinstance(provider_for(ARN, {"AWS_ACCESS_KEY_ID": "AKID"}), SecretsManagerProvider)


@pytest.mark.parametrize(
    "environ",
    [
        {},  # as under SnapStart, where credentials come from a container endpoint
        {"AWS_ACCESS_KEY_ID": "AKID", "AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_ACCESS_KEY_ID": "AKID", "HTTPS_PROXY": "http://proxy"},
    ],
)
def test_what_only_the_sdk_can_do_gets_the_powertools_provider(environ: dict[str, str]) -> None:
    provider = provider_for(ARN, environ)
    assert isinstance(provider, SecretsProvider)
    assert provider.client.meta.region_name == "eu-west-1"


def test_a_sampled_call_is_traced_without_the_secret(
    scripted: ScriptedSecretsManager, function_environment: pytest.MonkeyPatch
) -> None:
    scripted.versions["AWSCURRENT"] = "hunter2"
    code = "from fastlambda.secretsmanager import SecretsManagerProvider as P; P().get('app', max_age=0)"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(30)
        function_environment.setenv("AWS_XRAY_DAEMON_ADDRESS", f"127.0.0.1:{daemon.getsockname()[1]}")
        function_environment.setenv("LAMBDA_TASK_ROOT", "/var/task")
        function_environment.setenv(
            "_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        )
        scripted.versions = {"AWSCURRENT": "hunter2"}
        scripted.script.append((200, {"SecretString": "hunter2"}))
        subprocess.run([sys.executable, "-c", code], check=True, env=dict(os.environ))
        packet = daemon.recv(65535)
    document = json.loads(packet.split(b"\n", 1)[1])
    assert document["name"] == "secretsmanager"
    assert document["namespace"] == "aws"
    assert document["aws"]["operation"] == "GetSecretValue"
    assert document["parent_id"] == "53995c3f42cd8ad8"
    assert b"hunter2" not in packet
