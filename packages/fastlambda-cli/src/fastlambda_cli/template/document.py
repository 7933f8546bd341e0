"""The whole template, and its two notations."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.model import Runtime, Service
from fastlambda_cli.service.stages import described
from fastlambda_cli.template.alarms import alarm_resources, function_alarm_resources
from fastlambda_cli.template.dashboard import dashboard_resources
from fastlambda_cli.template.events.buses import bus_resources
from fastlambda_cli.template.events.failed import failed_resources
from fastlambda_cli.template.events.naming import check_names
from fastlambda_cli.template.events.queues import queue_resources
from fastlambda_cli.template.events.rules import rule_resources
from fastlambda_cli.template.events.schedules import schedule_resources
from fastlambda_cli.template.events.topics import topic_resources
from fastlambda_cli.template.function import function_resources
from fastlambda_cli.template.http import http_resources
from fastlambda_cli.template.idempotency import idempotency_resources
from fastlambda_cli.template.intrinsics import Resources
from fastlambda_cli.template.logs import function_log_resources, log_resources
from fastlambda_cli.template.notation import to_yaml
from fastlambda_cli.template.outputs import outputs
from fastlambda_cli.template.parameters import conditions, parameters
from fastlambda_cli.template.role import role_resources
from fastlambda_cli.template.rollout import rollout_resources
from fastlambda_cli.template.scaling import scaling_resources
from fastlambda_cli.template.stack import FunctionOfStack, Stack


@dataclass(frozen=True, slots=True)
class Template:
    """A CloudFormation template.

    Attributes:
        name: `<service>-<stage>`, as what it makes is named.
        document: The template as CloudFormation understands it.

    """

    name: str
    document: dict[str, Any]

    def to_yaml(self) -> str:
        """The document as YAML, in the order in which it is best read."""
        return to_yaml(self.document)

    def to_json(self) -> str:
        """The document as JSON, in the same order."""
        return json.dumps(self.document, indent=2) + "\n"


def render(service: Service, *, stage: str, runtime: Runtime) -> Template:
    """Render the stack of one stage: the same description gives the same text, wherever and whenever.

    Args:
        service: As loaded for that stage.
        stage: Its name.
        runtime: Lambda's Python: the service's own where it names one.

    Raises:
        ConfigurationError: The service, the stage and its events make no valid names, or one twice.

    """
    stack = Stack(service, stage, runtime)
    resources = {
        **log_resources(stack),
        **role_resources(stack.api_function),
        **function_resources(stack.api_function),
        **scaling_resources(stack),
        **rollout_resources(stack),
        **http_resources(stack),
        **queue_resources(stack),
        **topic_resources(stack),
        **bus_resources(stack),
        **rule_resources(stack),
        **schedule_resources(stack),
        **failed_resources(stack),
        **idempotency_resources(stack),
        **alarm_resources(stack),
        **dashboard_resources(stack),
    }
    for function in stack.other_functions:
        resources = _beside(resources, function)
    check_names(resources)
    return Template(
        stack.name,
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": described(service.name, stage),
            "Parameters": parameters(stack),
            "Conditions": conditions(stack),
            "Resources": resources,
            "Outputs": outputs(stack),
        },
    )


def _beside(resources: Resources, function: FunctionOfStack) -> Resources:
    """The resources, and those of a function that only consumes.

    Raises:
        ConfigurationError: One of its logical ids is that of something else.

    """
    added = {
        **function_log_resources(function),
        **role_resources(function),
        **function_resources(function),
        **function_alarm_resources(function),
    }
    taken = [logical_id for logical_id in added if logical_id in resources]
    if taken:
        raise ConfigurationError(
            f"The function {function.of.name} has the logical id {taken[0]}, which something else has already",
            why="what there is of a function is named after it",
            remedy=f'Choose another name than "{function.of.name}" where its consumers are declared.',
        )
    return {**resources, **added}
