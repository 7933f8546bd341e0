"""AWS Secrets Manager: generated secrets are made and completed, and no value is ever replaced."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastlambda_cli.aws.failures import code_of, translated
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.errors import SecretError
from fastlambda_cli.service.generated_secrets import completed, generated

if TYPE_CHECKING:
    from types_boto3_secretsmanager.type_defs import TagTypeDef

_ABSENT = "ResourceNotFoundException"
_EXISTS = "ResourceExistsException"


@dataclass(frozen=True, slots=True)
class _Secret:
    """A secret with its text: None when it has no value yet, empty when its value is no text."""

    arn: str
    value: str | None = field(repr=False)


class Secrets:
    """The generated secrets of an account and Region.

    Every method raises AwsError for what AWS says, and SecretError for a secret that cannot be completed.

    Args:
        aws: The account and Region.

    """

    def __init__(self, aws: Aws) -> None:
        self._client = aws.client("secretsmanager")

    def arn_if_complete(self, name: str, keys: Iterable[str]) -> str | None:
        """The ARN of a secret that has every key; None when it would have to be made or completed."""
        secret = self._read(name)
        if secret is None or _completed(name, keys, secret.value) is not None:
            return None
        return secret.arn

    def ensure(self, name: str, keys: Iterable[str], tags: Mapping[str, str]) -> str:
        """Make the secret if it is not there, add the keys that it lacks, and return its ARN.

        Args:
            name: Its name.
            keys: The keys of its JSON object.
            tags: Given to a secret that is made.

        Raises:
            SecretError: It is to be deleted, or is no JSON object.

        """
        keys = tuple(keys)
        secret = self._read(name)
        if secret is None:
            made = self._made(name, keys, tags)
            if made is not None:
                return made
            secret = self._read(name)
        if secret is None:
            raise SecretError(
                f"The secret {name} cannot be used",
                why="somebody makes and deletes it at this moment",
                remedy="Deploy again when they have finished.",
            )
        value = _completed(name, keys, secret.value)
        if value is not None:
            with translated(f"add keys to the secret {name}"):
                self._client.put_secret_value(SecretId=secret.arn, SecretString=value)
        return secret.arn

    def _made(self, name: str, keys: tuple[str, ...], tags: Mapping[str, str]) -> str | None:
        """Make it and return its ARN; None when somebody else made it since it was looked for."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        value = generated(keys)
        pairs: list[TagTypeDef] = [{"Key": key, "Value": text} for key, text in tags.items()]
        with translated(f"make the secret {name}"):
            try:
                return self._client.create_secret(Name=name, SecretString=value, Tags=pairs)["ARN"]
            except ClientError as problem:
                if code_of(problem) != _EXISTS:
                    raise
        return None

    def _read(self, name: str) -> _Secret | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with translated(f"read the secret {name}"):
            try:
                found = self._client.describe_secret(SecretId=name)
            except ClientError as problem:
                if code_of(problem) == _ABSENT:
                    return None
                raise
            if "DeletedDate" in found:
                raise SecretError(
                    f"The secret {name} cannot be used",
                    why=f"it is scheduled for deletion on {found['DeletedDate']:%Y-%m-%d}",
                    remedy=f"Take it back: aws secretsmanager restore-secret --secret-id {name}. Or be rid of it for "
                    f"good: aws secretsmanager delete-secret --secret-id {name} --force-delete-without-recovery.",
                )
            try:
                answer = self._client.get_secret_value(SecretId=found["ARN"])
            except ClientError as problem:
                if code_of(problem) != _ABSENT:
                    raise
                return _Secret(found["ARN"], None)  # it was made without a value
        binary = "SecretBinary" in answer
        return _Secret(found["ARN"], "" if binary else answer.get("SecretString") or None)


def _completed(name: str, keys: Iterable[str], value: str | None) -> str | None:
    if value is None:
        return generated(keys)
    try:
        return completed(keys, value)
    except ValueError as problem:
        raise SecretError(
            f"The secret {name} cannot be completed",
            why=str(problem),
            remedy="Put a JSON object there, or name another secret by its `arn` in the configuration.",
        ) from None
