"""A base image that can really be started: the interpreter of the tests, its libraries, and Lambda's own runtime."""

from __future__ import annotations

import gzip
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from image_registry import digest_of
from images import BaseParts

from fastlambda_cli.artifact.image.media_types import DOCKER
from fastlambda_cli.artifact.interpreter import own_python

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
# Wheels ask for them, and later glibcs have what is in them elsewhere.
_OF_EVERY_SYSTEM = ("libdl.so.2", "libgcc_s.so.1", "libpthread.so.0", "librt.so.1", "libutil.so.1")
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_NOT_NEEDED = {"__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tkinter"}
_NOT_ASKED_FOR = {"__pycache__", "boto3", "botocore", "s3transfer"}


def lambda_like_base(runtime_dir: Path) -> BaseParts:
    """The base, in one layer.

    Args:
        runtime_dir: What lies in /var/runtime.

    """
    tar = _tar(dict(_files(runtime_dir)))
    layer = gzip.compress(tar, compresslevel=1, mtime=0)
    variables = {
        "LD_LIBRARY_PATH": f"{sys.base_prefix}/lib",
        "LAMBDA_TASK_ROOT": "/var/task",
        "PYTHONPATH": "/var/runtime",
        "PATH": "/usr/bin:/bin",
    }
    config = {
        "architecture": ARCHITECTURE,
        "os": "linux",
        "config": {
            "Entrypoint": [str(own_python().resolve()), "-m", "awslambdaric"],
            "Env": [f"{name}={value}" for name, value in variables.items()],
        },
        "rootfs": {"type": "layers", "diff_ids": [digest_of(tar)]},
    }
    content = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": DOCKER.manifest,
        "config": {"mediaType": DOCKER.config, "digest": digest_of(content), "size": len(content)},
        "layers": [{"mediaType": DOCKER.layer, "digest": digest_of(layer), "size": len(layer)}],
    }
    return BaseParts(manifest, config, [content, layer])


def _tar(files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        folders = {parent for target in files for parent in Path(target).parents} | {Path("/dev"), Path("/proc")}
        for folder in sorted(folders):
            info = tarfile.TarInfo(str(folder))
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        for target, source in sorted(files.items()):
            info = tarfile.TarInfo(target)
            content = source.read_bytes()
            info.size, info.mode = len(content), 0o755 if os.access(source, os.X_OK) else 0o644
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _files(runtime_dir: Path) -> Iterator[tuple[str, Path]]:
    """Where each file stands in the image, and where it comes from."""
    python = own_python().resolve()
    library = Path(sys.base_prefix, "lib")
    modules = [path for path in (library / _VERSION).rglob("*") if path.suffix in {".py", ".so"}]
    needed = [path for path in modules if not _NOT_NEEDED & set(path.relative_to(library).parts)]
    own = {str(path): path for path in (python, *library.glob("libpython*.so.*"), *needed)}
    files = own | {
        f"/var/runtime/{path.relative_to(runtime_dir)}": path
        for path in runtime_dir.rglob("*")
        if path.is_file() and not _NOT_ASKED_FOR & set(path.parts)
    }
    yield from files.items()
    binaries = [path for path in files.values() if path.suffix == ".so" or path == python]
    libraries = _libraries(binaries)
    for name in libraries | {str(Path(name).with_name(own)) for name in libraries for own in _OF_EVERY_SYSTEM}:
        if Path(name).exists():
            yield name, Path(name).resolve()


def _libraries(binaries: list[Path]) -> set[str]:
    """Shared libraries, the loader among them, by the paths under which they are looked for."""
    said = subprocess.run(["ldd", *map(str, binaries)], capture_output=True, text=True, check=False).stdout
    found = set(re.findall(r"(?:=>\s*|^\t)(/\S+) \(0x", said, re.MULTILINE))
    return {name for name in found if not name.startswith(sys.base_prefix)}
