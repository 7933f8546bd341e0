"""Two people who deploy the same stage."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from deployments import Shop

from fastlambda_cli.aws.session import connect
from fastlambda_cli.errors import OvertakenError


@pytest.fixture
def colleague(shop, tmp_path):
    """The same service in another folder."""
    other = Shop(tmp_path / "colleague", shop.aws, shop.name)
    other.answer("theirs")
    return other


def test_of_two_who_agreed_to_the_same_plan_at_once_one_deploys_and_the_other_is_told(shop, colleague):
    shop.deploy()
    shop.answer("ours")
    both_agreed = threading.Barrier(2, timeout=60)

    def deploy(one):
        with connect(endpoint_url=shop.aws.endpoint_url, keys=shop.aws.keys) as aws:
            return one.deploy(aws=aws, confirm=lambda _: both_agreed.wait() >= 0)

    with ThreadPoolExecutor() as people:
        futures = [people.submit(deploy, one) for one in (shop, colleague)]
        problems = [future.exception() for future in futures]
    assert sorted(type(problem).__name__ for problem in problems) == ["NoneType", "OvertakenError"]
    winner = "ours" if problems[0] is None else "theirs"
    assert shop.get() == f"200 {winner}"
    statuses = sorted(status for _, status in shop.releases())
    assert statuses == ["earlier", "failed", "live"]


@pytest.mark.slow
def test_a_deployment_between_plan_and_consent_is_told_and_not_overwritten(shop, colleague):
    shop.deploy()
    shop.answer("ours")

    def slowly(_):
        colleague.deploy()
        return True

    with pytest.raises(OvertakenError, match="Somebody else has changed the stack"):
        shop.deploy(confirm=slowly)
    assert shop.get() == "200 theirs"
    shop.deploy()
    assert shop.get() == "200 ours"


def test_a_settings_update_between_plan_and_consent_is_told_too(shop, colleague):
    shop.deploy()
    colleague.configure("logs.retention = 90")
    colleague.answer("one")
    shop.configure("logs.retention = 60")

    def slowly(_):
        colleague.deploy()
        return True

    with pytest.raises(OvertakenError, match="Somebody else has changed the stack"):
        shop.deploy(confirm=slowly)
    groups = shop.aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{shop.stack}")["logGroups"]
    assert groups[0]["retentionInDays"] == 90


def test_of_two_who_make_the_same_stack_at_once_one_does_and_the_other_is_told(shop, colleague):
    def slowly(_):
        colleague.deploy()
        return True

    with pytest.raises(OvertakenError, match="Somebody else"):
        shop.deploy(confirm=slowly)
    assert shop.get() == "200 theirs"
