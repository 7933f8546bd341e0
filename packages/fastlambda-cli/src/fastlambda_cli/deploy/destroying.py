"""The end of a stack: what goes with it, what stays, and, on demand, the end of that as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fastlambda_cli.aws.bucket import Bucket
from fastlambda_cli.aws.failures import code_of
from fastlambda_cli.aws.model import Stack
from fastlambda_cli.aws.session import Aws, translated
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.deploy.bootstrap import Bootstrap, find_bootstrap
from fastlambda_cli.deploy.desired import parsed
from fastlambda_cli.deploy.functions import functions_in
from fastlambda_cli.deploy.model import Action, Destruction, Remark, ResourceChange, Step, Tell
from fastlambda_cli.deploy.owner import check_owner
from fastlambda_cli.deploy.proposal import VERSION, retained
from fastlambda_cli.deploy.recovery import deleted, settled
from fastlambda_cli.deploy.releases import Releases
from fastlambda_cli.template.function import FUNCTION

_RECOVERY_DAYS = 7
"""The shortest window that Secrets Manager takes (AWS Secrets Manager API Reference, "DeleteSecret")."""


def destruction(aws: Aws, stack_name: str, *, owner: str | None = None) -> Destruction:
    """Tell what `destroy` would do; nothing is changed.

    Args:
        aws: Where.
        stack_name: The stack.
        owner: What the stack has to say that it is (`Target.described`); None for any.

    Raises:
        StackError: It is another service's, or what is left of it is.
        AwsError: AWS cannot be asked.

    """
    stacks = Stacks(aws)
    stack = stacks.describe(stack_name)
    standing = _standing_template(stacks, stack)
    bootstrap = find_bootstrap(stacks)
    if owner is not None:
        _check_owner(aws, stack_name, standing, bootstrap, owner)
    goes = tuple(_going(stacks, stack)) if stack is not None else ()
    functions = _functions(aws, stack_name, standing, bootstrap)
    groups = _log_groups(aws, stack_name, functions)
    stays = {name: f"aws logs delete-log-group --log-group-name {name}" for name in groups}
    for name in _secrets(aws, stack_name):
        stays[name] = f"aws secretsmanager delete-secret --secret-id {name}"
    if bootstrap is not None:
        for folder in ("releases", "artifacts"):
            if Bucket(aws, bootstrap.bucket).objects(f"{folder}/{stack_name}/"):
                url = f"s3://{bootstrap.bucket}/{folder}/{stack_name}/"
                stays[url] = f"aws s3 rm --recursive {url}"
        for repository, tags in Releases(Bucket(aws, bootstrap.bucket), stack_name, aws).image_tags().items():
            for tag in tags:
                how = f"aws ecr batch-delete-image --repository-name {repository} --image-ids imageTag={tag}"
                stays[f"{repository}:{tag}"] = how
    return Destruction(stack_name, goes, stays)


def destroy(aws: Aws, stack_name: str, tell: Tell, *, purge: bool) -> None:
    """Delete a stack; begun again after a failure or an interruption, it goes on where it stopped.

    Args:
        aws: Where.
        stack_name: The stack. Where there is none, only what it left behind is left to purge.
        tell: Is told what happens.
        purge: Whether logs, secrets, releases and artifacts go as well. On AWS secrets can be restored for seven days.

    Raises:
        StackError: CloudFormation could not delete something, or the stack is protected.
        AwsError: AWS refuses.

    """
    stacks = Stacks(aws)
    stack = settled(stacks, stack_name, tell)
    template = _standing_template(stacks, stack) if purge else None
    if stack is None:
        tell(Remark(f"There is no stack {stack_name}."))
    else:
        tell(Step(f"Deleting the stack {stack_name}"))
        deleted(stacks, stack, tell)
    if purge:
        _purge(aws, stack_name, template, find_bootstrap(stacks), tell)


def _going(stacks: Stacks, stack: Stack) -> Iterator[ResourceChange]:
    """The resources that are deleted with a stack, in the template's order."""
    if stack.only_planned:
        return
    resources: Mapping[str, Mapping[str, Any]] = parsed(stacks.template(stack.id))["Resources"]
    standing = {resource.logical_id: resource for resource in stacks.resources(stack.id)}
    for logical_id, resource in resources.items():
        found = standing.get(logical_id)
        if found is None or found.status == "DELETE_COMPLETE":
            continue
        # Versions are retained by the stack and deleted with their function all the same.
        with_function = found.kind == VERSION and FUNCTION in resources
        if with_function or not retained(resource.get("DeletionPolicy")):
            yield ResourceChange(Action.REMOVE, logical_id, found.kind, found.physical_id)


def _standing_template(stacks: Stacks, stack: Stack | None) -> str | None:
    return stacks.template(stack.id) if stack is not None and not stack.only_planned else None


def _check_owner(aws: Aws, stack_name: str, standing: str | None, bootstrap: Bootstrap | None, owner: str) -> None:
    """Refuse another service's stack; where there is none any more, its last release says whose the rest is."""
    if standing is not None:
        check_owner(f"The stack {stack_name}", parsed(standing), owner)
    elif bootstrap is not None:
        releases = Releases(Bucket(aws, bootstrap.bucket), stack_name, aws)
        for release in releases.list()[:1]:
            check_owner(f"Release {release.number} of {stack_name}", parsed(releases.template(release)), owner)


def _functions(aws: Aws, stack_name: str, template: str | None, bootstrap: Bootstrap | None) -> list[str]:
    """The names of the functions that a stack has or had, by its template and those of its releases.

    Not by the beginning of a name: `shop-dev-worker` may as well be a function of the service `shop-dev`.
    """
    templates = [template] if template is not None else []
    if bootstrap is not None:
        releases = Releases(Bucket(aws, bootstrap.bucket), stack_name, aws)
        by_key = {release.template_key: release for release in releases.list()}
        templates += [releases.template(release) for release in by_key.values()]
    found = [function.name for text in templates for function in functions_in(parsed(text), stack_name)]
    return list(dict.fromkeys([stack_name, *found]))


def _log_groups(aws: Aws, stack_name: str, functions: Iterable[str]) -> tuple[str, ...]:
    """The log groups of a stack's functions and API that there are, whether the stack is still there or not."""
    client = aws.client("logs")
    wanted = (*(f"/aws/lambda/{name}" for name in functions), f"/aws/vendedlogs/http-apis/{stack_name}")
    with translated("look for log groups"):
        pages = [client.describe_log_groups(logGroupNamePrefix=name)["logGroups"] for name in wanted]
    return tuple(group["logGroupName"] for groups in pages for group in groups if group["logGroupName"] in wanted)


def _secrets(aws: Aws, stack_name: str) -> tuple[str, ...]:
    """The names of the stack's secrets."""
    client = aws.client("secretsmanager")
    prefix = f"{stack_name}/"
    with translated("look for secrets"):
        pages = client.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
        found = [secret for page in pages for secret in page["SecretList"]]
    return tuple(
        secret["Name"] for secret in found if secret["Name"].startswith(prefix) and "DeletedDate" not in secret
    )


def _purge(aws: Aws, stack_name: str, template: str | None, bootstrap: Bootstrap | None, tell: Tell) -> None:
    for name in _log_groups(aws, stack_name, _functions(aws, stack_name, template, bootstrap)):
        tell(Step(f"Deleting the log group {name}"))
        _delete_log_group(aws, name)
    for name in _secrets(aws, stack_name):
        tell(Step(f"Deleting the secret {name}"))
        _delete_secret(aws, name, tell)
    if bootstrap is not None:
        tell(Step("Deleting releases and artifacts"))
        Releases(Bucket(aws, bootstrap.bucket), stack_name, aws).delete_all()


def _delete_log_group(aws: Aws, name: str) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    with translated(f"delete the log group {name}"):
        try:
            aws.client("logs").delete_log_group(logGroupName=name)
        except ClientError as problem:
            if code_of(problem) != "ResourceNotFoundException":
                raise


def _delete_secret(aws: Aws, name: str, tell: Tell) -> None:
    client = aws.client("secretsmanager")
    with translated(f"delete the secret {name}"):
        if aws.is_local:
            client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            return
        client.delete_secret(SecretId=name, RecoveryWindowInDays=_RECOVERY_DAYS)
    restore = f"aws secretsmanager restore-secret --secret-id {name}"
    tell(Remark(f"For {_RECOVERY_DAYS} days the secret {name} can be had back: {restore}"))
