"""While new versions are asked, nothing brings events to where it does not bring them already."""

from __future__ import annotations

import pytest

from fastlambda_cli.deploy.arrivals import brought_to, held_back
from fastlambda_cli.service.load import load_service
from fastlambda_cli.template import render

ALL = """
@events.sqs("imports"{worker})
def imported(book): ...

@events.sns("prices"{worker})
def priced(price): ...

@events.eventbridge(source="books"{worker})
def created(book): ...

@events.schedule("rate(1 hour)"{worker})
def tidy(): ...
"""
BRINGING = {
    "CreatedRule",
    "CreatedRulePermission",
    "ImportsQueueMapping",
    "PricesTopicPermission",
    "PricesTopicSubscription",
    "TidySchedule",
}


@pytest.fixture
def document(tmp_path):
    """The template of a service that declares this."""

    def document(declared, **more):
        code = (
            "from fastlambda import EventRouter, FastLambda\nevents = EventRouter()\n"
            f"{declared.format(**more)}\nhandler = FastLambda(print, events=events)\n"
        )
        (tmp_path / "lambda_handler.py").write_text(code, encoding="utf-8")
        (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n[tool.fastlambda]\n', encoding="utf-8")
        return render(load_service(tmp_path, stage="dev"), stage="dev", runtime="python3.13").document

    return document


@pytest.mark.parametrize("worker", ["", ', function="worker"'])
def test_what_is_new_brings_nothing_yet_and_has_everything_else(document, worker):
    before, wanted = document(""), document(ALL, worker=worker)
    held = held_back(wanted, before)
    # Of who may send to the queue of failed events, its policy names the rule.
    assert wanted["Resources"].keys() - held["Resources"].keys() == BRINGING | {"FailedEventsPolicy"}
    assert held["Outputs"] == wanted["Outputs"]
    assert not brought_to("WorkerAlias", held)


def test_what_moves_to_a_new_function_stays_where_it_was_with_who_lets_it(document):
    before, wanted = document(ALL, worker=""), document(ALL, worker=', function="worker"')
    held = held_back(wanted, before)["Resources"]
    # The function that they leave may take them still, and has those kept that fail.
    assert held.keys() - wanted["Resources"].keys() == {"AsynchronousInvocations"}
    statements = {one["Sid"]: one for one in held["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]}
    assert statements["QueuesBefore"]["Resource"] == [{"Fn::GetAtt": ["ImportsQueue", "Arn"]}]
    assert statements["FailedEventsBefore"]["Action"] == ["sqs:SendMessage"]
    assert held["WorkerRole"] == wanted["Resources"]["WorkerRole"]
    for name in (*BRINGING, "ScheduleRole", "FailedEventsPolicy"):
        assert held[name] == before["Resources"][name]
    assert held["WorkerFunction"] == wanted["Resources"]["WorkerFunction"]
    assert brought_to("WorkerAlias", wanted)


def test_what_stays_with_its_function_changes_at_once(document):
    queue = "@events.sqs('imports', batch_size={size}, function='worker')\ndef imported(book): ..."
    before, wanted = document(queue, size=5), document(queue, size=9)
    assert held_back(wanted, before) == wanted


@pytest.mark.parametrize(("before", "after"), [("ab", "b"), ("a", "ab")])
def test_a_role_keeps_no_queue_that_goes_and_takes_those_that_come_at_once(document, before, after):
    declared = ["".join(f"@events.sqs('{name}')\ndef {name}(x): ...\n" for name in names) for names in (before, after)]
    old, wanted = map(document, declared)
    assert held_back(wanted, old)["Resources"]["Role"] == wanted["Resources"]["Role"]


@pytest.mark.parametrize("declared", ["", ALL])
def test_what_was_left_by_an_interrupted_deployment_is_held_back_again(document, declared):
    first, wanted = document(declared, worker=""), document(ALL, worker=', function="worker"')
    interrupted = held_back(wanted, first)
    assert held_back(wanted, interrupted) == interrupted


def test_what_comes_back_from_a_function_that_goes_is_brought_to_the_other_at_once(document):
    before, wanted = document(ALL, worker=', function="worker"'), document(ALL, worker="")
    assert held_back(wanted, before)["Resources"]["ImportsQueueMapping"] == wanted["Resources"]["ImportsQueueMapping"]
