"""Names of images, such as public.ecr.aws/lambda/python:3.13-arm64, as docker and podman understand them."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace

from fastlambda_cli.artifact.image.model import is_digest
from fastlambda_cli.errors import ConfigurationError

_DOCKER_HUB = "docker.io"
_DEFAULT_TAG = "latest"
# OCI distribution specification, "Pulling manifests".
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image in a registry.

    Attributes:
        registry: Host, and port where there is one.
        repository: Such as lambda/python.
        tag: None where a digest alone names it.
        digest: None where a tag alone names it.

    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str, *, default_tag: str | None = _DEFAULT_TAG) -> Reference:
        """Read a name; without a registry it means Docker Hub.

        Args:
            text: The name.
            default_tag: What it means without tag and digest.

        Raises:
            ConfigurationError: It is no name of an image.

        """
        name, at, digest = text.partition("@")
        head, slash, rest = name.partition("/")
        is_host = bool(slash) and ("." in head or ":" in head or head == "localhost")
        registry, name = (head, rest) if is_host else (_DOCKER_HUB, name)
        repository, colon, tag = name.partition(":")
        if registry == _DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        good = _HOST.fullmatch(registry) and _REPOSITORY.fullmatch(repository) and (not colon or _TAG.fullmatch(tag))
        if not good or (at and not is_digest(digest)):
            raise ConfigurationError(
                f"{text} names no image",
                why="a registry, a repository in lower case, and a tag or a digest are what a name has",
                remedy="Write it as REGISTRY/REPOSITORY:TAG or REGISTRY/REPOSITORY@sha256:DIGEST.",
            )
        return cls(registry, repository, tag or (None if at else default_tag), digest or None)

    def at(self, digest: str) -> Reference:
        """The same name for exactly this image."""
        return replace(self, tag=None, digest=digest)

    @property
    def selector(self) -> str:
        """What is asked of the repository: the digest, or else the tag."""
        return self.digest or self.tag or _DEFAULT_TAG

    def __str__(self) -> str:
        """Write it as people do."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"


def is_loopback(host: str) -> bool:
    """Whether a host, without its port, is this machine: the only one that is spoken to without TLS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name
        return False
