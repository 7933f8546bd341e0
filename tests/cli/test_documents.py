"""The JSON that machines read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import deployment_records as records
import pytest

from fastlambda_cli.cli.documents import (
    outcome_document,
    plan_document,
    print_document,
    release_document,
    state_document,
    told_to_machines,
)
from fastlambda_cli.errors import CredentialsError

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


@pytest.fixture
def printed(capsys):
    def read(document):
        print_document(document)
        return json.loads(capsys.readouterr().out)

    return read


def documented_keys(section, heading="| key | value |"):
    body = DOCUMENTATION.partition(f"\n## {section}\n")[2].partition("\n## ")[0].partition(heading)[2]
    first_cells = re.findall(r"^\| (`[^|]+`) \|", body, re.MULTILINE)
    return {key for cell in first_cells for key in re.findall(r"`(\w+)`", cell)}


def test_a_plan_says_in_json_what_it_says_to_people_and_what_it_adds_up_to(printed):
    told = printed(plan_document(records.plan()))
    assert told["changes"][3]["action"] == "replace"
    assert told["permissions"][0]["granted"] is True
    assert (told["empty"], round(told["cost"]["usd"], 2)) == (False, 1.98)


def test_a_plan_without_a_cost_or_an_artifact_has_null_there(printed):
    told = printed(plan_document(records.empty_plan()))
    assert (told["empty"], told["cost"], told["artifact"]) == (True, None, None)


def test_a_release_has_no_list_of_files_and_its_time_in_utc(printed):
    told = printed(release_document(records.release()))
    assert told["at"] == "2026-11-23T11:00:00Z"
    assert set(told["artifact"]) == {"bucket", "key", "sha256", "size"}


def test_an_outcome_without_a_release_has_null_there(printed):
    assert printed(outcome_document(records.outcome(release=None)))["release"] is None


def test_a_state_has_its_release_in_it(printed):
    told = printed(state_document(records.state()))
    assert (told["status"], told["live"]["number"], told["weights"]) == ("UPDATE_COMPLETE", 7, {"13": 0.1})


@pytest.mark.parametrize(
    ("section", "document"),
    [
        ("plan", plan_document(records.plan())),
        ("deploy", outcome_document(records.outcome())),
        ("releases", release_document(records.release())),
    ],
    ids=["plan", "deploy", "releases"],
)
def test_the_documentation_has_exactly_the_keys_that_are_printed(section, document):
    assert documented_keys(section) == set(document)


def test_an_error_is_a_document_too_and_goes_on_to_standard_error(capsys):
    with pytest.raises(CredentialsError), told_to_machines(as_json=True):
        raise CredentialsError("Could not ask", why="they have expired", remedy="Sign in anew.")
    assert json.loads(capsys.readouterr().out) == {
        "error": {"what": "Could not ask", "why": "they have expired", "remedy": "Sign in anew.", "exit_code": 6}
    }


def test_without_json_an_error_prints_nothing_on_standard_output(capsys):
    with pytest.raises(CredentialsError), told_to_machines(as_json=False):
        raise CredentialsError("Could not ask")
    assert capsys.readouterr().out == ""
