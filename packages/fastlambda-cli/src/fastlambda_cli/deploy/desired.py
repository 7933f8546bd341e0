"""What a stack is to be, and what it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.aws.model import Stack, StackResource
from fastlambda_cli.deploy.model import Published
from fastlambda_cli.deploy.proposal import VERSION
from fastlambda_cli.deploy.short_form import from_yaml
from fastlambda_cli.template.function import ALIAS, FUNCTION
from fastlambda_cli.template.parameters import LIVE_VERSION

API_URL = "ApiUrl"
HEALTH_URL = "HealthUrl"
"""The template's outputs that say where the API is, and what is asked of it."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What a stack is to be.

    Attributes:
        document: The template.
        parameters: All of them but LiveVersion, which belongs to the way there.
        artifact: What it runs.
        health: The path that a healthy version answers.
        stands_in: Whether the artifact only stands in for the service's folder.

    """

    stack_name: str
    document: Mapping[str, Any]
    parameters: Mapping[str, str]
    artifact: Published
    health: str
    stands_in: bool = False

    @property
    def template(self) -> str:
        """The document as CloudFormation is given it."""
        return as_text(self.document)

    @property
    def stopped(self) -> bool:
        """Whether the function may run nowhere at all, and so answers nobody."""
        function = self.document["Resources"].get(FUNCTION, {})
        return bool(function.get("Properties", {}).get("ReservedConcurrentExecutions") == 0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A stack before it is changed: all that is needed to put it back.

    Attributes:
        stack: As CloudFormation tells it.
        template: As CloudFormation was given it.
        version: The version that the alias has, whatever the stack says; None when the alias is gone.

    """

    stack: Stack
    template: str
    version: str | None

    @property
    def document(self) -> dict[str, Any]:
        """The template."""
        return parsed(self.template)

    @property
    def pinned(self) -> bool:
        """Whether a deployment ended, or was interrupted, between the new version and the traffic that moves to it."""
        return bool(self.stack.parameters.get(LIVE_VERSION))

    @property
    def parameters(self) -> dict[str, str]:
        """All parameters but LiveVersion."""
        return {key: value for key, value in self.stack.parameters.items() if key != LIVE_VERSION}

    def is_like(self, desired: Desired) -> bool:
        """Whether the stack has this very template and these parameters, be it pinned or not."""
        return self.parameters == desired.parameters and digest(self.document) == digest(desired.document)


def as_text(document: Mapping[str, Any]) -> str:
    """A template as CloudFormation is given it."""
    return json.dumps(document, separators=(",", ":"))


def parsed(template: str) -> dict[str, Any]:
    """A template of ours out of its text; whoever took it elsewhere may have written YAML."""
    try:
        document: dict[str, Any] = json.loads(template)
    except ValueError:
        document = from_yaml(template)
    return document


def health_path(document: Mapping[str, Any]) -> str:
    """The path of a template's health check: what follows the API in its output HealthUrl."""
    value = document.get("Outputs", {}).get(HEALTH_URL, {}).get("Value", {})
    return str(value.get("Fn::Sub", "")).rpartition("}")[2] or "/"


def package_type(document: Mapping[str, Any]) -> str:
    """Lambda's word for what a template's function is made from: "Zip" or "Image"."""
    properties = document.get("Resources", {}).get(FUNCTION, {}).get("Properties", {})
    return str(properties.get("PackageType", "Zip"))


def digest(document: Mapping[str, Any]) -> str:
    """The SHA-256 of a template in hexadecimal, whatever order its keys are in."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def version_of(document: Mapping[str, Any], resources: tuple[StackResource, ...]) -> str | None:
    """The number of the version that a stack has published for its template."""
    logical_ids = {name for name, resource in document["Resources"].items() if resource["Type"] == VERSION}
    found = (resource.physical_id for resource in resources if resource.logical_id in logical_ids)
    # The physical id is the version's ARN, which ends with its number.
    return next((physical_id.rpartition(":")[2] for physical_id in found if physical_id), None)


def without_rollout(document: Mapping[str, Any]) -> dict[str, Any]:
    """A template whose alias moves at once, wherever it moves to."""
    resources = dict(document["Resources"])
    if ALIAS in resources:
        resources[ALIAS] = {key: value for key, value in resources[ALIAS].items() if key != "UpdatePolicy"}
    return {**document, "Resources": resources}
