"""An image for the local AWS, of what a Dockerfile's image has for Python.

The local Lambda starts no image: this machine's interpreter runs what is in the task root. So what goes there is the
image's task root and what its own Python has installed. The system's libraries, other programs and the entrypoint of
the image are not looked at.
"""

from __future__ import annotations

import platform
import shutil
from pathlib import Path

from fastlambda_cli.artifact.fingerprint import digest
from fastlambda_cli.artifact.image.empty import empty_base
from fastlambda_cli.artifact.image.escape import command_of
from fastlambda_cli.artifact.image.layers import FORMAT, is_sound, read_layer, write_layer
from fastlambda_cli.artifact.image.manifest import image_of
from fastlambda_cli.artifact.image.model import Image
from fastlambda_cli.artifact.image.python_files import UnusableFileError, python_files
from fastlambda_cli.artifact.installation import installed, keep_newest
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ArtifactError
from fastlambda_cli.service.model import Runtime

WHAT = "what the Dockerfile's image has for Python"
"""The one layer of such an image."""

_KEPT = 3
_PROCESSORS = {"aarch64": Platform.ARM64, "x86_64": Platform.X86_64}


def platform_here(system: str = platform.system(), machine: str = platform.machine()) -> Platform:
    """The platform of those images whose files this machine's Python can run.

    Args:
        system: This machine's.
        machine: Its processor.

    Raises:
        ArtifactError: There is none.

    """
    if system != "Linux" or machine not in _PROCESSORS:
        raise _not_run(f"an image is for Linux on {' or '.join(_PROCESSORS)}, and here is {system} on {machine}")
    return _PROCESSORS[machine]


async def image_for_here(image: Image, name: str, runtime: Runtime, *, cache: Path, tell: Tell) -> Image:
    """Make an image for the local AWS of what another one has for Python.

    Args:
        image: One for this machine's processor, all of whose layers are on this machine.
        name: The service's.
        runtime: Lambda's Python, which is the one that runs functions here.
        cache: The folder that keeps what is made.
        tell: Is told what takes time.

    Raises:
        ArtifactError: The image's command is no handler; its Python is another; or what Python would import is not
            there, or no file.
        ToolchainError: The cache cannot be written.

    """
    command = command_of(image)
    if len(command) != 1:
        raise _not_run(f"its CMD is {' '.join(command) or 'missing'}, and has to be the handler alone")
    version = runtime.removeprefix("python")
    place = cache / "dockerfile-here" / name / digest(FORMAT, image.digest, version)

    async def fill(folder: Path) -> None:
        work = folder / "files"
        work.mkdir()
        try:
            found = python_files(image, version, work)
        except UnusableFileError as problem:
            raise _not_run(str(problem)) from problem
        if found.interpreters and version not in found.interpreters:
            raise _not_run(f"it has Python {', '.join(sorted(found.interpreters))}, and the service needs {version}")
        if not found.entries:
            raise _not_run("it has nothing in /var/task, and here nothing else is run")
        write_layer(folder, found.entries)
        shutil.rmtree(work)

    await installed(place, fill, tell, what=f"the files of {name}", verb="unpack", sound=is_sound)
    keep_newest(place, _KEPT)
    return image_of(empty_base(runtime), [(WHAT, read_layer(place))], handler=command[0])


def _not_run(why: str) -> ArtifactError:
    return ArtifactError(
        "The Dockerfile's image cannot be run here",
        why=f"here no container is started, but this machine's Python runs the image's files: {why}",
        remedy="`fastlambda dev` runs the service from its folder, without the Dockerfile; on AWS the image runs as a "
        "whole.",
    )
