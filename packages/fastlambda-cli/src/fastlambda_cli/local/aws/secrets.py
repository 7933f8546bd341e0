"""A service's generated secrets, made in the emulator at its first start and kept ever after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from fastlambda_cli.errors import EmulatorError
from fastlambda_cli.service.generated_secrets import completed, generated, secret_name
from fastlambda_cli.service.model import SecretSpec, Service
from fastlambda_cli.service.variables import secret_variable


class SecretsManager:
    """The three calls of AWS Secrets Manager that are needed here, in its JSON 1.1 protocol.

    Not boto3: importing it would double the time that a second start takes, and the emulator's private socket
    wants no signature.

    Args:
        client: Sends to the emulator.

    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def read(self, name: str) -> Mapping[str, Any] | None:
        """GetSecretValue of the current version; None when there is no such secret."""
        return await self._call("GetSecretValue", {"SecretId": name}, absent="ResourceNotFoundException")

    async def create(self, name: str, value: str) -> Mapping[str, Any]:
        """CreateSecret."""
        return await self._call("CreateSecret", {"Name": name, "SecretString": value}) or {}

    async def write(self, name: str, value: str) -> None:
        """PutSecretValue: a new current version."""
        await self._call("PutSecretValue", {"SecretId": name, "SecretString": value})

    async def _call(
        self, operation: str, parameters: Mapping[str, str], *, absent: str | None = None
    ) -> Mapping[str, Any] | None:
        secret = parameters.get("SecretId") or parameters["Name"]
        try:
            response = await self._client.post(
                "/",
                content=json.dumps(parameters),
                headers={
                    "content-type": "application/x-amz-json-1.1",
                    "x-amz-target": f"secretsmanager.{operation}",
                },
            )
            answer: dict[str, Any] = response.json()
        except (httpx.TransportError, ValueError) as problem:
            raise EmulatorError(
                f"The emulator did not answer {operation} of the secret {secret}",
                why=str(problem) or type(problem).__name__,
                remedy="Start again; emulator.log in the state directory tells more.",
            ) from problem
        if response.is_success:
            return answer
        code = str(answer.get("__type", "")).rpartition("#")[2]
        if code == absent:
            return None
        raise EmulatorError(
            f"The emulator refused {operation} of the secret {secret}",
            why=f"{code or response.status_code}: {answer.get('message') or answer.get('Message')}",
            remedy="Look at the secret with `aws secretsmanager describe-secret` at the local endpoint.",
        )


async def ensure_secrets(service: Service, prefix: str, manager: SecretsManager) -> dict[str, str]:
    """Make what is missing of a service's secrets, keep what is there, and return their ARNs.

    A secret to generate is named PREFIX/SECRET and is a JSON object with a random URL-safe value of 32 bytes for
    each key. A key that was added to the configuration is added to the secret; no value is ever replaced.

    Returns:
        The ARN of every secret by the environment variable in which the function finds it.

    Raises:
        EmulatorError: The emulator refuses, or a secret there is no JSON object and lacks keys.

    """
    return {
        secret_variable(name, spec): spec.arn or await _ensure(secret_name(prefix, name), spec, manager)
        for name, spec in service.configuration.secrets.items()
    }


async def _ensure(name: str, spec: SecretSpec, manager: SecretsManager) -> str:
    existing = await manager.read(name)
    if existing is None:
        return str((await manager.create(name, generated(spec.generate)))["ARN"])
    value = _completed(name, spec, str(existing.get("SecretString") or ""))
    if value is not None:
        await manager.write(name, value)
    return str(existing["ARN"])


def _completed(name: str, spec: SecretSpec, value: str) -> str | None:
    try:
        return completed(spec.generate, value)
    except ValueError as problem:
        raise EmulatorError(
            f"The secret {name} in the local AWS is not a JSON object",
            why="its keys cannot be looked at",
            remedy=f"Put an object there, or delete it: aws secretsmanager delete-secret --secret-id {name} "
            "--force-delete-without-recovery.",
        ) from problem
