"""This machine: Python, uv, what it can give functions, and the ports that `dev` listens on."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from fastlambda_cli.artifact.interpreter import own_python
from fastlambda_cli.artifact.uv import uv_binary
from fastlambda_cli.cli.checkup.check import Check, Status, attempted
from fastlambda_cli.errors import PortTakenError
from fastlambda_cli.local.function.own_files import obstacle
from fastlambda_cli.local.ports import listen
from fastlambda_cli.local.session import STATE, Session, running_session
from fastlambda_cli.service.model import Runtime

HTTP_PORT = 8000
AWS_PORT = 4566

_TIMEOUT_S = 20


def machine_checks(service: Path, *, ports: tuple[int, int] = (HTTP_PORT, AWS_PORT)) -> Iterator[Check]:
    """Look at this machine.

    Args:
        service: The service's folder; a `dev` of its own may well hold the ports.
        ports: Those that `dev` takes for the HTTP API and for AWS.

    """
    yield _python()
    yield attempted("uv", _uv)
    yield files_check(obstacle(own_python()))
    session = running_session(service / STATE)
    http, aws = ports
    yield _port("port of the HTTP API", http, "--port", session, session.http_url if session else None)
    yield _port("port of the AWS endpoint", aws, "--aws-port", session, session.endpoint_url if session else None)


def _python() -> Check:
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if own in get_args(Runtime):
        return Check("Python", Status.OK, found)
    return Check(
        "Python",
        Status.WARN,
        f"{found}; Lambda has {', '.join(get_args(Runtime))}",
        "Set runtime in [tool.fastlambda] to one of these, or run fastlambda with one of them.",
    )


def files_check(obstacle: str) -> Check:
    """Whether functions can have a file system as Lambda's here.

    Args:
        obstacle: Why not; empty when they can.

    """
    name = "file system"
    if not obstacle:
        return Check(name, Status.OK, "functions of dev have one as on Lambda: read-only, with a /tmp of their own")
    if sys.platform == "linux":
        remedy = (
            "Let users make user and mount namespaces: Linux 5.12 or later, user.max_user_namespaces above 0, "
            "on Ubuntu kernel.apparmor_restrict_unprivileged_userns=0, and in Docker "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined."
        )
    else:
        remedy = "Try what writes files on AWS, or under Linux."
    return Check(name, Status.WARN, f"functions of dev share this machine's: {obstacle}", remedy)


def _uv() -> Check:
    binary = uv_binary(doing="find uv")
    try:
        ran = subprocess.run(  # noqa: S603 - the path comes from the package uv itself
            [binary, "--version"], capture_output=True, text=True, check=True, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError) as problem:
        return Check("uv", Status.FAIL, f"{binary} does not run: {problem}", "Install it anew: pip install uv.")
    return Check("uv", Status.OK, ran.stdout.strip())


def _port(name: str, port: int, option: str, session: Session | None, url: str | None) -> Check:
    try:
        listen(port, label="fastlambda dev", option=option).close()
    except PortTakenError as error:
        if session is not None and url is not None and url.endswith(f":{port}"):
            return Check(name, Status.OK, f"{port}: this service's own dev (pid {session.pid}) listens there")
        return Check(name, Status.WARN, f"{port}: {error.why}", f"End that process, or run dev with {option} 0.")
    return Check(name, Status.OK, f"{port} is free")
