"""`fastlambda env`: a shell that takes its words can use the AWS that `dev` runs."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from access_keys import as_dev_of

ASKED = "AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION AWS_DEFAULT_REGION"


@pytest.fixture
def service(tmp_path, local_aws):
    """A folder with spaces and quotes in its name, beside the local AWS of what could be its `dev`."""
    folder = tmp_path / "it's a shop"
    folder.mkdir()
    with as_dev_of(folder, local_aws):
        yield folder


def wanted(aws):
    return [aws.endpoint_url, aws.keys.access_key_id, aws.keys.secret_access_key, "us-east-1", "us-east-1"]


def test_a_posix_shell_evaluates_it(fastlambda, service, local_aws):
    words = fastlambda("env", service).stdout
    script = f'eval "$WORDS"; for name in {ASKED}; do eval echo "\\$$name"; done; echo "${{AWS_SESSION_TOKEN-none}}"'
    env = {"WORDS": words, "AWS_SESSION_TOKEN": "of the shell", "AWS_SECRET_ACCESS_KEY": "of the shell"}

    printed = subprocess.run(["/bin/sh", "-euc", script], capture_output=True, text=True, check=True, env=env).stdout

    assert printed.splitlines() == [*wanted(local_aws), "none"]


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
def test_fish_evaluates_it(fastlambda, service, local_aws):
    words = fastlambda("env", service, "--shell", "fish").stdout
    script = "\n".join([words, *(f"echo ${name}" for name in ASKED.split())])

    printed = subprocess.run(["fish", "-c", script], capture_output=True, text=True, check=True).stdout

    assert printed.splitlines() == wanted(local_aws)


def test_fishs_words_are_its_own(fastlambda, service, local_aws):
    lines = fastlambda("env", service, "--shell", "fish").stdout.splitlines()

    assert lines[0] == f"set -gx AWS_ENDPOINT_URL {local_aws.endpoint_url}"
    assert lines[-1] == "set -e AWS_SESSION_TOKEN"


def test_other_programs_read_a_document(fastlambda, service, local_aws):
    document = json.loads(fastlambda("env", service, "--json").stdout)

    assert document == dict(zip(ASKED.split(), wanted(local_aws), strict=True))


def test_without_a_dev_there_is_no_address_to_tell(fastlambda, tmp_path):
    answer = fastlambda("env", tmp_path)

    assert (answer.returncode, answer.stdout) == (5, "")
    assert f"Start `fastlambda dev {tmp_path}` first" in " ".join(answer.stderr.split())
