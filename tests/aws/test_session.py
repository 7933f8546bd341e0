from __future__ import annotations

import contextlib
import json
import subprocess
import sys

import pytest
from access_keys import NOBODYS

from fastlambda_cli.aws.session import connect
from fastlambda_cli.errors import AwsError, CredentialsError


def test_the_local_aws_has_an_account_that_cannot_be_mistaken_for_a_real_one(local_aws):
    assert (local_aws.is_local, local_aws.region, local_aws.account) == (True, "us-east-1", "000000000000")
    answer = local_aws.client("sts").get_caller_identity()
    assert (answer["Account"], answer["Arn"]) == (local_aws.account, local_aws.caller)


def test_a_client_is_made_once(local_aws):
    assert local_aws.client("s3") is local_aws.client("s3")


def test_the_local_aws_needs_nothing_of_the_users_configuration(local_aws, no_configuration, monkeypatch):
    (no_configuration / "config").write_text("not a configuration file", encoding="utf-8")
    monkeypatch.setenv("AWS_PROFILE", "gone")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with connect(endpoint_url=local_aws.endpoint_url, keys=local_aws.keys) as aws:
        assert aws.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_the_users_keys_never_reach_the_local_aws(no_configuration, monkeypatch):
    del no_configuration
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREALREALREALREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "real")
    with connect(endpoint_url="http://127.0.0.1:1", keys=NOBODYS) as aws:
        sent = {}
        client = aws.client("sts")
        client.meta.events.register("before-send", lambda request, **_: sent.update(request.headers) or _refused())
        with contextlib.suppress(ConnectionRefusedError):
            client.get_caller_identity()
    assert b"Credential=AKIAFASTLAMBDANOBODY/" in sent["Authorization"]
    assert "X-Amz-Security-Token" not in sent


def _refused():
    raise ConnectionRefusedError


def test_aws_region_comes_before_aws_default_region_as_for_the_aws_cli(no_configuration, monkeypatch):
    del no_configuration
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert connect().region == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    assert connect().region == "eu-north-1"
    assert connect(region="eu-south-1").region == "eu-south-1"


def test_a_profile_brings_its_region(no_configuration):
    (no_configuration / "config").write_text("[profile work]\nregion = ap-south-1\n", encoding="utf-8")
    aws = connect(profile="work")
    assert (aws.region, aws.is_local, aws.endpoint_url) == ("ap-south-1", False, None)


def test_a_region_that_nobody_named_is_asked_for(no_configuration):
    del no_configuration
    with pytest.raises(CredentialsError, match="no Region is set") as caught:
        connect()
    assert "--region" in caught.value.remedy


def test_a_profile_that_is_not_there_is_named(no_configuration):
    del no_configuration
    with pytest.raises(CredentialsError, match="profile \\(gone\\)") as caught:
        connect(profile="gone", region="eu-west-1")
    assert "list-profiles" in caught.value.remedy


def test_missing_credentials_are_found_out_by_the_first_question(no_configuration):
    del no_configuration
    with connect(region="eu-west-1") as aws, pytest.raises(CredentialsError, match="Unable to locate") as caught:
        _ = aws.account
    assert "aws sso login" in caught.value.remedy


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:4566", "http://localhost:4566", "http://[::1]:4566"])
def test_an_endpoint_on_this_machine_is_not_taken_for_aws(no_configuration, monkeypatch, name, url):
    del no_configuration
    monkeypatch.setenv(name, url)
    with pytest.raises(AwsError, match=f"{name} leads to this machine") as caught:
        connect(region="eu-west-1")
    assert "--local" in caught.value.remedy


def test_nor_is_one_that_the_profile_names(no_configuration):
    (no_configuration / "config").write_text("[default]\nendpoint_url = http://localhost:4566\n", encoding="utf-8")
    with pytest.raises(AwsError, match="endpoint_url leads to this machine"):
        connect(region="eu-west-1")


def test_an_endpoint_elsewhere_is_the_users_choice(no_configuration, monkeypatch):
    del no_configuration
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com")
    with connect(region="eu-west-1") as aws:
        assert aws.client("sts").meta.endpoint_url == "https://vpce-1.sts.eu-west-1.vpce.amazonaws.com"


def test_importing_the_engine_does_not_import_boto3():
    modules = ["session", "failures", "stacks", "bucket", "secrets"]
    code = f"import json, sys; from fastlambda_cli.aws import {', '.join(modules)}; print(json.dumps([*sys.modules]))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"boto3", "botocore"} & set(loaded)
