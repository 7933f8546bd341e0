"""Small services in folders of their own, and what building them gives and says."""

from __future__ import annotations

import asyncio
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

from fastlambda.startup import bundle
from fastlambda_cli.artifact.build import build
from fastlambda_cli.artifact.interpreter import OWN
from fastlambda_cli.artifact.model import Artifact, Platform
from fastlambda_cli.service.load import load_service
from fastlambda_cli.service.model import Runtime, Service

OWN_RUNTIME: Runtime = f"python{OWN}"  # type: ignore[assignment]

HANDLER = {"lambda_handler.py": "def handler(event, context):\n    return 'hello'\n"}

IDNA = "idna==3.11 --hash=sha256:771a87f49d9defaf64091e6e6fe9c18d4833f140bd19464795bc32d966ca37ea\n"
"""A lock of one small package."""

LOCKED = ("idna==3.11",)
"""The dependencies of a service that has this lock."""

SHELF = {
    "pyproject.toml": """
        [project]
        name = "shelf"
        version = "1"
        [build-system]
        requires = ["uv_build>=0.13,<0.14"]
        build-backend = "uv_build"
    """.replace(" " * 8, ""),
    "src/shelf/__init__.py": "WOOD = 'oak'\n",
}
"""A package beside a service."""


@dataclass
class Built:
    """An artifact, and what its build had to say."""

    artifact: Artifact
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return set(self.artifact.files)

    def read(self, name: str) -> bytes:
        with zipfile.ZipFile(self.artifact.path) as file:
            return file.read(name)

    def own(self) -> set[str]:
        """The service's own files, without packages and bytecode."""
        return {name for name in self.names if "idna" not in name and not name.endswith(".pyc")}


def write(folder: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def service_in(
    folder: Path,
    files: dict[str, str | bytes] | None = None,
    *,
    dependencies: tuple[str, ...] = LOCKED,
    table: str = "",
    sources: str = "",
) -> Service:
    """Write a service into a folder and load it."""
    project = f'[project]\nname = "mine"\nversion = "1"\ndependencies = {json.dumps(dependencies)}\n'
    lock = {"requirements.lock": IDNA} if dependencies == LOCKED else {}
    own = {"pyproject.toml": f"{project}{sources}\n[tool.fastlambda]\n{table}\n", **HANDLER, **lock, **(files or {})}
    return load_service(write(folder, own))


def bookshop(folder: Path, *, table: str = "") -> Service:
    """A service with two packages of its own beside it, in a folder; one is what the runtime has of its bundle."""
    write(folder / "shelf", SHELF)
    write(
        folder / "fastlambda",
        {
            "pyproject.toml": SHELF["pyproject.toml"].replace("shelf", "fastlambda"),
            "src/fastlambda/__init__.py": "",
            "src/fastlambda/startup/__init__.py": "",
            "src/fastlambda/startup/bundle.py": Path(bundle.__file__).read_bytes(),
        },
    )
    app: dict[str, str | bytes] = {
        "lambda_handler.py": f"import fastlambda\n\n{HANDLER['lambda_handler.py']}",
        "demo/__init__.py": "",
        "demo/app.py": "NAMES = {'a', 'b', 'c'}\n",
        "demo/run.sh": "#!/bin/sh\n",
    }
    beside = '[tool.uv.sources]\nshelf = { path = "../shelf" }\nfastlambda = { path = "../fastlambda" }'
    dependencies = ("fastlambda", "idna==3.11", "markupsafe==3.0.3", "shelf")
    service = service_in(folder / "shop", app, dependencies=dependencies, sources=beside, table=table)
    (folder / "shop" / "demo" / "run.sh").chmod(0o755)
    return service


def built(
    service: Service, cache: Path, *, runtime: Runtime = OWN_RUNTIME, platform: Platform = Platform.ARM64
) -> Built:
    """Build a service."""
    said: list[str] = []
    warned: list[str] = []

    def tell(text: str, /, *, warning: bool = False) -> None:
        (warned if warning else said).append(text)

    artifact = asyncio.run(build(service, runtime=runtime, platform=platform, cache=cache, tell=tell))
    return Built(artifact, said, warned)
