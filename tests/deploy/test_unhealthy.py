"""Versions that do not answer: nobody but the health check ever sees them."""

from __future__ import annotations

import pytest
from deployments import RAISES
from steady_load import Load

from fastlambda_cli.deploy import releases
from fastlambda_cli.deploy.health import LiveHealthCheck, request_event
from fastlambda_cli.deploy.model import Outcome
from fastlambda_cli.deploy.pipeline import deploy
from fastlambda_cli.errors import HealthCheckError

FAILS_BEHIND_THE_API = """
def handler(event, context):
    healthy = event["requestContext"]["apiId"] == "health-check"
    return {"statusCode": 200 if healthy else 503, "body": "two"}
"""


def test_a_version_that_raises_when_it_is_imported_gets_no_traffic(shop):
    url = shop.deploy().outputs["ApiUrl"]
    shop.write(RAISES)
    with (
        Load(url, clients=1) as load,
        pytest.raises(HealthCheckError, match=r"Version 2 of .* does not answer") as failure,
    ):
        shop.deploy()
    assert "RuntimeError: no such table" in failure.value.why
    assert "version 1 has all traffic" in failure.value.remedy
    assert failure.value.exit_code == 8
    assert not load.failures()
    assert {answer.text for answer in load.answers} == {"one"}
    assert (shop.live(), shop.status()) == ("1", "UPDATE_COMPLETE")
    assert shop.releases() == [(2, "failed"), (1, "live")]


def test_a_version_that_answers_500_gets_no_traffic(shop):
    shop.deploy()
    shop.answer("broken", status=500)
    with pytest.raises(HealthCheckError, match="does not answer GET /") as failure:
        shop.deploy()
    assert failure.value.why == "its status is 500"
    assert failure.value.remedy == "The stack is as it was, and version 1 has all traffic."
    assert (shop.live(), shop.get()) == ("1", "200 one")
    assert releases(shop.aws, shop.stack)[0].reason == str(failure.value)


def test_a_version_that_refuses_strangers_is_healthy(shop):
    shop.deploy()
    shop.answer("sign in", status=401)
    shop.deploy()
    assert shop.get() == "401 sign in"


def test_a_version_that_fails_behind_the_api_only_has_its_traffic_taken_away_again(shop):
    shop.deploy()
    shop.write(FAILS_BEHIND_THE_API)
    with pytest.raises(HealthCheckError, match=r"GET http.* does not answer") as failure:
        deploy(
            shop.target(),
            shop.aws,
            shop.told.append,
            confirm=lambda _: True,
            health=LiveHealthCheck(shop.aws, wait=lambda _: None),
        )
    assert "503" in failure.value.why
    assert (shop.live(), shop.get()) == ("1", "200 one")
    assert shop.releases() == [(2, "failed"), (1, "live")]


def test_what_was_live_is_live_still_and_needs_no_deployment(shop):
    shop.deploy()
    shop.write(RAISES)
    with pytest.raises(HealthCheckError):
        shop.deploy()
    shop.answer("one")
    again = shop.deploy()
    assert isinstance(again, Outcome)
    assert (again.plan.empty, again.plan.publishes) == (True, False)


@pytest.mark.slow
def test_the_repaired_version_goes_live_after_an_unhealthy_one(shop):
    shop.deploy()
    shop.write(RAISES)
    with pytest.raises(HealthCheckError):
        shop.deploy()
    shop.answer("two")
    shop.deploy()
    assert (shop.get(), shop.releases()) == ("200 two", [(3, "live"), (2, "failed"), (1, "earlier")])


@pytest.mark.slow
def test_a_first_deployment_that_does_not_answer_stays_and_can_be_repaired(shop):
    shop.write(RAISES)
    health = LiveHealthCheck(shop.aws, wait=lambda _: None)
    with pytest.raises(HealthCheckError, match="does not answer") as failure:
        deploy(shop.target(), shop.aws, shop.told.append, confirm=lambda _: True, health=health)
    assert "Nothing was live before, so the stack stays" in failure.value.remedy
    assert shop.status() == "CREATE_COMPLETE"
    shop.answer("one")
    shop.deploy()
    assert (shop.get(), shop.releases()) == ("200 one", [(2, "live"), (1, "failed")])


def test_the_configured_path_is_what_is_asked(shop):
    shop.configure('health = "/healthy"')
    shop.write('def handler(event, context): return {"statusCode": 200 if event["rawPath"] == "/healthy" else 500}\n')
    shop.deploy()
    shop.write('def handler(event, context): return {"statusCode": 204 if event["rawPath"] == "/healthy" else 500}\n')
    shop.deploy()
    assert shop.live() == "2"


def test_the_event_of_the_health_check_is_one_of_the_http_api():
    event = request_event("/health")
    assert (event["version"], event["rawPath"], event["requestContext"]["http"]["method"]) == ("2.0", "/health", "GET")
