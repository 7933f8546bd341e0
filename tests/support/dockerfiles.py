"""Dockerfiles that need no base, and what podman and buildah need to build them here."""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

import pytest

from fastlambda_cli.artifact.image.builders import BUILDERS
from fastlambda_cli.artifact.model import Platform

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
PLATFORM = {"amd64": Platform.X86_64, "arm64": Platform.ARM64}[ARCHITECTURE]
ROOTLESS = {builder.name: builder for builder in BUILDERS if builder.name != "docker" and shutil.which(builder.name)}
needs_builder = pytest.mark.skipif(not ROOTLESS, reason="neither podman nor buildah is installed")


def dockerfile(*steps: str, handler: str = "lambda_handler.handler") -> str:
    """A Dockerfile on nothing, which copies the handler and does these steps besides."""
    copied = "COPY lambda_handler.py /var/task/lambda_handler.py"
    started = ['ENTRYPOINT ["/lambda-entrypoint.sh"]', f'CMD ["{handler}"]']
    return "\n".join(("FROM scratch", *steps, copied, *started, ""))


def separate_storage(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have podman and buildah keep everything in a folder, and ask for no rights that a container may lack."""
    kept = f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/kept"\nrunroot = "{folder}/running"\n'
    (folder / "storage.conf").write_text(kept, encoding="utf-8")
    monkeypatch.setenv("CONTAINERS_STORAGE_CONF", str(folder / "storage.conf"))
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")
