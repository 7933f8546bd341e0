"""Whose keys the local AWS takes: its own, and those that it gave out."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from access_keys import Signed
from botocore.exceptions import ClientError
from no_tls import NO_TLS

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.local.keys import kept_keys, read_keys
from fastlambda_cli.local.model import InvokeResult

ROLE = "arn:aws:iam::{}:role/books"
OTHER_ACCOUNT = "123456789012"


def caller(aws, keys):
    """The account that calls with these keys, or the code of the error that it gets."""
    try:
        with contextlib.closing(aws.client("sts", keys=keys)) as client:
            return client.get_caller_identity()["Account"]
    except ClientError as error:
        return error.response["Error"]["Code"]


def given(answer):
    credentials = answer["Credentials"]
    return Keys(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def with_other_secret(keys):
    return Keys(keys.access_key_id, f"{keys.secret_access_key}x", keys.session_token)


@pytest.mark.parametrize("account", ["000000000000", OTHER_ACCOUNT])
def test_a_role_that_is_assumed_has_keys_of_its_account(aws, account):
    role = aws.client("sts").assume_role(RoleArn=ROLE.format(account), RoleSessionName="emma")
    keys = given(role)

    assert caller(aws, keys) == account
    assert caller(aws, with_other_secret(keys)) == "SignatureDoesNotMatch"
    assert caller(aws, Keys(keys.access_key_id, keys.secret_access_key)) == "InvalidClientTokenId"


def test_a_session_token_of_the_user_works(aws):
    assert caller(aws, given(aws.client("sts").get_session_token())) == "000000000000"


def test_a_users_key_works_until_it_is_inactive_or_gone(aws):
    iam = aws.client("iam")
    iam.create_user(UserName="emma")
    made = iam.create_access_key(UserName="emma")["AccessKey"]
    keys = Keys(made["AccessKeyId"], made["SecretAccessKey"])
    emmas = {"UserName": "emma", "AccessKeyId": keys.access_key_id}

    assert (caller(aws, keys), caller(aws, with_other_secret(keys))) == ("000000000000", "SignatureDoesNotMatch")
    iam.update_access_key(**emmas, Status="Inactive")
    assert caller(aws, keys) == "InvalidClientTokenId"
    iam.delete_access_key(**emmas)
    assert caller(aws, keys) == "InvalidClientTokenId"


@pytest.mark.parametrize("access_key_id", ["test", "local", "000000000000", OTHER_ACCOUNT, "AKIA..", "AKIA%2f", "ä"])
@pytest.mark.parametrize("secret", ["test", "local"])
def test_keys_that_emulators_take_are_unknown(aws, access_key_id, secret):
    assert caller(aws, Keys(access_key_id, secret)) in {"InvalidClientTokenId", "IncompleteSignature"}


def test_another_program_of_this_machine_cannot_invoke_anything(aws):
    ran = []

    async def invoke(invocation):
        ran.append(invocation)
        return InvokeResult(payload=b"{}", request_id=invocation.request_id)

    aws.call(aws.aws.register, "private", invoke)
    program = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], b"{}", method="POST"))
except urllib.error.HTTPError as error:
    print(error.code, error.headers["x-amzn-errortype"])
"""
    url = f"{aws.aws.endpoint_url}/2015-03-31/functions/private/invocations"
    command = [sys.executable, "-c", program, url]

    printed = subprocess.run(command, capture_output=True, text=True, check=True, env={"NO_PROXY": "*"}).stdout

    assert printed.split() == ["403", "MissingAuthenticationTokenException"]
    assert ran == []
    assert httpx.post(url, content=b"{}", auth=Signed(aws.aws.keys, "lambda"), verify=NO_TLS).status_code == 200
    assert len(ran) == 1
    aws.call(aws.aws.unregister, "private")


def test_the_answer_is_read_by_a_client_whose_body_nobody_wanted(aws):
    """Some megabytes are more than fits into the sockets' buffers: whoever is not listened to would never listen."""
    address = aws.aws.endpoint_url.removeprefix("http://")
    with contextlib.closing(http.client.HTTPConnection(address, timeout=20)) as connection:
        for _ in range(2):
            connection.request("PUT", "/books/emma", b"e" * 20_000_000)
            answer = connection.getresponse()
            assert (answer.status, b"AccessDenied" in answer.read()) == (403, True)


def test_a_body_that_was_changed_reaches_nothing(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="unchanged")
    s3.put_object(Bucket="unchanged", Key="emma", Body=b"before")
    url, auth = f"{aws.aws.endpoint_url}/unchanged/emma", Signed(aws.aws.keys, "s3")
    headers = {"x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}

    answer = httpx.put(url, content=b"e" * 5_000_000, headers=headers, auth=auth, verify=NO_TLS)

    assert (answer.status_code, "XAmzContentSHA256Mismatch" in answer.text) == (400, True)
    assert s3.get_object(Bucket="unchanged", Key="emma")["Body"].read() == b"before"


def test_the_code_of_a_function_is_downloaded_from_a_url_that_is_signed(aws):
    client = aws.client("lambda")
    code = b"PK\x05\x06" + b"\0" * 18
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = aws.client("iam").create_role(RoleName="emma", AssumeRolePolicyDocument=json.dumps({"Statement": trust}))
    role = made["Role"]["Arn"]
    client.create_function(
        FunctionName="downloaded", Runtime="python3.13", Handler="a.b", Role=role, Code={"ZipFile": code}
    )

    location = client.get_function(FunctionName="downloaded")["Code"]["Location"]
    port = aws.aws.endpoint_url.rpartition(":")[2]

    def got(url):
        path = url.removeprefix(f"http://localhost:{port}")
        status, _, body = aws.http("GET", path, headers=[("Host", f"localhost:{port}")])
        return status, body

    assert got(location) == (200, code)
    assert got(location.partition("?")[0])[0] == 403
    assert got(location.replace("/downloaded?", "/another?"))[0] == 403


def test_the_registry_asks_for_the_login_that_get_authorization_token_gives(aws):
    data = aws.client("ecr").get_authorization_token()["authorizationData"][0]
    headers = [("Host", "localhost"), ("Authorization", f"Basic {data['authorizationToken']}")]

    assert data["proxyEndpoint"] == aws.aws.endpoint_url
    assert aws.http("GET", "/v2/", headers=headers)[0] == 200
    assert aws.http("GET", "/v2/", headers=headers[:1])[0] == 401


def test_the_key_is_the_states_and_outlives_a_start(tmp_path):
    first = kept_keys(tmp_path)

    assert kept_keys(tmp_path) == read_keys(tmp_path) == first
    assert kept_keys(tmp_path / "another") != first
    assert stat.S_IMODE((tmp_path / "credentials").stat().st_mode) == 0o600
    assert first.access_key_id.startswith("AKIAFASTLAMBDA")


def test_the_file_is_one_that_sdks_read(tmp_path, monkeypatch):
    import botocore.session  # noqa: PLC0415

    keys = kept_keys(tmp_path)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))

    found = botocore.session.get_session().get_credentials()

    assert (found.access_key, found.secret_key) == (keys.access_key_id, keys.secret_access_key)


@pytest.mark.parametrize("text", ["", "[default]\n", "no file of AWS's", "[default]\naws_access_key_id = ä\n"])
def test_a_file_that_is_not_what_it_was_made_as_is_told(tmp_path, text):
    (tmp_path / "credentials").write_text(text, encoding="utf-8")

    with pytest.raises(EmulatorError, match=str(tmp_path)) as caught:
        kept_keys(tmp_path)

    assert "Remove that file" in caught.value.remedy


def test_state_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("no folder")

    with pytest.raises(EmulatorError, match="access key"):
        kept_keys(tmp_path / "file" / "aws")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads Linux's /proc")
def test_no_process_is_told_the_users_secret(aws):
    proc = Path(f"/proc/{aws.aws.emulator_pid}")

    assert aws.aws.keys.secret_access_key.encode() not in (proc / "environ").read_bytes()
    assert b"AKIA" not in (proc / "cmdline").read_bytes()
