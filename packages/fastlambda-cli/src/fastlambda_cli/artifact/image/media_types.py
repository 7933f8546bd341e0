"""The two families of media types; an image keeps to one of them.

Lambda takes both: Docker image manifest V2, schema 2, and OCI specification v1.0.0 and up (Lambda developer guide,
"Create a Lambda function using a container image").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastlambda_cli.errors import RegistryError


@dataclass(frozen=True, slots=True)
class Family:
    """The media types that belong together."""

    manifest: str
    config: str
    layer: str
    index: str


OCI = Family(
    manifest="application/vnd.oci.image.manifest.v1+json",
    config="application/vnd.oci.image.config.v1+json",
    layer="application/vnd.oci.image.layer.v1.tar+gzip",
    index="application/vnd.oci.image.index.v1+json",
)
DOCKER = Family(
    manifest="application/vnd.docker.distribution.manifest.v2+json",
    config="application/vnd.docker.container.image.v1+json",
    layer="application/vnd.docker.image.rootfs.diff.tar.gzip",
    index="application/vnd.docker.distribution.manifest.list.v2+json",
)
FAMILIES = (OCI, DOCKER)

ACCEPTED = {"Accept": ", ".join(kind for family in FAMILIES for kind in (family.manifest, family.index))}
"""The header that asks for what can be read here, and for nothing older."""


def family_of(manifest: Mapping[str, Any], what: str) -> Family:
    """The family of a manifest; OCI's may leave out what they are themselves, and then the configuration says it.

    Raises:
        RegistryError: It is of neither.

    """
    own = manifest.get("mediaType")
    config = (manifest.get("config") or {}).get("mediaType")
    for family in FAMILIES:
        if family.manifest == own or (own is None and family.config == config):
            return family
    raise RegistryError(
        f"{what} is no image that Lambda takes",
        why=f"its media type is {own or 'not said'}",
        remedy="Choose a base that is an OCI image, or a Docker image of manifest version 2, schema 2.",
    )
