"""A base with nothing in it, for images that this machine's own interpreter runs.

Such an image needs no network to be built. What it says of itself is what Lambda's own base would say by being there:
which Python it is for.
"""

from __future__ import annotations

import json
import platform

from fastlambda_cli.artifact.image.blobs import digest_of
from fastlambda_cli.artifact.image.media_types import OCI
from fastlambda_cli.artifact.image.model import Base, Descriptor
from fastlambda_cli.service.model import Runtime

RUNTIME_LABEL = "fastlambda.runtime"
"""The label of an image that says which of Lambda's Pythons runs it."""

_ARCHITECTURES = {"aarch64": "arm64", "x86_64": "amd64"}


def empty_base(runtime: Runtime) -> Base:
    """Make the base; it is in no registry, and has no layer that could be asked for.

    Args:
        runtime: Lambda's Python.

    """
    machine = platform.machine()
    config = {
        "architecture": _ARCHITECTURES.get(machine, machine),
        "config": {"Labels": {RUNTIME_LABEL: runtime}},
        "history": [],
        "os": platform.system().lower(),
        "rootfs": {"diff_ids": [], "type": "layers"},
    }
    content = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI.manifest,
        "config": Descriptor(OCI.config, digest_of(content), len(content)).document(),
        "layers": [],
    }
    return Base("nowhere", "empty", digest_of(json.dumps(manifest).encode()), manifest, config)
