"""podman as it runs where nothing is set up for it: with runc, cgroupfs, and everything in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

USER = "993:990"
_CONFIGURATION = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
"""
_POLICY = '{"default": [{"type": "insecureAcceptAnything"}]}'

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the root folder here")


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")


def run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@dataclass(frozen=True)
class Podman:
    """podman, with an image that it has pulled."""

    command: tuple[str, ...]
    image: str

    def run(self, variables: dict[str, str], *options: str, arguments: tuple[str, ...] = ()) -> list[str]:
        """The command line that runs the image read-only, as nobody, and with the network of this machine."""
        given = [f"--env={name}={value}" for name, value in variables.items()]
        confined = ["--read-only", "--user", USER, "--network", "host", "--rm", "--name", "mine"]
        return [*self.command, "run", *confined, *given, *options, self.image, *arguments]


@contextmanager
def podman_with(image: str, folder: Path) -> Iterator[Podman]:
    """Pull an image from a registry on this machine; nothing of what runs stays."""
    (folder / "containers.conf").write_text(_CONFIGURATION, encoding="utf-8")
    (folder / "policy.json").write_text(_POLICY, encoding="utf-8")
    # podman finds the names of pytest's folders too long, and may still write while the folder is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as short:
        storage = ("--root", str(folder / "storage"), "--runroot", short, "--storage-driver", "vfs")
        environment = ("env", f"CONTAINERS_CONF={folder / 'containers.conf'}", f"HOME={folder}")
        command = (*environment, "podman", *storage)
        run(*command, "pull", "--quiet", "--tls-verify=false", "--signature-policy", str(folder / "policy.json"), image)
        try:
            yield Podman(command, image)
        finally:
            run(*command, "rm", "--force", "--ignore", "--time", "0", "mine")
