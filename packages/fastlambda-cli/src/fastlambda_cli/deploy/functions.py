"""The functions of a stack, out of its template: the one that answers HTTP first, then those that only consume.

By the template alone, since a release that is returned to, and a stack that is deleted, have nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.aws.model import StackResource
from fastlambda_cli.deploy.proposal import VERSION
from fastlambda_cli.template.function import ALIAS, FUNCTION
from fastlambda_cli.template.parameters import LIVE_VERSION


@dataclass(frozen=True, slots=True)
class FunctionOfTemplate:
    """A function of a template.

    Attributes:
        prefix: What the logical ids of all that it has begin with; empty for the function that answers HTTP.
        name: What AWS knows it by.
        document: The template.

    """

    prefix: str
    name: str
    document: Mapping[str, Any]

    @property
    def answers_http(self) -> bool:
        """Whether it is the one that answers HTTP."""
        return not self.prefix

    @property
    def parameter(self) -> str:
        """The parameter that pins its alias."""
        return f"{self.prefix}{LIVE_VERSION}"

    @property
    def alias(self) -> str:
        """The logical id of its alias."""
        return f"{self.prefix}{ALIAS}"

    @property
    def stopped(self) -> bool:
        """Whether it may run nowhere at all, and so answers nobody."""
        return bool(self._properties.get("ReservedConcurrentExecutions") == 0)

    def version(self, resources: tuple[StackResource, ...]) -> str | None:
        """The number of the version that a stack has published of it for its template."""
        own = {"Ref": f"{self.prefix}{FUNCTION}"}
        logical_ids = {
            logical_id
            for logical_id, resource in self.document["Resources"].items()
            if resource["Type"] == VERSION and resource.get("Properties", {}).get("FunctionName", own) == own
        }
        found = (resource.physical_id for resource in resources if resource.logical_id in logical_ids)
        # The physical id is the version's ARN, which ends with its number.
        return next((physical_id.rpartition(":")[2] for physical_id in found if physical_id), None)

    @property
    def _properties(self) -> Mapping[str, Any]:
        resource = self.document.get("Resources", {}).get(f"{self.prefix}{FUNCTION}", {})
        properties: Mapping[str, Any] = resource.get("Properties", {})
        return properties


def functions_in(document: Mapping[str, Any], stack_name: str) -> tuple[FunctionOfTemplate, ...]:
    """The functions of a template, the one that answers HTTP first.

    Args:
        document: The template.
        stack_name: The stack's name, which that function has.

    """
    return (FunctionOfTemplate("", stack_name, document), *_consuming(document))


def _consuming(document: Mapping[str, Any]) -> Iterator[FunctionOfTemplate]:
    resources: Mapping[str, Any] = document.get("Resources", {})
    for parameter in document.get("Parameters", {}):
        prefix = parameter.removesuffix(LIVE_VERSION)
        name = resources.get(f"{prefix}{FUNCTION}", {}).get("Properties", {}).get("FunctionName")
        if prefix and prefix != parameter and isinstance(name, str):
            yield FunctionOfTemplate(prefix, name, document)


def in_words(versions: Mapping[str, str | None]) -> str:
    """Versions by the functions that they are of, for a sentence: "version 3 of shop-dev and version 2 of ..."."""
    if len(versions) == 1:
        return f"version {next(iter(versions.values()))}"
    return " and ".join(f"version {version} of {name}" for name, version in versions.items())


def have_all_traffic(versions: Mapping[str, str | None]) -> str:
    """Say of versions that everything that is asked reaches them."""
    return f"{in_words(versions)} {'has' if len(versions) == 1 else 'have'} all traffic"
