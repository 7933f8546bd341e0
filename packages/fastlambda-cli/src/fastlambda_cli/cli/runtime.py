"""Which of Lambda's Pythons a service runs on."""

from __future__ import annotations

import sys
from typing import cast, get_args

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.model import Runtime, Service


def runtime_of(service: Service) -> Runtime:
    """The runtime that the service names, or else the Python that runs this command.

    Raises:
        ConfigurationError: It names none, and Lambda does not have this command's.

    """
    if service.configuration.runtime is not None:
        return service.configuration.runtime
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if own in get_args(Runtime):
        return cast("Runtime", own)
    raise ConfigurationError(
        f"The service names no runtime, and Lambda has no {own}",
        why=f"it has {', '.join(get_args(Runtime))}",
        remedy="Set runtime in [tool.fastlambda].",
    )
