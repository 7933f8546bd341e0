"""The commands of a deployment on a real local AWS, as machines and people see them."""

from __future__ import annotations

import contextlib
import io
import json

import httpx
import pytest
from access_keys import as_dev_of
from no_tls import NO_TLS

from fastlambda_cli.cli.main import run_command

HANDLER = """
def handler(event, context):
    return {{"statusCode": {status}, "body": "{body}"}}
"""


def write(folder, body, status=200):
    (folder / "lambda_handler.py").write_text(HANDLER.format(status=status, body=body))


@pytest.fixture(scope="module")
def service(tmp_path_factory, local_aws):
    """A plain handler beside a local AWS that a `dev` of its stage `folder` could be running, deployed once."""
    folder = tmp_path_factory.mktemp("deployed") / "shop"
    folder.mkdir()
    write(folder, "first")
    (folder / "pyproject.toml").write_text('[project]\nname = "cli-shop"\nversion = "1"\nrequires-python = ">=3.11"\n')
    with as_dev_of(folder, local_aws):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
            assert run_command(["deploy", str(folder), "--local", "--yes"]) == 0, told.getvalue()
        yield folder


@pytest.fixture
def document(fastlambda, service):
    """Run a command on the service with --json and read its one document."""

    def read(command, *options, code=0):
        answer = fastlambda(command, service, "--local", "--json", *options)
        assert answer.returncode == code, answer.stderr
        return json.loads(answer.stdout)

    return read


def body_of(url):
    """What an API answers; its name is this machine's whether the resolver knows that or not."""
    parts = httpx.URL(url)
    return httpx.get(
        parts.copy_with(host="127.0.0.1"), headers={"host": f"{parts.host}:{parts.port}"}, verify=NO_TLS
    ).text


def test_a_stack_that_stands_as_described_has_an_empty_plan(document):
    told = document("plan")
    assert (told["stack_name"], told["empty"], told["changes"]) == ("cli-shop-dev", True, [])


def test_nothing_to_do_is_success_and_has_no_release(document):
    assert document("deploy", "--yes")["release"] is None


def test_status_has_the_url_which_answers(document):
    told = document("status")
    assert told["live"]["status"] == "live"
    assert body_of(told["outputs"]["ApiUrl"]) == "first"


def test_a_status_for_people_begins_with_the_url(fastlambda, service):
    answer = fastlambda("status", service, "--local")
    assert answer.stdout.splitlines()[0].startswith("cli-shop-dev on this machine")
    assert answer.stdout.splitlines()[1].split()[0] == "URL"


def test_a_plan_for_people_says_what_a_changed_line_does_and_changes_nothing(fastlambda, service, document):
    before = document("releases")
    write(service, "changed")
    try:
        answer = fastlambda("plan", service, "--local")
    finally:
        write(service, "first")
    assert answer.returncode == 0
    assert "lambda_handler.py" in answer.stdout
    assert "A new version is published and checked" in answer.stdout
    assert document("releases") == before


@pytest.mark.slow
def test_a_change_goes_live_and_a_rollback_brings_the_earlier_one_back(document, service):
    write(service, "second")
    try:
        deployed = document("deploy", "--yes")
    finally:
        write(service, "first")
    url = deployed["outputs"]["ApiUrl"]
    assert body_of(url) == "second"

    back = document("rollback", "--yes", "--to", "1")
    assert (back["release"]["of"], body_of(url)) == (1, "first")
    releases = document("releases")["releases"]
    assert [release["status"] for release in releases[:2]] == ["live", "earlier"]


def test_a_release_that_is_not_there_is_a_wrong_command_line_and_the_remedy_is_one_to_copy(document, service):
    told = document("rollback", "--yes", "--to", "99", code=2)
    assert "has no release 99" in told["error"]["what"]
    assert f"`fastlambda releases {service} --local` lists them." in told["error"]["remedy"]


@pytest.mark.slow
def test_a_version_that_is_not_healthy_ends_with_8_and_the_error_as_the_document(document, service):
    document("deploy", "--yes", "--stage", "sick")
    write(service, "broken", status=500)
    try:
        told = document("deploy", "--yes", "--stage", "sick", code=8)
    finally:
        write(service, "first")
    assert told["error"]["exit_code"] == 8
    assert "500" in told["error"]["why"]
    assert body_of(document("status", "--stage", "sick")["outputs"]["ApiUrl"]) == "first"


@pytest.mark.parametrize(("command", "option"), [("deploy", "--yes"), ("rollback", "--yes"), ("destroy", "--confirm")])
def test_without_a_terminal_what_has_to_be_confirmed_fails_before_any_work(fastlambda, tmp_path, command, option):
    answer = fastlambda(command, tmp_path / "no such folder", "--local")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "there is no terminal to ask at" in answer.stderr
    assert option in answer.stderr


@pytest.mark.parametrize(
    ("command", "option"), [("deploy", "--yes"), ("rollback", "--yes"), ("destroy", "--confirm=cli-shop-folder")]
)
def test_the_stack_that_a_running_dev_keeps_is_changed_by_nobody_else(fastlambda, service, command, option):
    answer = fastlambda(command, service, "--local", "--stage", "folder", option)
    assert answer.returncode == 3
    assert "cli-shop-folder is the stack of a running `fastlambda dev`" in answer.stderr
    assert "--stage test, or end dev first" in answer.stderr


def test_the_stack_that_a_running_dev_keeps_can_be_looked_at(document):
    assert document("status", "--stage", "folder")["status"] is None


def test_local_and_an_account_exclude_each_other(fastlambda, service):
    answer = fastlambda("plan", service, "--local", "--region", "eu-west-1")
    assert answer.returncode == 2
    assert "--local goes with neither --profile nor --region" in answer.stderr


def test_a_stack_is_not_destroyed_under_another_name(fastlambda, service, document):
    answer = fastlambda("destroy", service, "--local", "--confirm", "shop-prod")
    assert answer.returncode == 1
    assert "'shop-prod' is not 'cli-shop-dev'" in answer.stdout
    assert document("status")["status"] is not None


def test_another_stage_is_destroyed_alone_and_destroying_it_again_is_nothing_to_do(document, fastlambda, service):
    document("deploy", "--yes", "--stage", "test")
    told = document("destroy", "--stage", "test", "--purge", "--confirm", "cli-shop-test")
    assert "Function" in {change["logical_id"] for change in told["goes"]}
    assert document("status", "--stage", "test")["status"] is None
    assert document("status")["status"] is not None

    again = fastlambda("destroy", service, "--local", "--stage", "test", "--confirm", "cli-shop-test")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, "There is nothing of cli-shop-test on this machine.")
