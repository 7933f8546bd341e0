"""What a registry says when it refuses, and how the network fails, told as our errors."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

from fastlambda_cli.errors import (
    ImageNotFoundError,
    RegistryError,
    RegistryLoginError,
    RegistryUnreachableError,
)

_LOGIN = frozenset({"UNAUTHORIZED", "DENIED"})
_UNKNOWN = frozenset({"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "NOT_FOUND"})
_FORBIDDEN = 403
_TOO_LARGE = 413
_BUSY = 429
_MAX_SAID = 300

LOG_IN = (
    "Log in with docker or podman, such as `docker login REGISTRY`; for Amazon ECR the AWS credentials are taken: "
    "see that they may push and pull."
)


def refused(answer: httpx.Response, doing: str) -> RegistryError:
    """The error for an answer that is not the one that was hoped for.

    Args:
        answer: Has been read.
        doing: What was asked, in words that complete "Could not".

    """
    code, said = _told(answer)
    what, status = f"Could not {doing}", answer.status_code
    why = said or f"{answer.request.url.host} answered with status {status}"
    if code in _LOGIN or status in {401, _FORBIDDEN}:
        return RegistryLoginError(what, why=why, remedy=LOG_IN)
    if code in _UNKNOWN or status == 404:  # noqa: PLR2004
        return ImageNotFoundError(what, why=why, remedy="See that registry, repository and tag are right, and exist.")
    if status == _BUSY:
        return RegistryError(what, why=why, remedy="The registry wants fewer requests: wait a while, then start again.")
    if status == _TOO_LARGE:
        return RegistryError(what, why=why, remedy="Something before the registry limits uploads: raise its limit.")
    if "immutable" in said.lower():
        return RegistryError(what, why=why, remedy="Push with another tag, or with none.")
    return RegistryError(what, why=why)


def is_final(problem: httpx.TransportError) -> bool:
    """Whether trying again would come to the same: what is not trusted now is not in a second either."""
    return isinstance(problem, httpx.UnsupportedProtocol) or "CERTIFICATE_VERIFY_FAILED" in str(problem)


def unreachable(host: str, problem: httpx.TransportError) -> RegistryUnreachableError:
    """The error for a connection that cannot be had, or was lost."""
    what = f"Could not reach {host}"
    why = str(problem) or type(problem).__name__
    if isinstance(problem.__cause__ and problem.__cause__.__cause__, ssl.SSLError) or "CERTIFICATE" in why:
        remedy = "Where a proxy opens TLS, name its certificates in SSL_CERT_FILE; and see that the clock is right."
        return RegistryUnreachableError(what, why=why, remedy=remedy)
    if isinstance(problem, httpx.UnsupportedProtocol):
        return RegistryUnreachableError(what, why=why, remedy="Only a registry on this machine may do without TLS.")
    return RegistryUnreachableError(
        what, why=why, remedy="Check the network, the registry's name and HTTPS_PROXY, then start again."
    )


def _told(answer: httpx.Response) -> tuple[str, str]:
    """The code and the words of the first error in an answer (distribution specification, "Error Codes")."""
    try:
        document: Any = answer.json()
    except (ValueError, httpx.ResponseNotRead):
        return "", ""
    match document:
        case {"errors": [{"code": str(code), **rest}, *_]}:
            message = str(rest.get("message", ""))
            return code, f"{message[:_MAX_SAID]} ({code})" if message else code
    return "", ""
