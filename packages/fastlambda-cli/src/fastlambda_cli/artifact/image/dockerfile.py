"""A Dockerfile that makes what `fastlambda build --image` makes, for those who build with Docker, podman or buildah."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Collection, Iterable

from fastlambda_cli.artifact.bundling import BUNDLE, GENERATED
from fastlambda_cli.artifact.bytecode import TASK_ROOT
from fastlambda_cli.artifact.image.base import ARCHITECTURES
from fastlambda_cli.artifact.model import Platform
from fastlambda_cli.artifact.project_metadata import project_metadata
from fastlambda_cli.artifact.pylock import PYLOCK
from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.model import Service

# What the commands leave in the service's folder has names that no artifact has, and that are no lock of the service.
REQUIREMENTS = "Dockerfile.requirements.txt"
WHEELS = "Dockerfile.wheels"
BUNDLER = "Dockerfile.bundler.py"

_INSTALL = f"python -m pip install --no-cache-dir --no-compile --no-deps --target {TASK_ROOT}"


def dockerfile(service: Service, base: str, platform: Platform, files: Collection[str], *, bundled: bool) -> str:
    """Write the Dockerfile of a service. Its context is the service's folder.

    Args:
        service: The service.
        base: The image it stands on; one that a digest names stays what it is.
        platform: For which.
        files: The paths of the service's own files.
        bundled: Whether the runtime reads what is generated of the packages from one file.

    """
    requirements = _requirements(service)
    wheels = bool(service.local_sources)
    own = sorted({name.partition("/")[0] for name in files})
    lines = [
        "# Makes what `fastlambda build --image` makes; written by `fastlambda dockerfile`.",
        "#",
        *(f"#   {command}" for command in _commands(service, platform, requirements, bundled=bundled)),
        "#",
        "# Lambda takes one manifest without attestations, hence --provenance=false. A .dockerignore with",
        "# **/__pycache__ and **/.* leaves out what fastlambda leaves out of these folders.",
        f"FROM {base}",
        "",
        f"COPY {_list(requirements, '/tmp/requirements.txt')}",  # noqa: S108 - in the image
        *([f"COPY {_list(WHEELS, '/tmp/wheels')}"] if wheels else []),  # noqa: S108
        *([f"COPY {_list(BUNDLER, '/tmp/bundler.py')}"] if bundled else []),  # noqa: S108
        f"RUN {_INSTALL} --require-hashes --only-binary :all: -r /tmp/requirements.txt && \\",
        *([f"    {_INSTALL} /tmp/wheels/*.whl && \\"] if wheels else []),
        f"    rm -rf {TASK_ROOT}/bin && \\",
        f"    {{ {_compile(TASK_ROOT)}; }} && \\",
        *([f"    python -I -S /tmp/bundler.py {TASK_ROOT} {TASK_ROOT}/{BUNDLE} {GENERATED} && \\"] if bundled else []),
        "    rm -rf /tmp/requirements.txt /tmp/wheels /tmp/bundler.py",
        "",
        *(f"COPY {copy}" for copy in _copies(files)),
        *_metadata(service),
        f"RUN {_compile(*(f'{TASK_ROOT}/{name}' for name in own))}",
        "",
        f"CMD {json.dumps([service.configuration.handler])}",
    ]
    return "\n".join(lines) + "\n"


def _compile(*paths: str) -> str:
    """Bytecode that no date outdates, as `bytecode` makes it."""
    flags = f"-q -q -f --invalidation-mode unchecked-hash -s {TASK_ROOT} -p {TASK_ROOT}"
    # A template of a package that is no Python of this version makes it end with 1, and nobody can import that.
    return f"PYTHONHASHSEED=0 python -m compileall {flags} {shlex.join(paths)} || [ $? -eq 1 ]"


def _requirements(service: Service) -> str:
    """The lock as pip reads it: the service's own, or one that is exported from uv's."""
    lock = service.lock
    if lock is not None and lock.name == PYLOCK:
        raise ConfigurationError(
            f"A Dockerfile cannot install what {PYLOCK} has",
            why="pip in AWS's base images reads requirements files",
            remedy="Write one beside it: uv pip compile --generate-hashes pyproject.toml -o requirements.lock.",
        )
    return lock.name if lock is not None and lock.parent == service.root and lock.name != "uv.lock" else REQUIREMENTS


def _commands(service: Service, platform: Platform, requirements: str, *, bundled: bool) -> Iterable[str]:
    if requirements == REQUIREMENTS and (service.lock is None or service.lock.name == "uv.lock"):
        yield f"uv export --no-dev --no-emit-project --no-emit-local --output-file {REQUIREMENTS}"
    for path in service.local_sources.values():
        shown = os.path.relpath(path, service.root)
        yield f"uv build --wheel --out-dir {WHEELS} {shown}" if path.is_dir() else f"cp {shown} {WHEELS}/"
    if bundled:
        yield f"fastlambda dockerfile --bundler > {BUNDLER}"
    yield f"docker build --provenance=false --platform linux/{ARCHITECTURES[platform]} --tag {service.name.lower()} ."


def _copies(files: Iterable[str]) -> Iterable[str]:
    names = sorted(files)
    alone = [name for name in names if "/" not in name]
    if alone:
        yield _list(*alone, f"{TASK_ROOT}/")
    for folder in dict.fromkeys(name.partition("/")[0] for name in names if "/" in name):
        yield _list(folder, f"{TASK_ROOT}/{folder}")


def _metadata(service: Service) -> Iterable[str]:
    for name, content in project_metadata(service).items():
        folder, _, _ = name.rpartition("/")
        written = shlex.quote(content.decode().replace("%", "%%").replace("\\", "\\\\").replace("\n", "\\n"))
        folder, file = shlex.quote(f"{TASK_ROOT}/{folder}"), shlex.quote(f"{TASK_ROOT}/{name}")
        yield f"RUN mkdir {folder} && printf {written} > {file}"


def _list(*names: str) -> str:
    """Names as COPY takes them whatever characters they hold."""
    return json.dumps(names, ensure_ascii=False)
