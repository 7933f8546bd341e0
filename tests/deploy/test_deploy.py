"""Deployments to the local AWS, looked at through boto3 and HTTP as anybody sees them."""

from __future__ import annotations

import threading
import time

import pytest
from deployments import Shop

from fastlambda_cli.aws.model import StackEvent
from fastlambda_cli.deploy.model import Action, Progressed
from fastlambda_cli.errors import StackError

TWICE_THE_SAME_TAG = "tags = { team = 'a', Team = 'b' }"
"""IAM takes no two tags whose keys differ in case alone; all else in the stack does."""


def test_a_first_deployment_makes_the_stack_and_it_answers(shop):
    outcome = shop.deploy()
    assert outcome.plan.creates
    assert (shop.status(), shop.live(), shop.get()) == ("CREATE_COMPLETE", "1", "200 one")
    assert (outcome.release.number, outcome.release.status, outcome.release.version) == (1, "live", "1")


def test_how_much_of_the_artifact_is_uploaded_is_told_as_it_grows(shop):
    shop.deploy()
    told = [happening for happening in shop.told if isinstance(happening, Progressed)]
    assert [one.done for one in told] == sorted(one.done for one in told)
    assert told[-1].done == told[-1].total
    assert len(told) <= 101


def test_a_deployment_without_changes_does_nothing_and_succeeds(shop):
    shop.deploy()
    again = shop.deploy()
    assert again.plan.empty
    assert again.release is None
    assert again.outputs["FunctionName"] == shop.stack
    assert (shop.versions(), shop.releases()) == (["1"], [(1, "live")])


def test_new_code_is_one_new_version_that_takes_over(shop):
    shop.deploy()
    shop.answer("two")
    outcome = shop.deploy()
    assert outcome.plan.publishes
    assert (shop.versions(), shop.live(), shop.get()) == (["1", "2"], "2", "200 two")
    assert shop.releases() == [(2, "live"), (1, "earlier")]
    assert [change.path for change in outcome.plan.artifact.files if change.path.endswith(".py")] == [
        "lambda_handler.py"
    ]


def test_a_new_setting_is_one_new_version_with_it(shop):
    shop.deploy()
    shop.configure("memory = 2048")
    shop.deploy()
    assert (shop.versions(), shop.live()) == (["1", "2"], "2")
    settings = shop.aws.client("lambda").get_function_configuration(FunctionName=shop.stack, Qualifier="live")
    assert settings["MemorySize"] == 2048


def test_only_resources_that_change_are_told(shop):
    shop.deploy()
    shop.configure("memory = 2048")
    shop.told.clear()
    shop.deploy()
    kinds = {happening.kind for happening in shop.told if isinstance(happening, StackEvent)}
    assert kinds == {
        "AWS::CloudFormation::Stack",
        "AWS::Lambda::Function",
        "AWS::Lambda::Version",
        "AWS::Lambda::Alias",
    }


def test_what_no_version_holds_is_changed_without_a_new_one(shop):
    shop.deploy()
    shop.configure("logs.retention = 90")
    outcome = shop.deploy()
    assert not outcome.plan.publishes
    assert (shop.versions(), shop.live(), shop.releases()[0]) == (["1"], "1", (2, "live"))


def test_a_deployment_that_nobody_confirms_leaves_nothing_behind(shop):
    assert shop.deploy(confirm=lambda _: False) is None
    assert shop.status() is None
    assert not shop.releases()


def test_how_long_somebody_thinks_about_it_is_not_how_long_it_takes(shop):
    begun = time.monotonic()
    outcome = shop.deploy(confirm=lambda _: not threading.Event().wait(0.3))
    assert outcome.seconds <= time.monotonic() - begun - 0.3


def test_an_update_that_nobody_confirms_leaves_the_stack_without_a_change_set(shop):
    shop.deploy()
    shop.answer("two")
    assert shop.deploy(confirm=lambda _: False) is None
    listed = shop.aws.client("cloudformation").list_change_sets(StackName=shop.stack)["Summaries"]
    assert [summary for summary in listed if summary["ExecutionStatus"] == "AVAILABLE"] == []
    assert (shop.versions(), shop.get()) == (["1"], "200 one")


def test_an_update_that_cloudformation_gives_up_is_told_by_its_cause_and_changes_nothing(shop):
    shop.deploy()
    shop.answer("two")
    shop.configure(TWICE_THE_SAME_TAG)
    with pytest.raises(StackError, match=r"Role .*put the stack back as it was") as failure:
        shop.deploy()
    assert "Duplicate tag keys" in failure.value.why
    assert (shop.status(), shop.live(), shop.get()) == ("UPDATE_ROLLBACK_COMPLETE", "1", "200 one")
    assert shop.releases() == [(2, "failed"), (1, "live")]


@pytest.mark.slow
def test_after_a_failed_update_the_next_one_goes_through(shop):
    shop.deploy()
    shop.configure(TWICE_THE_SAME_TAG)
    with pytest.raises(StackError):
        shop.deploy()
    shop.configure()
    shop.answer("two")
    shop.deploy()
    assert (shop.get(), shop.releases()) == ("200 two", [(3, "live"), (2, "failed"), (1, "earlier")])


def test_a_failed_creation_is_cleared_away_by_the_next_deployment_which_says_so(shop):
    shop.configure(TWICE_THE_SAME_TAG)
    with pytest.raises(StackError, match="Role"):
        shop.deploy()
    assert shop.status() == "ROLLBACK_COMPLETE"
    shop.configure()
    assert shop.plan().creates
    shop.deploy()
    assert any("ROLLBACK_COMPLETE: deleting what an earlier failure left" in remark for remark in shop.remarks())
    assert (shop.status(), shop.get()) == ("CREATE_COMPLETE", "200 one")


def test_two_stages_live_side_by_side(shop):
    shop.deploy("dev")
    shop.answer("two")
    shop.deploy("prod")
    assert (shop.get("dev"), shop.get("prod")) == ("200 one", "200 two")
    assert shop.releases() == [(1, "live")]


def test_generated_secrets_are_made_once_and_never_replaced(shop):
    shop.configure('secrets.app.generate = ["key"]')
    outcome = shop.deploy()
    secrets = shop.aws.client("secretsmanager")
    name = f"{shop.stack}/app"
    assert outcome.plan.new_secrets == (name,)
    value = secrets.get_secret_value(SecretId=name)["SecretString"]
    shop.answer("two")
    assert shop.deploy().plan.new_secrets == ()
    assert secrets.get_secret_value(SecretId=name)["SecretString"] == value


def test_log_groups_that_an_earlier_stack_left_are_taken_over(shop):
    shop.aws.client("logs").create_log_group(logGroupName=f"/aws/lambda/{shop.stack}")
    outcome = shop.deploy()
    taken = [change.logical_id for change in outcome.plan.changes if change.action is Action.IMPORT]
    assert taken == ["FunctionLogs"]
    assert shop.get() == "200 one"


def test_a_function_that_may_not_run_is_deployed_without_being_asked(shop):
    shop.configure("concurrency.reserved = 0")
    shop.deploy()
    shop.answer("two")
    shop.deploy()
    assert shop.live() == "2"
    assert any("not asked" in remark for remark in shop.remarks())


def test_a_template_of_its_own_name_is_another_service(shop, tmp_path, unique):
    other = Shop(tmp_path / "other", shop.aws, unique("other"))
    other.answer("other")
    shop.deploy()
    other.deploy()
    assert (shop.get(), other.get()) == ("200 one", "200 other")
