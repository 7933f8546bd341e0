"""Earlier releases deployed again."""

from __future__ import annotations

import pytest
from deployments import RAISES

from fastlambda_cli import deploy as engine
from fastlambda_cli.cli.dev_deployment import bring_up_to_date
from fastlambda_cli.errors import HealthCheckError, NoSuchReleaseError, StackError


def deploy_bodies(shop, *bodies):
    for body in bodies:
        shop.answer(body)
        shop.deploy()


@pytest.mark.slow
def test_a_rollback_returns_to_the_release_before_the_live_one(shop):
    deploy_bodies(shop, "one", "two")
    outcome = shop.rollback()
    assert shop.get() == "200 one"
    assert (outcome.release.number, outcome.release.of, outcome.release.version) == (3, 1, "3")
    assert shop.releases() == [(3, "live"), (2, "earlier"), (1, "earlier")]


@pytest.mark.slow
def test_a_rollback_builds_nothing_and_needs_no_service(shop):
    deploy_bodies(shop, "one", "two")
    shop.write("this is no Python")
    assert shop.rollback().plan.artifact.changed
    assert shop.get() == "200 one"


@pytest.mark.slow
def test_a_rollback_may_name_its_release(shop):
    deploy_bodies(shop, "one", "two", "three")
    shop.rollback(to=1)
    assert shop.get() == "200 one"


@pytest.mark.slow
def test_settings_and_permissions_go_back_with_the_code(shop):
    shop.deploy()
    shop.configure("memory = 2048", 'permissions = [{ actions = ["sqs:SendMessage"], resources = ["*"] }]')
    shop.deploy()
    outcome = shop.rollback()
    assert [(change.granted, change.action) for change in outcome.plan.permissions] == [(False, "sqs:SendMessage")]
    settings = shop.aws.client("lambda").get_function_configuration(FunctionName=shop.stack, Qualifier="live")
    assert settings["MemorySize"] == 1024


def test_a_release_that_another_service_left_under_the_same_name_is_no_release_to_return_to(shop):
    shop.deploy()
    shop.destroy(purge=False)
    other = "shop-of-another, stage dev: a FastAPI service on AWS Lambda."

    with pytest.raises(StackError, match=f"Release 1 of {shop.stack} is that of {shop.name}, stage dev"):
        engine.rollback(shop.aws, shop.stack, shop.told.append, to=1, confirm=lambda _: True, owner=other)


def test_a_rollback_to_what_is_live_has_nothing_to_do(shop):
    shop.deploy()
    assert shop.rollback(to=1).plan.empty


@pytest.mark.slow
def test_a_rollback_that_nobody_confirms_changes_nothing(shop):
    deploy_bodies(shop, "one", "two")
    assert engine.rollback(shop.aws, shop.stack, shop.told.append, to=None, confirm=lambda _: False) is None
    assert (shop.get(), shop.releases()) == ("200 two", [(2, "live"), (1, "earlier")])


def test_without_an_earlier_release_there_is_nowhere_to_return_to(shop):
    shop.deploy()
    with pytest.raises(NoSuchReleaseError, match="no earlier release"):
        shop.rollback()


def test_a_release_that_was_never_live_is_none_to_return_to(shop):
    shop.deploy()
    shop.write(RAISES)
    with pytest.raises(HealthCheckError):
        shop.deploy()
    with pytest.raises(NoSuchReleaseError, match=r"Release 2 .* is no release to return to"):
        shop.rollback(to=2)


@pytest.mark.slow
def test_what_dev_kept_is_passed_over_and_is_no_release_to_return_to(shop):
    shop.deploy()
    bring_up_to_date(shop.target().service, "dev", shop.aws.endpoint_url, shop.aws.keys, lambda _: None)
    deploy_bodies(shop, "three")
    assert [release.stands_in for release in engine.releases(shop.aws, shop.stack)] == [False, True, False]
    with pytest.raises(NoSuchReleaseError, match="ran the service from its folder"):
        shop.rollback(to=2)
    shop.rollback()
    assert shop.get() == "200 one"


def test_a_number_that_no_release_has_is_refused(shop):
    shop.deploy()
    with pytest.raises(NoSuchReleaseError, match="has no release 9"):
        shop.rollback(to=9)
