"""What a stack is to be, and what it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.aws.model import Stack
from fastlambda_cli.deploy.functions import FunctionOfTemplate, functions_in
from fastlambda_cli.deploy.model import Published
from fastlambda_cli.deploy.short_form import from_yaml
from fastlambda_cli.template.function import ALIAS, FUNCTION

API_URL = "ApiUrl"
HEALTH_URL = "HealthUrl"
"""The template's outputs that say where the API is, and what is asked of it."""


@dataclass(frozen=True, slots=True)
class Desired:
    """What a stack is to be.

    Attributes:
        document: The template.
        parameters: All of them but those that pin an alias, which belong to the way there.
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
    def functions(self) -> tuple[FunctionOfTemplate, ...]:
        """Its functions, the one that answers HTTP first."""
        return functions_in(self.document, self.stack_name)

    @property
    def stopped(self) -> bool:
        """Whether the function that answers HTTP may run nowhere at all, and so answers nobody."""
        return self.functions[0].stopped


@dataclass(frozen=True, slots=True)
class Standing:
    """A stack before it is changed: all that is needed to put it back.

    Attributes:
        stack: As CloudFormation tells it.
        template: As CloudFormation was given it.
        versions: The version that the alias of each function has, whatever the stack says, by AWS's names of the
            functions, that of the one that answers HTTP first; None when the alias is gone.

    """

    stack: Stack
    template: str
    versions: Mapping[str, str | None]

    @property
    def version(self) -> str | None:
        """The version of the function that answers HTTP."""
        return self.versions[self.stack.name]

    @property
    def other_versions(self) -> dict[str, str]:
        """Those of the functions that only consume, as far as they have one."""
        return {name: version for name, version in self.versions.items() if version and name != self.stack.name}

    @property
    def functions(self) -> tuple[FunctionOfTemplate, ...]:
        """Its functions, the one that answers HTTP first."""
        return functions_in(self.document, self.stack.name)

    @property
    def document(self) -> dict[str, Any]:
        """The template."""
        return parsed(self.template)

    @property
    def pinned(self) -> bool:
        """Whether a deployment ended, or was interrupted, between the new version and the traffic that moves to it."""
        return any(self.stack.parameters.get(function.parameter) for function in self.functions)

    @property
    def parameters(self) -> dict[str, str]:
        """All parameters but those that pin an alias."""
        pinning = {function.parameter for function in self.functions}
        return {key: value for key, value in self.stack.parameters.items() if key not in pinning}

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


def without_rollout(document: Mapping[str, Any]) -> dict[str, Any]:
    """A template whose alias moves at once, wherever it moves to."""
    resources = dict(document["Resources"])
    if ALIAS in resources:
        resources[ALIAS] = {key: value for key, value in resources[ALIAS].items() if key != "UpdatePolicy"}
    return {**document, "Resources": resources}
