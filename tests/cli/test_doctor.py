"""`fastlambda doctor`: every check, as it should be and as it should not."""

from __future__ import annotations

import http.server
import json
import socket
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from access_keys import NOBODYS

from fastlambda_cli.aws.session import connect
from fastlambda_cli.cli.checkup.account import (
    account_checks,
    clock_check,
    concurrency_check,
    server_time,
    storage_check,
)
from fastlambda_cli.cli.checkup.check import Status
from fastlambda_cli.cli.checkup.machine import files_check, machine_checks
from fastlambda_cli.cli.checkup.project import project_checks
from fastlambda_cli.errors import CredentialsError

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"
SETTINGS = f'[project]\nname = "shop"\nversion = "1"\n[tool.fastlambda]\nruntime = "python{OWN}"\n'


@pytest.fixture
def service(tmp_path):
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    (tmp_path / "lambda_handler.py").write_text("def handler(event, context): ...\n")
    (tmp_path / "uv.lock").write_text("version = 1\n")
    return tmp_path


def statuses(checks):
    return {check.name: check.status for check in checks}


def by_name(checks, name):
    return next(check for check in checks if check.name == name)


def test_a_free_port_and_a_taken_one_are_told_apart_and_the_taken_one_is_no_failure(tmp_path):
    with socket.socket() as taken, socket.socket() as free:
        for each in (taken, free):
            each.bind(("127.0.0.1", 0))
        taken.listen()
        ports = taken.getsockname()[1], free.getsockname()[1]
        free.close()
        checks = list(machine_checks(tmp_path, ports=ports))
    assert by_name(checks, "port of the HTTP API").status is Status.WARN
    assert "--port 0" in by_name(checks, "port of the HTTP API").remedy
    assert by_name(checks, "port of the AWS endpoint").status is Status.OK


def test_this_machine_has_python_and_uv(tmp_path):
    found = statuses(machine_checks(tmp_path, ports=(0, 0)))
    assert (found["Python"], found["uv"]) == (Status.OK, Status.OK)


def test_a_machine_that_cannot_give_functions_a_file_system_of_their_own_says_why_and_what_to_do():
    check = files_check("unshare: Operation not permitted")
    assert check.status is Status.WARN
    assert check.found.endswith("share this machine's: unshare: Operation not permitted")
    assert files_check("").status is Status.OK


def test_a_service_that_is_as_it_should_be_passes(service):
    described, checks = project_checks(service, "dev")
    assert described.name == "shop"
    assert set(statuses(checks).values()) == {Status.OK}


def test_a_service_without_lock_and_runtime_is_warned(service):
    (service / "uv.lock").unlink()
    (service / "pyproject.toml").write_text(SETTINGS.partition("runtime")[0])
    _, checks = project_checks(service, "dev")
    assert statuses(checks) == {"service": Status.OK, "lock": Status.WARN, "runtime": Status.WARN}


def test_a_lock_without_a_package_that_the_service_asks_for_fails(service):
    asking = SETTINGS.replace('version = "1"', 'version = "1"\ndependencies = ["fastapi", "Not.Locked>=1"]')
    (service / "pyproject.toml").write_text(asking)
    (service / "uv.lock").write_text('version = 1\n[[package]]\nname = "fastapi"\n')
    _, checks = project_checks(service, "dev")
    lock = by_name(checks, "lock")
    assert (lock.status, lock.remedy) == (Status.FAIL, "Run: uv lock")
    assert "uv.lock is out of date: it has no not-locked" in lock.found


def test_a_runtime_that_is_not_on_this_machine_is_warned_of(service, monkeypatch, tmp_path):
    other = "3.13" if OWN != "3.13" else "3.12"
    for nowhere in ("PATH", "PYENV_ROOT", "HOME", "UV_PYTHON_INSTALL_DIR"):
        monkeypatch.setenv(nowhere, str(tmp_path / "nothing"))
    (service / "pyproject.toml").write_text(SETTINGS.replace(OWN, other))
    _, checks = project_checks(service, "dev")
    runtime = by_name(checks, "runtime")
    assert (runtime.status, runtime.remedy) == (Status.WARN, f"Run: uv python install {other}")


def test_a_folder_without_a_service_fails_and_the_rest_of_it_is_skipped(tmp_path):
    described, checks = project_checks(tmp_path, "dev")
    assert described is None
    assert statuses(checks) == {"service": Status.FAIL, "lock": Status.SKIP, "runtime": Status.SKIP}
    assert "uv init" in checks[0].remedy


def test_an_account_that_answers_is_looked_at_to_the_end(local_aws):
    checks = list(account_checks(None, lambda: connect(endpoint_url=local_aws.endpoint_url, keys=local_aws.keys)))
    found = statuses(checks)
    assert found.pop("concurrency") in {Status.OK, Status.WARN}
    assert set(found.values()) == {Status.OK}, checks
    assert "000000000000" in by_name(checks, "credentials").found
    assert "fastlambda-bootstrap" in by_name(checks, "bootstrap").found


def test_when_nobody_answers_the_network_fails_and_what_needs_it_is_skipped():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        checks = list(account_checks(None, lambda: connect(endpoint_url=url, keys=NOBODYS)))
    assert by_name(checks, "network").status is Status.FAIL
    assert by_name(checks, "network").remedy
    assert {check.status for check in checks[2:]} == {Status.SKIP}


def test_without_a_region_the_check_says_where_to_set_one():
    def unconfigured():
        raise CredentialsError("Could not connect to AWS", why="no Region is set", remedy="Pass --region.")

    first, *rest = account_checks(None, unconfigured)
    assert (first.status, first.remedy) == (Status.FAIL, "Pass --region.")
    assert {check.status for check in rest} == {Status.SKIP}


def test_the_other_clock_is_read_from_an_answer_without_credentials():
    class Clock(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            assert "authorization" not in self.headers
            self.send_response_only(302)
            self.send_header("Date", "Mon, 23 Nov 2026 12:00:00 GMT")
            self.end_headers()

        def log_message(self, *_): ...

    with http.server.HTTPServer(("127.0.0.1", 0), Clock) as server:
        threading.Thread(target=server.handle_request).start()
        with connect(endpoint_url=f"http://127.0.0.1:{server.server_port}", keys=NOBODYS) as aws:
            assert server_time(aws) == NOW


def test_a_certificate_bundle_that_cannot_be_read_is_a_network_failure_with_its_remedy(
    local_aws, monkeypatch, tmp_path
):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none.pem"))
    checks = account_checks(None, lambda: connect(endpoint_url=local_aws.endpoint_url, keys=local_aws.keys))
    network = by_name(list(checks), "network")
    assert (network.status, "AWS_CA_BUNDLE" in network.remedy) == (Status.FAIL, True)


@pytest.mark.parametrize(
    ("off", "status"), [(0, Status.OK), (59, Status.OK), (-61, Status.WARN), (299, Status.WARN), (-301, Status.FAIL)]
)
def test_a_clock_that_is_minutes_off_is_warned_of_before_aws_refuses(off, status):
    check = clock_check(NOW, NOW + timedelta(seconds=off))
    assert check.status is status
    assert ("behind" in check.found) == (off <= 0)


def test_a_new_accounts_ten_environments_are_few():
    assert concurrency_check(10, 10, None).status is Status.WARN
    assert concurrency_check(1000, 900, None).status is Status.OK


def test_reserving_what_has_to_stay_unreserved_is_said_before_cloudformation_says_it():
    check = concurrency_check(1000, 1000, 950)
    assert (check.status, "950" in check.found) == (Status.WARN, True)
    assert concurrency_check(1000, 1000, 900).status is Status.OK


def test_storage_that_is_nearly_full_is_said():
    assert storage_check(79, 100).status is Status.OK
    assert storage_check(80, 100).status is Status.WARN


def test_doctor_of_this_machine_asks_nothing_of_aws_and_ends_well(fastlambda, service):
    answer = fastlambda("doctor", service, "--local", "--json")
    told = json.loads(answer.stdout)
    assert (answer.returncode, told["ok"]) == (0, True)
    assert {check["status"] for check in told["checks"]} <= {"ok", "warn"}
    assert "network" not in {check["name"] for check in told["checks"]}


def test_doctor_fails_when_a_check_fails_and_says_what_to_do(fastlambda, tmp_path):
    answer = fastlambda("doctor", tmp_path, "--local")
    assert answer.returncode == 1
    assert "fail  service" in answer.stdout
    assert "→ Name the folder" in answer.stdout
    assert "1 failure" in answer.stdout
