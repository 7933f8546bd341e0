"""Canary and linear rollouts, which CodeDeploy does and alarms end."""

from __future__ import annotations

import pytest


def test_traffic_moves_at_once_unless_a_rollout_is_asked_for(resources):
    made = resources()
    assert "UpdatePolicy" not in made["Alias"]
    assert not [name for name, found in made.items() if found["Type"].startswith("AWS::CodeDeploy::")]


@pytest.mark.parametrize("kind", ["canary", "linear"])
def test_a_rollout_is_code_deploys_whenever_the_alias_moves(resources, kind):
    made = resources(f'rollout.type = "{kind}"')
    by = made["Alias"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert made[by["ApplicationName"]["Ref"]]["Type"] == "AWS::CodeDeploy::Application"
    assert made[by["DeploymentGroupName"]["Ref"]]["Type"] == "AWS::CodeDeploy::DeploymentGroup"


def test_a_canary_is_one_share_and_then_the_rest(resources):
    made = resources('rollout = { type = "canary", percent = 20, minutes = 15 }')
    assert made["RolloutConfig"]["Properties"]["TrafficRoutingConfig"] == {
        "Type": "TimeBasedCanary",
        "TimeBasedCanary": {"CanaryPercentage": 20, "CanaryInterval": 15},
    }


def test_a_linear_rollout_is_one_share_after_another(resources):
    made = resources('rollout = { type = "linear", percent = 25, minutes = 2 }')
    assert made["RolloutConfig"]["Properties"]["TrafficRoutingConfig"] == {
        "Type": "TimeBasedLinear",
        "TimeBasedLinear": {"LinearPercentage": 25, "LinearInterval": 2},
    }


def test_answers_of_5xx_and_failed_invocations_end_a_rollout_even_of_a_service_without_alarms(resources):
    made = resources('rollout = { type = "canary", faults = 3 }')
    group = made["RolloutGroup"]["Properties"]
    watched = [made[alarm["Name"]["Ref"]]["Properties"] for alarm in group["AlarmConfiguration"]["Alarms"]]
    assert [(alarm["Namespace"], alarm["MetricName"]) for alarm in watched] == [
        ("AWS/ApiGateway", "5xx"),
        ("AWS/Lambda", "Errors"),
    ]
    assert all(alarm["Threshold"] == 3 and alarm["Period"] == 60 for alarm in watched)
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert "AlarmTopic" not in made


def test_code_deploy_may_move_this_alias_and_nothing_else(resources):
    role = resources('rollout.type = "canary"')["RolloutRole"]["Properties"]
    (policy,) = role["Policies"]
    alias, alarms = policy["PolicyDocument"]["Statement"]
    assert alias["Action"] == ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
    assert all(
        resource["Fn::Sub"].split(":function:")[1] in {"shop-dev", "shop-dev:*"} for resource in alias["Resource"]
    )
    assert alarms["Action"] == ["cloudwatch:DescribeAlarms"]


def test_only_the_own_deployment_group_may_use_code_deploys_role(resources):
    trust = resources('rollout.type = "canary"')["RolloutRole"]["Properties"]["AssumeRolePolicyDocument"]
    (statement,) = trust["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    source = statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"]
    assert source.endswith(":deploymentgroup:shop-dev/live")


def test_a_stage_may_move_at_once_what_others_roll_out(load):
    service = load(
        '[project]\nname = "shop"\n[tool.fastlambda]\nrollout = { type = "canary", percent = 20 }\n'
        'stages.dev.rollout.type = "all-at-once"',
        stage="dev",
    )
    assert service.configuration.rollout.type == "all-at-once"
