"""How a stack stands, and what a plan says, with nothing changed by looking."""

from __future__ import annotations

import pytest

from fastlambda_cli import deploy as engine
from fastlambda_cli.deploy.model import Action
from fastlambda_cli.errors import SharedTrafficError, StackError
from local_aws import every


@pytest.mark.slow
def test_the_status_tells_the_version_the_release_and_the_outputs(shop):
    shop.deploy()
    shop.answer("two")
    shop.deploy()
    state = engine.status(shop.aws, shop.stack)
    assert (state.status, state.version, state.weights, state.drifted) == ("UPDATE_COMPLETE", "2", {}, None)
    assert (state.live.number, state.live.version) == (2, "2")
    assert state.outputs["ApiUrl"].startswith("http")


def test_a_stack_that_is_not_there_has_no_status(shop):
    state = engine.status(shop.aws, shop.stack)
    assert (state.status, state.version, state.live) == (None, None, None)
    assert engine.releases(shop.aws, shop.stack) == ()


@pytest.mark.slow
def test_a_share_of_the_traffic_on_another_version_is_told(shop):
    shop.deploy()
    shop.answer("two")
    shop.deploy()
    shop.aws.client("lambda").update_alias(
        FunctionName=shop.stack, Name="live", RoutingConfig={"AdditionalVersionWeights": {"1": 0.25}}
    )
    assert engine.status(shop.aws, shop.stack).weights == {"1": 0.25}


@pytest.mark.slow
def test_traffic_that_is_shared_by_hand_is_told_before_anything_is_tried(shop):
    shop.deploy()
    shop.answer("two")
    shop.deploy()
    alias = {"FunctionName": shop.stack, "Name": "live"}
    functions = shop.aws.client("lambda")
    functions.update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {"1": 0.25}})
    shop.answer("three")
    for change in (shop.plan, shop.deploy, shop.rollback):
        with pytest.raises(SharedTrafficError, match="version 1 gets 25%") as failure:
            change()
        assert f"--function-name {shop.stack} --name live --routing-config" in failure.value.remedy
    assert (shop.versions(), shop.releases()) == (["1", "2"], [(2, "live"), (1, "earlier")])

    functions.update_alias(**alias, RoutingConfig={"AdditionalVersionWeights": {}})
    shop.deploy()
    assert shop.get() == "200 three"


def test_what_other_hands_changed_or_deleted_is_drift(shop):
    shop.deploy()
    assert engine.status(shop.aws, shop.stack, drift=True).drifted == ()
    shop.aws.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{shop.stack}")
    assert engine.status(shop.aws, shop.stack, drift=True).drifted == ("FunctionLogs",)


def test_a_function_that_other_hands_deleted_is_told_before_anything_is_tried(shop):
    shop.deploy()
    shop.aws.client("lambda").delete_function(FunctionName=shop.stack)
    with pytest.raises(StackError, match="is gone, or the whole function is") as failure:
        shop.deploy()
    assert "Destroy the stack and deploy anew" in failure.value.remedy
    shop.destroy(purge=False)
    shop.deploy()
    assert shop.get() == "200 one"


def test_a_plan_of_a_new_stack_has_everything_and_makes_nothing(shop):
    shop.configure('secrets.app.generate = ["key"]')
    plan = shop.plan()
    assert plan.creates
    assert {change.action for change in plan.changes} == {Action.ADD}
    assert plan.new_secrets == (f"{shop.stack}/app",)
    assert "AWS::Logs::QueryDefinition" in plan.left_out.values()
    assert {change.to for change in plan.permissions} == {
        "the function",
        "lambda.amazonaws.com",
        "apigateway.amazonaws.com",
    }
    assert plan.cost.usd > 0
    assert shop.status() is None
    names = [secret["Name"] for secret in every(shop.aws, "secretsmanager", "list_secrets", "SecretList")]
    assert f"{shop.stack}/app" not in names


def test_a_plan_of_new_code_names_what_changes_and_nothing_that_only_refers_to_it(shop):
    shop.deploy()
    shop.answer("two")
    plan = shop.plan()
    assert [(change.action, change.kind.rpartition("::")[2]) for change in plan.changes] == [
        (Action.CHANGE, "Function"),
        (Action.ADD, "Version"),
        (Action.KEEP, "Version"),
        (Action.CHANGE, "Alias"),
    ]
    assert plan.permissions == ()
    assert plan.publishes
    assert shop.versions() == ["1"]


def test_a_plan_lists_every_permission_that_comes_and_goes(shop):
    shop.configure('permissions = [{ actions = ["sqs:SendMessage"], resources = ["*"] }]')
    shop.deploy()
    shop.configure('permissions = [{ actions = ["sqs:ReceiveMessage"], resources = ["*"] }]')
    told = [(change.granted, change.to, change.action, change.resource) for change in shop.plan().permissions]
    assert told == [
        (True, "the function", "sqs:ReceiveMessage", "*"),
        (False, "the function", "sqs:SendMessage", "*"),
    ]


def test_a_plan_at_another_load_costs_another_amount(shop):
    little, much = (
        engine.plan(shop.target(), shop.aws, shop.told.append, requests_per_month=requests).cost
        for requests in (1_000, 10_000_000)
    )
    assert little.usd < much.usd
