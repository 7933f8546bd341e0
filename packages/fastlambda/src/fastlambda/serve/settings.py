"""How a container serves: its environment, read once into one frozen record."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from fastlambda.errors import SettingsError
from fastlambda.settings import SERVE, nearest

_PREFIX = "FASTLAMBDA_SERVE_"
_MAX_PORT = 65535
_PATH = re.compile(r"(/[A-Za-z0-9$_.+!*'()~-]+)+")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """What the server needs to know.

    Attributes:
        host: `FASTLAMBDA_SERVE_HOST`: the address that it listens on. This machine's own unless something else is
            said: a container says 0.0.0.0, or :: for IPv6.
        port: `FASTLAMBDA_SERVE_PORT`; 0 is any that is free.
        health_path: `FASTLAMBDA_SERVE_HEALTH_PATH`: the path that answers whether the process serves.
        grace_seconds: `FASTLAMBDA_SERVE_GRACE_SECONDS`: how long requests in flight may go on after SIGTERM. With the
            app's shutdown it has to stay below the 30 seconds that ECS and Kubernetes leave by default.

    """

    host: str = "127.0.0.1"
    port: int = 8080
    health_path: str = "/healthz"
    grace_seconds: int = 25

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> ServeSettings:
        """Read and check the environment.

        Raises:
            SettingsError: a `FASTLAMBDA_SERVE_` name is unknown, or a value is ill.

        """
        for name in sorted(environ):
            if name.startswith(_PREFIX) and name not in SERVE:
                near = nearest(name, SERVE, cutoff=0.8)
                remedy = f"Did you mean {near}?" if near else f"It knows {', '.join(SERVE)}."
                raise SettingsError(f"Unknown environment variable {name}", remedy=remedy)
        default = cls()
        path = environ.get(f"{_PREFIX}HEALTH_PATH") or default.health_path
        if not _PATH.fullmatch(path):
            raise _ill(f"{_PREFIX}HEALTH_PATH", path, "a path such as /healthz")
        return cls(
            host=environ.get(f"{_PREFIX}HOST") or default.host,
            port=_number(environ, f"{_PREFIX}PORT", default.port, "a port from 0 to 65535", most=_MAX_PORT),
            health_path=path,
            grace_seconds=_number(
                environ, f"{_PREFIX}GRACE_SECONDS", default.grace_seconds, "a whole number of seconds"
            ),
        )


def _number(environ: Mapping[str, str], name: str, default: int, what: str, *, most: int = 3600) -> int:
    value = environ.get(name)
    if not value:
        return default
    if not re.fullmatch("[0-9]{1,5}", value) or int(value) > most:
        raise _ill(name, value, what)
    return int(value)


def _ill(name: str, value: str, what: str) -> SettingsError:
    return SettingsError(f"{name} is {value!r}", why=f"it must be {what}", remedy="Correct or unset it.")
