"""The environment becomes one frozen record; what means nothing is refused by name."""

from __future__ import annotations

import dataclasses

import pytest
from deployed_function import InitFailedError

from fastlambda import Settings, SettingsError

ON_LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001"}


def test_an_empty_environment_has_powertools_own_defaults():
    assert Settings.from_environment({}) == Settings(service="service_undefined", log_level=None, in_lambda=False)


def test_the_function_names_the_service_and_the_service_the_namespace():
    settings = Settings.from_environment({"AWS_LAMBDA_FUNCTION_NAME": "books"})
    assert (settings.service, settings.metrics_namespace) == ("books", "books")
    settings = Settings.from_environment({"AWS_LAMBDA_FUNCTION_NAME": "books", "POWERTOOLS_SERVICE_NAME": "shop"})
    assert (settings.service, settings.metrics_namespace) == ("shop", "shop")
    assert Settings.from_environment({"POWERTOOLS_METRICS_NAMESPACE": "Shop"}).metrics_namespace == "Shop"


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().service = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("1", True), ("Yes", True), ("off", False), ("0", False)]
)
def test_a_flag_is_what_powertools_takes_for_a_boolean(value, expected):
    assert Settings.from_environment({"FASTLAMBDA_RAISE_ERRORS": value}).raise_errors is expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            ON_LAMBDA | {"FASTLAMBDA_RAISE_ERORS": "true"},
            "FASTLAMBDA_RAISE_ERORS.*Did you mean FASTLAMBDA_RAISE_ERRORS",
        ),
        (ON_LAMBDA | {"FASTLAMBDA_X": "1"}, "FASTLAMBDA_X.*FASTLAMBDA_RAISE_ERRORS, FASTLAMBDA_ROOT_PATH"),
        ({"FASTLAMBDA_ROOT_PATH": "shop"}, "FASTLAMBDA_ROOT_PATH is 'shop'"),
        ({"FASTLAMBDA_ROOT_PATH": "/shop/"}, "FASTLAMBDA_ROOT_PATH is '/shop/'"),
        ({"FASTLAMBDA_RAISE_ERRORS": "maybe"}, "FASTLAMBDA_RAISE_ERRORS is 'maybe'"),
        ({"FASTLAMBDA_STARTUP_TUNING": ""}, "FASTLAMBDA_STARTUP_TUNING is ''"),
        ({"POWERTOOLS_TRACE_DISABLED": "nope"}, "POWERTOOLS_TRACE_DISABLED is 'nope'"),
        ({"LOG_LEVEL": "INF"}, "LOG_LEVEL is 'INF'.*Did you mean INFO"),
        ({"POWERTOOLS_LOG_LEVEL": "loud"}, "POWERTOOLS_LOG_LEVEL is 'loud'"),
        ({"POWERTOOLS_LOGGER_SAMPLE_RATE": "2"}, "POWERTOOLS_LOGGER_SAMPLE_RATE is '2'"),
        ({"POWERTOOLS_LOGGER_SAMPLE_RATE": "half"}, "POWERTOOLS_LOGGER_SAMPLE_RATE is 'half'"),
    ],
)
def test_what_means_nothing_is_refused_by_name_with_the_near_one(environment, message):
    with pytest.raises(SettingsError, match=message):
        Settings.from_environment(environment)


def test_powertools_name_of_the_log_level_outranks_the_plain_one():
    assert Settings.from_environment({"LOG_LEVEL": "debug"}).log_level == "DEBUG"
    assert Settings.from_environment({"LOG_LEVEL": "debug", "POWERTOOLS_LOG_LEVEL": "ERROR"}).log_level == "ERROR"


def test_an_ill_setting_fails_init(deploy):
    with pytest.raises(InitFailedError, match="LOG_LEVEL is 'loud'") as failure:
        deploy("from fastlambda import FastLambda", LOG_LEVEL="loud")
    assert failure.value.report["errorType"] == "SettingsError"
