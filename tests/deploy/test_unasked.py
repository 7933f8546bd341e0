"""New versions that could not be asked whether they answer: nothing is left in the middle without saying so."""

from __future__ import annotations

import pytest

from fastlambda_cli import deploy as engine
from fastlambda_cli.deploy.desired import Desired
from fastlambda_cli.deploy.engine import Engine
from fastlambda_cli.deploy.model import PublishedZip
from fastlambda_cli.errors import (
    AccessDeniedError,
    AwsUnreachableError,
    CredentialsError,
    HealthCheckError,
)


class Fails:
    """A health check that cannot ask."""

    def __init__(self, error, *, url_only=False):
        self.error, self.url_only = error, url_only

    def version(self, function, version, path):
        del function, version, path
        if not self.url_only:
            raise self.error

    def url(self, url, path):
        del url, path
        raise self.error


def deploy(shop, health):
    return engine.deploy(shop.target(), shop.aws, shop.told.append, confirm=lambda _: True, health=health)


@pytest.fixture
def changed(shop):
    """A service of which one version is live and another one is to be deployed."""
    shop.deploy()
    shop.answer("two")
    return shop


@pytest.mark.slow
def test_a_version_that_nobody_may_ask_gets_no_traffic_and_everything_is_put_back(changed):
    with pytest.raises(AccessDeniedError) as failure:
        deploy(changed, Fails(AccessDeniedError("Could not invoke version 2", remedy="Have it allowed.")))
    assert failure.value.remedy == "Have it allowed. The stack is as it was, and version 1 has all traffic."
    assert (changed.live(), changed.get()) == ("1", "200 one")
    assert changed.releases() == [(2, "failed"), (1, "live")]
    assert changed.deploy().release.number == 3
    assert changed.get() == "200 two"


def test_without_credentials_everything_stays_and_the_next_deployment_goes_on_from_there(changed):
    with pytest.raises(CredentialsError):
        deploy(changed, Fails(CredentialsError("Could not invoke version 2")))
    assert changed.told[-1].text.startswith(f"Version 1 of {changed.stack} has all traffic still.")
    assert changed.releases() == [(2, "started"), (1, "live")]
    changed.deploy()
    assert (changed.get(), changed.versions()) == ("200 two", ["1", "2"])
    assert changed.releases() == [(3, "live"), (2, "failed"), (1, "earlier")]


def test_without_network_after_the_traffic_has_moved_that_is_told_and_the_release_turns_out_to_be_live(changed):
    with pytest.raises(AwsUnreachableError):
        deploy(changed, Fails(AwsUnreachableError("Could not ask"), url_only=True))
    assert "has moved to the new version, and whether its API answers is not known" in changed.told[-1].text
    assert changed.deploy().plan.empty
    assert changed.releases() == [(2, "live"), (1, "earlier")]


def test_a_first_deployment_that_answers_too_late_is_live_once_it_is_asked_again(shop):
    late = Fails(HealthCheckError("GET / does not answer"), url_only=True)
    for _ in range(2):
        with pytest.raises(HealthCheckError):
            deploy(shop, late)
        assert shop.releases() == [(1, "failed")]
    outcome = shop.deploy()
    assert outcome.plan.empty
    assert (outcome.release.number, outcome.release.status, outcome.release.version) == (1, "live", "1")
    assert shop.releases() == [(1, "live")]


class AnswersOnce:
    """A health check of an API that answers the first time only."""

    def __init__(self):
        self.asked = 0

    def version(self, function, version, path):
        del function, version, path

    def url(self, url, path):
        del url, path
        self.asked += 1
        if self.asked > 1:
            raise HealthCheckError("GET / does not answer")


def test_settings_after_which_the_api_does_not_answer_any_more_are_put_back(shop):
    shop.deploy()
    shop.configure("logs.retention = 90")
    with pytest.raises(HealthCheckError) as failure:
        deploy(shop, AnswersOnce())
    assert "The stack is as it was" in failure.value.remedy
    groups = shop.aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{shop.stack}")["logGroups"]
    assert groups[0]["retentionInDays"] != 90
    assert shop.releases() == [(2, "failed"), (1, "live")]


def test_settings_of_an_api_that_does_not_answer_are_changed_all_the_same(shop):
    late = Fails(HealthCheckError("GET / does not answer"), url_only=True)
    with pytest.raises(HealthCheckError):
        deploy(shop, late)
    shop.configure("logs.retention = 90")
    assert deploy(shop, late).release.status == "live"
    assert "did not answer before the update" in shop.remarks()[-1]


ROLLOUT = {"CodeDeployLambdaAliasUpdate": {"ApplicationName": "shop", "DeploymentGroupName": "live"}}
DOCUMENT = {
    "Parameters": {"LiveVersion": {"Type": "String", "Default": ""}},
    "Resources": {
        "Alias": {
            "Type": "AWS::Lambda::Alias",
            "UpdatePolicy": ROLLOUT,
            "Properties": {"FunctionName": "shop", "FunctionVersion": {"Ref": "LiveVersion"}, "Name": "live"},
        }
    },
}


@pytest.mark.parametrize(("kept", "policy"), [("1", None), ("", ROLLOUT)], ids=["pinned", "moving"])
def test_only_the_move_of_the_traffic_is_a_rollout(local_aws, unique, kept, policy):
    engine = Engine.of(local_aws, lambda _: None)
    desired = Desired(unique("shop"), DOCUMENT, {}, PublishedZip("bucket", "key", "", 0), "/")
    change_set = engine.traffic(None).propose(desired, {desired.stack_name: kept} if kept else {})
    asked = {"StackName": change_set.stack_id, "ChangeSetName": change_set.id}
    template = local_aws.client("cloudformation").get_template(**asked)["TemplateBody"]
    engine.stacks.discard(change_set)
    assert template["Resources"]["Alias"].get("UpdatePolicy") == policy
