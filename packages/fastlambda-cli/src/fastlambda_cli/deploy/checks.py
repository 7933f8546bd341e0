"""What is checked before CloudFormation is asked, which finds out late, and the local AWS, which never does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any, get_args

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.images import Images
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.model import Published, PublishedImage
from fastlambda_cli.deploy.references import Kind, Reference, of_resource, references
from fastlambda_cli.errors import ConfigurationError, TemplateError
from fastlambda_cli.service.model import Runtime, Service

_PSEUDO = frozenset(
    {
        "AWS::AccountId",
        "AWS::NotificationARNs",
        "AWS::NoValue",
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackId",
        "AWS::StackName",
        "AWS::URLSuffix",
    }
)
_FUNCTION = "AWS::Lambda::Function"
_ARCHITECTURES = ("arm64", "x86_64")
# AWS CloudFormation Template Reference, "AWS::Lambda::Function": MB, seconds and MB.
_RANGES = {"MemorySize": range(128, 10241), "Timeout": range(1, 901)}
_EPHEMERAL_STORAGE = range(512, 10241)
_ENVIRONMENT_BYTES = 4096
"""Of all variables, names included (AWS Lambda Developer Guide, "Lambda quotas")."""


def check_template(document: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
    """Check that everything in a template that refers to something finds it, and that its functions can exist.

    Args:
        document: The template.
        parameters: The values that the stack is given.

    Raises:
        TemplateError: Something is wrong; every finding is named with its place.

    """
    findings = [
        *_unresolved(document),
        *_circles(document),
        *_of_parameters(document, parameters),
        *_of_functions(document),
    ]
    if findings:
        raise TemplateError(
            "The template cannot be deployed",
            why="; ".join(findings),
            remedy="Where the service's configuration does not cause this, it is a mistake of this command: report it.",
        )


def check_issuer(service: Service, aws: Aws) -> None:
    """Check that API Gateway can reach who issues the tokens of a service's users.

    Raises:
        ConfigurationError: It is on this machine, and AWS is not.

    """
    authorizer = service.configuration.http.authorizer
    if authorizer is not None and authorizer.issuer.startswith("http://") and not aws.is_local:
        raise ConfigurationError(
            f"AWS cannot ask {authorizer.issuer} for its keys",
            why="http.authorizer.issuer is on this machine",
            remedy="Name the issuer's https URL, and the one on this machine in a stage for the local AWS.",
        )


def check_artifact(aws: Aws, published: Published) -> None:
    """Check that the artifact is where the template will look for it, and is the one that was built.

    Raises:
        TemplateError: It is not there, or something else is.
        AwsError: AWS cannot be asked.

    """
    if isinstance(published, PublishedImage):
        if not Images(aws, published.repository).has(published.digest):
            raise _gone(f"The image {published.uri}")
        return
    found = Bucket(aws, published.bucket).head(published.key)
    where = f"s3://{published.bucket}/{published.key}"
    if found is None:
        raise _gone(f"The artifact {where}")
    if found.size != published.size or found.sha256 != published.sha256:
        raise TemplateError(
            f"The artifact {where} is not the one that was published",
            why=f"it has {found.size} bytes and SHA-256 {found.sha256}, "
            f"where {published.size} and {published.sha256} are expected",
            remedy="Somebody has written to the bucket: delete the object, then deploy again.",
        )


def _gone(what: str) -> TemplateError:
    return TemplateError(
        f"{what} is not there",
        why="it was deleted, by hand or because no release referred to it any more",
        remedy="Deploy again: it is built and published anew.",
    )


def _unresolved(document: Mapping[str, Any]) -> Iterator[str]:
    resources = document.get("Resources", {}).keys()
    known = {
        Kind.VALUE: document.get("Parameters", {}).keys() | resources | _PSEUDO,
        Kind.RESOURCE: resources,
        Kind.CONDITION: document.get("Conditions", {}).keys(),
        Kind.MAPPING: document.get("Mappings", {}).keys(),
    }
    for reference in _all_references(document):
        if reference.name not in known[reference.kind]:
            yield f"{reference.place} refers to {reference.name}, which there is not"


def _all_references(document: Mapping[str, Any]) -> Iterator[Reference]:
    for logical_id, resource in document.get("Resources", {}).items():
        yield from of_resource(logical_id, resource)
    yield from references(document.get("Conditions", {}), "Conditions")
    for name, output in document.get("Outputs", {}).items():
        place = f"Outputs.{name}"
        if isinstance(condition := output.get("Condition"), str):
            yield Reference(Kind.CONDITION, condition, f"{place}.Condition")
        yield from references({key: value for key, value in output.items() if key != "Condition"}, place)


def _circles(document: Mapping[str, Any]) -> Iterator[str]:
    resources = document.get("Resources", {})
    needed = {
        logical_id: {reference.name for reference in of_resource(logical_id, resource) if reference.name in resources}
        for logical_id, resource in resources.items()
    }
    try:
        TopologicalSorter(needed).prepare()
    except CycleError as error:
        yield f"Resources refer to each other in a circle: {' -> '.join(error.args[1])}"


def _of_parameters(document: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[str]:
    declared = document.get("Parameters", {})
    for name in values.keys() - declared.keys():
        yield f"Parameters has no {name}, which is given a value"
    for name, declaration in declared.items():
        value = values.get(name, declaration.get("Default"))
        if value is None:
            yield f"Parameters.{name} has no value"
        else:
            yield from _of_value(name, declaration, str(value))


def _of_value(name: str, declaration: Mapping[str, Any], value: str) -> Iterator[str]:
    pattern = declaration.get("AllowedPattern")
    # CloudFormation matches the whole value (AWS CloudFormation User Guide, "Parameters").
    if pattern is not None and re.fullmatch(pattern, value) is None:
        yield f"Parameters.{name} is {value!r}. {declaration.get('ConstraintDescription', f'It must match {pattern}')}"
    allowed = declaration.get("AllowedValues")
    if allowed is not None and value not in map(str, allowed):
        yield f"Parameters.{name} is {value!r}, which is none of: {', '.join(map(str, allowed))}"


def _of_functions(document: Mapping[str, Any]) -> Iterator[str]:
    for logical_id, resource in document.get("Resources", {}).items():
        if resource.get("Type") == _FUNCTION:
            place = f"Resources.{logical_id}.Properties"
            for finding in _of_function(resource.get("Properties", {})):
                yield f"{place}.{finding}"


def _of_function(properties: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a function's properties; those that an intrinsic function will fill are left to AWS."""
    runtime = properties.get("Runtime")
    computed = isinstance(runtime, Mapping)
    if not computed and runtime not in get_args(Runtime) and properties.get("PackageType", "Zip") == "Zip":
        yield f"Runtime is {runtime!r}, which is none of: {', '.join(get_args(Runtime))}"
    for architecture in properties.get("Architectures", []):
        if architecture not in _ARCHITECTURES:
            yield f"Architectures has {architecture!r}, which is none of: {', '.join(_ARCHITECTURES)}"
    for key, allowed in _RANGES.items():
        yield from _out_of_range(key, properties.get(key), allowed)
    yield from _out_of_range("EphemeralStorage", properties.get("EphemeralStorage", {}).get("Size"), _EPHEMERAL_STORAGE)
    variables = properties.get("Environment", {}).get("Variables", {})
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items() if isinstance(value, str))
    if size > _ENVIRONMENT_BYTES:
        yield f"Environment has {size} bytes, and Lambda takes {_ENVIRONMENT_BYTES}"


def _out_of_range(key: str, value: Any, allowed: range) -> Iterator[str]:
    if isinstance(value, int) and value not in allowed:
        yield f"{key} is {value}, which is not from {allowed[0]} to {allowed[-1]}"
