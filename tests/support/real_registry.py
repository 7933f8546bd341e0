"""Debian's docker-registry, the reference implementation, on a free port."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from images import REPOSITORY, BaseParts

from fastlambda_cli.artifact.image.model import Descriptor
from fastlambda_cli.artifact.image.registry import Registry
from fastlambda_cli.artifact.image.uploading import Uploads

PROGRAM = shutil.which("docker-registry")
_LISTENS = re.compile(r"listening on (127\.0\.0\.1:\d+)")


@contextmanager
def real_registry(folder: Path) -> Iterator[str]:
    """Run one with its blobs in a folder; gives its host."""
    configuration = folder / "registry.yml"
    configuration.write_text(
        "version: 0.1\n"
        "log: {accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder / 'blobs'}}}}}\n"
        "http: {addr: '127.0.0.1:0'}\n",
        encoding="utf-8",
    )
    with (folder / "registry.log").open("w+b") as log:
        process = subprocess.Popen(
            [PROGRAM, "serve", str(configuration)], stdout=log, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if found := _LISTENS.search(line):
                    yield found[1]
                    break
            else:
                raise RuntimeError("docker-registry did not start")
        finally:
            process.kill()
            process.communicate()


def put_into(host: str, parts: BaseParts, tag: str) -> str:
    """Put a base into a registry; gives its name."""

    async def run() -> None:
        async with Registry(host, lambda _: None) as registry:
            uploads = Uploads(registry, REPOSITORY, scope="", moved=lambda *_: None)
            descriptors = [parts.manifest["config"], *parts.manifest["layers"]]
            with tempfile.TemporaryDirectory() as folder:
                for descriptor, content in zip(descriptors, parts.blobs, strict=True):
                    path = Path(folder, "blob")
                    path.write_bytes(content)
                    await uploads.upload(Descriptor.parse(descriptor), path)
            await registry.put_manifest(
                REPOSITORY, tag, parts.content, media_type=parts.manifest["mediaType"], scope=""
            )

    asyncio.run(run())
    return f"{host}/{REPOSITORY}:{tag}"
