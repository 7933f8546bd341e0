"""What a line of the configuration renders."""

from __future__ import annotations

import json

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.variables import function_variables
from fastlambda_cli.template import render


def test_everything_that_has_a_name_is_named_after_the_service_and_its_stage(resources):
    made = resources('alarms.email = "oncall@example.com"', stage="prod")
    names = {
        value
        for resource in made.values()
        for key, value in resource["Properties"].items()
        if key in {"Name", "FunctionName", "LogGroupName", "AlarmName", "TopicName", "DashboardName"}
        and isinstance(value, str)
    }
    assert names - {"live"}
    assert all("shop-prod" in name for name in names - {"live"})


def test_a_function_finds_the_variables_that_it_finds_on_a_laptop(load):
    service = load('[project]\nname = "shop"\n[tool.fastlambda]\nenvironment = { COLOUR = "blue" }')
    template = render(service, stage="dev", runtime="python3.13")
    variables = template.document["Resources"]["Function"]["Properties"]["Environment"]["Variables"]
    assert variables == function_variables(service, "shop-dev", {})
    assert variables == {
        "POWERTOOLS_SERVICE_NAME": "shop",
        "POWERTOOLS_METRICS_NAMESPACE": "shop",
        "COLOUR": "blue",
    }


@pytest.mark.parametrize(("level", "lambdas"), [("WARNING", "WARN"), ("CRITICAL", "FATAL"), ("DEBUG", "DEBUG")])
def test_the_log_level_is_said_in_lambdas_words(resources, level, lambdas):
    logging = resources(f'log_level = "{level}"')["Function"]["Properties"]["LoggingConfig"]
    assert logging["ApplicationLogLevel"] == lambdas
    assert logging["LogFormat"] == "JSON"


@pytest.mark.parametrize("group", ["FunctionLogs", "AccessLogs"])
def test_logs_outlive_the_stack_unless_its_creation_fails(resources, group):
    made = resources("logs.retention = 7")[group]
    assert made["DeletionPolicy"] == "RetainExceptOnCreate"
    assert made["UpdateReplacePolicy"] == "Retain"
    assert made["Properties"]["RetentionInDays"] == 7


def test_a_fixed_number_of_provisioned_environments_is_not_scaled(resources):
    made = resources("concurrency.provisioned.min = 3")
    config = made["Alias"]["Properties"]["ProvisionedConcurrencyConfig"]
    assert config == {"ProvisionedConcurrentExecutions": 3}
    assert "ScalableTarget" not in made


def test_reserved_concurrency_of_zero_stops_the_function_and_is_no_default(resources):
    assert resources("concurrency.reserved = 0")["Function"]["Properties"]["ReservedConcurrentExecutions"] == 0
    assert "ReservedConcurrentExecutions" not in resources()["Function"]["Properties"]


def test_an_alarm_topic_that_exists_is_used_and_none_is_made(resources):
    topic = "arn:aws:sns:eu-west-1:123456789012:oncall"
    made = resources(f'alarms.topic = "{topic}"')
    assert "AlarmTopic" not in made
    alarms = [found["Properties"] for found in made.values() if found["Type"] == "AWS::CloudWatch::Alarm"]
    assert len(alarms) == 4
    assert all(alarm["AlarmActions"] == alarm["OKActions"] == [topic] for alarm in alarms)


def test_the_stack_says_where_its_health_is_found(load):
    service = load('[project]\nname = "shop"\n[tool.fastlambda]\nhealth = "/health"')
    outputs = render(service, stage="dev", runtime="python3.13").document["Outputs"]
    assert outputs["HealthUrl"]["Value"] == {"Fn::Sub": "${Api.ApiEndpoint}/health"}
    assert outputs["AliasName"]["Value"] == "live"


def test_the_dashboard_searches_the_metrics_that_the_runtime_writes(resources):
    body = json.loads(
        resources('metrics_namespace = "Acme/Shop"')["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    )
    first = body["widgets"][0]["properties"]["metrics"][0][0]["expression"]
    assert first == """SEARCH('{"Acme/Shop",service,method,route} service="shop" MetricName="Requests"', 'Sum', 300)"""


def test_the_widgets_of_the_dashboard_do_not_overlap(resources):
    body = json.loads(
        resources("concurrency.provisioned.min = 3")["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    )
    cells = [
        (x, y)
        for widget in body["widgets"]
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_every_line_of_the_access_log_is_one_json_object(resources):
    logged = resources()["Stage"]["Properties"]["AccessLogSettings"]["Format"]
    assert "\n" not in logged
    assert json.loads(logged)["requestId"] == "$context.requestId"


def test_rendering_twice_gives_the_same_text(load):
    pyproject = '[project]\nname = "shop"\n[tool.fastlambda]\ntags = { b = "1", a = "2" }'
    one, other = (render(load(pyproject), stage="dev", runtime="python3.13") for _ in range(2))
    assert one.to_yaml() == other.to_yaml()


def test_a_name_that_lambda_would_not_take_is_refused_before_anything_is_rendered(load):
    service = load(f'[project]\nname = "{"s" * 62}"')
    with pytest.raises(ConfigurationError, match="of 66 characters") as refused:
        render(service, stage="dev", runtime="python3.13")
    assert "Shorten" in refused.value.remedy


def test_two_secrets_that_would_be_told_by_one_parameter_are_refused(load):
    service = load('[project]\nname = "shop"\n[tool.fastlambda.secrets]\na_b.generate = ["x"]\naB.generate = ["x"]')
    with pytest.raises(ConfigurationError, match="ABSecretArn"):
        render(service, stage="dev", runtime="python3.13")
