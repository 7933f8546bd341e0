"""A message has its effect once, however often it is delivered, sent or raced for."""

from __future__ import annotations

import time

import pytest
from background import eventually
from queue_events import eventbridge, failed, scheduled, sqs


def effects(*invocations):
    return [line["order"] for done in invocations for line in done.logs if line["message"] == "effect"]


def orders(*bodies):
    return sqs(*bodies, queue="orders")


def refund(order, shop="a"):
    event = sqs(order, queue="refunds")
    event["Records"][0]["messageAttributes"] = {"shop": {"dataType": "String", "stringValue": shop}}
    return event


def test_a_message_that_is_delivered_again_has_its_effect_once(function):
    first = function.invoke(orders({"order_id": "1"}, {"order_id": "2"}))
    again = function.invoke(orders({"order_id": "2"}, {"order_id": "3"}))

    assert (first.answer, again.answer) == (failed(), failed())
    assert (sorted(effects(first)), effects(again)) == (["1", "2"], ["3"])
    skipped = again.log("Skipped a record that was handled before")
    assert (skipped["route"], skipped["message_id"]) == ("sqs:orders", "1")


def test_an_event_of_a_bus_and_a_run_of_a_schedule_have_their_effect_once_too(function):
    event = eventbridge({"order": {"id": "4"}}, source="shop")
    assert effects(function.invoke(event), function.invoke(event)) == ["4"]
    hour = scheduled("hourly")
    assert len(effects(function.invoke(hour), function.invoke(hour))) == 1


def test_a_message_that_failed_is_handled_again_at_once(function):
    for does in ("fail", "exit"):
        assert function.invoke(orders({"order_id": does, "does": does})).answer == failed("1")
        assert effects(function.invoke(orders({"order_id": does}))) == [does]


def test_of_two_environments_that_race_one_has_the_effect_and_the_other_gives_the_message_back(function, other, hold):
    message = orders({"order_id": "raced", "does": hold.order})
    function.send(message)
    hold.wait_until_begun()

    beaten = other.invoke(message)
    hold.end()
    winner = function.answered()

    assert (beaten.answer, winner.answer) == (failed("1"), failed())
    (told,) = [line for line in beaten.logs if line["level"] == "WARNING"]
    assert told["message"].startswith("Gave a record back: The same is being done already for sqs:orders")
    assert effects(beaten, winner, other.invoke(message)) == ["raced"]


@pytest.mark.slow
def test_a_message_of_a_killed_environment_is_handled_after_the_deadline_it_had(stage, other, hold):
    message = orders({"order_id": "killed", "does": hold.order})
    killed = stage.environment()
    killed.send(message, seconds=2)
    hold.wait_until_begun()
    killed.process.kill()
    hold.end()

    tries = [other.invoke(message)]
    eventually(lambda: tries.append(other.invoke(message)) or tries[-1].answer == failed())

    assert tries[0].answer == failed("1")
    assert effects(*tries) == ["killed"]


def test_a_message_that_is_cut_short_stays_taken_until_the_deadline(function, stage):
    before = stage.records()
    cut = function.invoke(refund({"order_id": "cut", "does": "hang"}), seconds=1)
    assert cut.answer == failed("1")
    record = stage.record(before)
    assert record["status"]["S"] == "INPROGRESS"
    assert int(record["in_progress_expiration"]["N"]) / 1000 <= time.time() + 1


def test_a_function_makes_the_key_of_the_message_and_what_stands_beside_it(function):
    shops = [function.invoke(refund({"order_id": "keyed"}, shop)) for shop in "aba"]
    assert effects(*shops) == ["keyed", "keyed"]


def test_a_key_is_that_of_the_message_as_it_came_whatever_the_consumer_makes_of_it(function):
    parcel = sqs({"lines": ["book", "pen"]}, queue="parcels")
    first, again = function.invoke(parcel), function.invoke(parcel)
    assert (first.answer, again.answer) == (failed(), failed())
    assert effects(first, again) == ["book-pen"]


def test_a_key_that_cannot_be_compared_is_not_mistaken_for_trouble_with_the_table(function):
    done = function.invoke(sqs({"order_id": "odd"}, queue="labels"))
    assert (done.answer, effects(done)) == (failed("1"), [])
    error = done.log("Unhandled exception in the consumer")
    assert "A key of sqs:labels cannot be compared: Object of type set is not JSON serializable" in error["exception"]
    assert "dynamodb" not in error["exception"]


def test_the_same_key_of_another_consumer_is_another(function):
    assert effects(function.invoke(orders({"order_id": "both"})), function.invoke(refund({"order_id": "both"}))) == [
        "both",
        "both",
    ]


def test_a_message_without_its_key_is_refused_and_its_values_are_not_logged(function):
    done = function.invoke(orders({"order_id": "", "does": "secret"}))
    assert done.answer == failed("1")
    assert effects(done) == []
    line = "Refused a record: The message has no idempotency key: there is nothing where it is looked for"
    assert done.log(line)["level"] == "ERROR"
    assert "secret" not in str(done.lines)


@pytest.mark.slow
def test_another_stage_has_a_table_of_its_own_and_without_it_nothing_is_done(function, start_stage):
    elsewhere = start_stage()
    there = elsewhere.environment()
    message = orders({"order_id": "staged"})
    assert effects(function.invoke(message), there.invoke(message)) == ["staged", "staged"]

    elsewhere.delete()
    assert elsewhere.table not in elsewhere.tables()
    lost = there.invoke(orders({"order_id": "lost"}))
    assert (lost.answer, effects(lost)) == (failed("1"), [])
    error = lost.log("Unhandled exception in the consumer")
    assert error["exception_name"] == "IdempotencyError"
    assert "ResourceNotFoundException" in error["exception"]
