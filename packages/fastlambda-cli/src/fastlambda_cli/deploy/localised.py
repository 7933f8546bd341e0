"""A template for the local AWS: without what the emulator does not have, as far as the rest can do without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastlambda_cli.deploy.references import depends_on, of_resource, references
from fastlambda_cli.errors import TemplateError

NOT_LOCAL = frozenset(
    {
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "AWS::CodeDeploy::Application",
        "AWS::CodeDeploy::DeploymentConfig",
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::Logs::QueryDefinition",
    }
)
"""Types that the emulator refuses, of those that a service's template may have."""

NOTHING_TO_STAND_ON = frozenset({"AWS::Route53::RecordSet"})
"""Types that the emulator has, and that need something which is in the account on AWS only: here a hosted zone."""

_ROLLOUT = "CodeDeployLambdaAliasUpdate"


def localised(document: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Leave out of a template what the local AWS lacks.

    Without them go what resources that stay depend on by DependsOn alone, and rollouts through CodeDeploy: locally the
    alias moves at once.

    Args:
        document: The template for AWS; it is left as it is.

    Returns:
        The template for the local AWS, and the type of each resource that was left out by its logical id.

    Raises:
        TemplateError: Something that stays cannot do without what was left out.

    """
    resources: Mapping[str, Any] = document["Resources"]
    left_out = {
        name: item["Type"] for name, item in resources.items() if item["Type"] in NOT_LOCAL | NOTHING_TO_STAND_ON
    }
    kept = {name: _without(item, left_out) for name, item in resources.items() if name not in left_out}
    local = {**document, "Resources": kept}
    _check_nothing_is_missed(local, left_out)
    return local, left_out


def _without(resource: Mapping[str, Any], left_out: Mapping[str, str]) -> dict[str, Any]:
    kept = dict(resource)
    if "DependsOn" in resource:
        kept["DependsOn"] = [name for name in depends_on(resource) if name not in left_out]
        if not kept["DependsOn"]:
            del kept["DependsOn"]
    if _ROLLOUT in resource.get("UpdatePolicy", {}):
        kept["UpdatePolicy"] = {key: value for key, value in resource["UpdatePolicy"].items() if key != _ROLLOUT}
        if not kept["UpdatePolicy"]:
            del kept["UpdatePolicy"]
    return kept


def _check_nothing_is_missed(document: Mapping[str, Any], left_out: Mapping[str, str]) -> None:
    found = [item for name, resource in document["Resources"].items() for item in of_resource(name, resource)]
    found += references(document.get("Outputs", {}), "Outputs")
    missed = [item for item in found if item.name in left_out]
    if missed:
        raise TemplateError(
            "This template cannot be deployed to the local AWS",
            why="; ".join(f"{item.place} refers to {item.name}, a {left_out[item.name]}" for item in missed)
            + ", which it does not have",
            remedy="Deploy it to AWS, or leave that out in a stage for the local AWS.",
        )
