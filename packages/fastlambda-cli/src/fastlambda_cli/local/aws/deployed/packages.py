"""What a deployed version is made from: its zip, or its container image out of the emulator's Amazon ECR.

The interpreter is this machine's, so an image has to say which of Lambda's Pythons it is for, as those of
`fastlambda deploy --local` do; and what lies outside the task root is not looked at.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.artifact.image.empty import RUNTIME_LABEL
from fastlambda_cli.local.aws.deployed.code import Unpack
from fastlambda_cli.local.aws.deployed.layers import unpack_layers
from fastlambda_cli.local.aws.deployed.runtimes import MissingRuntimeError
from fastlambda_cli.local.aws.deployed.state import DeployedState
from fastlambda_cli.local.aws.deployed.unpacking import UnusableCodeError, unpack


class MissingImageError(UnusableCodeError):
    """An image, or a part of it, is not in its repository."""


@dataclass(frozen=True, slots=True)
class Package:
    """The code of a version.

    Attributes:
        digest: Names it, in hexadecimal.
        runtime: Lambda's name of the Python that it is for.
        handler: `module.attribute`.
        read: Fetches it; what it returns unpacks it.

    """

    digest: str
    runtime: str
    handler: str
    read: Callable[[], Awaitable[Unpack]]


def zip_package(state: DeployedState, configuration: Mapping[str, Any]) -> Package:
    """The zip of a version.

    Args:
        state: Has it.
        configuration: As GetFunctionConfiguration shows it (AWS Lambda API Reference).

    Raises:
        UnusableCodeError: No code was deployed; reading finds that out, too.

    """
    try:
        digest = base64.b64decode(configuration.get("CodeSha256", ""), validate=True).hex()
    except (binascii.Error, ValueError) as problem:
        raise UnusableCodeError("no code was deployed: its digest is missing") from problem

    async def read() -> Unpack:
        content = await state.code(configuration["FunctionName"], configuration["Version"])
        if not content:
            raise UnusableCodeError("no code was deployed")
        return functools.partial(unpack, content)

    return Package(digest, configuration.get("Runtime", ""), configuration.get("Handler", ""), read)


async def image_package(state: DeployedState, configuration: Mapping[str, Any]) -> Package:
    """The image of a version.

    Args:
        state: Has the repository.
        configuration: As GetFunctionConfiguration shows it; with the image's URI, by its digest.

    Raises:
        MissingImageError: It is not in its repository; reading may find that out, too.
        MissingRuntimeError: It does not say what runs it.
        EmulatorError: The emulator does not answer.

    """
    name, _, digest = configuration["ImageUri"].partition("@")
    registry, _, repository = name.partition("/")

    async def get(path: str) -> bytes:
        found = await state.of_registry(registry, f"{repository}/{path}")
        if found is None:
            raise MissingImageError(f"{name}@{digest} is not in its repository, or not all of it")
        return found

    async def read() -> Unpack:
        layers = [await get(f"blobs/{layer['digest']}") for layer in manifest["layers"]]
        return functools.partial(unpack_layers, layers)

    manifest = json.loads(await get(f"manifests/{digest}"))
    config = json.loads(await get(f"blobs/{manifest['config']['digest']}")).get("config") or {}
    runtime = (config.get("Labels") or {}).get(RUNTIME_LABEL)
    if runtime is None:
        raise MissingRuntimeError(
            f"{name}@{digest} does not say which Python runs it: the image lacks the label {RUNTIME_LABEL}. "
            "Those of `fastlambda deploy --local` have it."
        )
    # ImageConfig overrides what the image says (AWS Lambda API Reference, "ImageConfig").
    overridden = configuration.get("ImageConfigResponse", {}).get("ImageConfig", {}).get("Command")
    command = overridden or config.get("Cmd") or [""]
    return Package(digest.removeprefix("sha256:"), runtime, command[0], read)
