"""What every artifact of a service is made of, whatever it is packed into: its locked packages and its own files."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.bundling import begins_with_runtime
from fastlambda_cli.artifact.bytecode import compile_folder
from fastlambda_cli.artifact.collecting import service_files
from fastlambda_cli.artifact.compiling import Interpreter
from fastlambda_cli.artifact.contents import entries_in, module_of
from fastlambda_cli.artifact.dependencies import Target, packed_dependencies
from fastlambda_cli.artifact.fingerprint import digest
from fastlambda_cli.artifact.installation import STATE
from fastlambda_cli.artifact.interpreter import own_python
from fastlambda_cli.artifact.lock import locked_requirements
from fastlambda_cli.artifact.model import MAX_UNPACKED, Part, Platform
from fastlambda_cli.artifact.packed import Packed, Packing
from fastlambda_cli.artifact.project_metadata import project_metadata
from fastlambda_cli.artifact.shadows import check_imports, check_shadows
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.service.model import Runtime, Service


@dataclass(frozen=True, slots=True)
class Parts:
    """The two halves of an artifact.

    Attributes:
        own: The service's own files, sorted by name.
        packed: The locked packages.
        interpreter: The function's Python.

    """

    own: tuple[Entry, ...]
    packed: Packed
    interpreter: Interpreter

    async def place_in(self, folder: Path, form: str, *, sound: Callable[[Path], bool]) -> Path:
        """Where in a folder of the cache that is kept which is made of the service's own files.

        Args:
            folder: The service's.
            form: Another one for every change of what is made of the same files.
            sound: Says whether what is kept in a place is as it was.

        Raises:
            ToolchainError: uv is missing, or the function runs here and its Python is not there.

        """
        seen = [(entry.name, hashlib.sha256(entry.read()).hexdigest(), entry.executable) for entry in self.own]
        return await self.interpreter.place_of(
            lambda compiled: folder / digest(form, repr(seen), self.interpreter.version, str(compiled)), sound
        )

    @property
    def own_size(self) -> int:
        """Bytes of the service's own files."""
        return sum(len(entry.read()) for entry in self.own)

    async def bytecode(self, tell: Tell) -> tuple[Entry, ...]:
        """Compile the service's own modules.

        Args:
            tell: Is warned of a module that Python cannot compile.

        Raises:
            ToolchainError: The interpreter cannot do it.

        """
        python = await self.interpreter.find()
        if python is None:
            return ()
        modules = {entry.name: entry for entry in self.own if entry.name.endswith(".py")}
        with tempfile.TemporaryDirectory() as work:
            files = Path(work, "files")
            for name, module in modules.items():
                path = files / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(module.read())
            await compile_folder(files, python, workers=1)
            compiled = {
                module_of(entry.name): Entry(entry.name, entry.read())
                for entry in entries_in(files)
                if entry.name.endswith(".pyc")
            }
        for name in sorted(modules.keys() - compiled.keys()):
            tell(f"{name} is not valid Python {self.interpreter.version}: importing it will fail", warning=True)
        return tuple(compiled.values())


async def parts_of(
    service: Service,
    *,
    packing: Packing,
    runtime: Runtime,
    platform: Platform,
    cache: Path,
    tell: Tell,
    limit: int = MAX_UNPACKED,
) -> Parts:
    """Read a service's own files, and pack its locked packages if they are not in the cache.

    Args:
        service: The service.
        packing: What the packages are packed into.
        runtime: Lambda's Python.
        platform: What the packages are for.
        cache: The folder that keeps what is packed.
        tell: Is told what takes time, and warned of what deserves attention.
        limit: Bytes of own files beyond which none is read.

    Raises:
        ArtifactError: The service's files or packages cannot be packed as they are.
        ConfigurationError: The lock does not cover the project's dependencies.
        ToolchainError: uv, an interpreter or a package cannot be had, or the cache cannot be written.

    """
    version = runtime.removeprefix("python")
    metadata = [Entry(name, content) for name, content in project_metadata(service).items()]
    own = tuple(sorted((*service_files(service, tell, limit=limit), *metadata), key=lambda entry: entry.name))
    interpreter = Interpreter(version, platform, tell)
    if interpreter.must_be_here:
        await interpreter.find()

    async def python() -> Path:
        return await interpreter.find() or own_python()

    lock = await locked_requirements(service, service.root / STATE, python, version, tell)
    configuration = service.configuration
    bundled = configuration.package.bundle and begins_with_runtime(own, configuration.handler)
    target = Target(platform, interpreter, bundled)
    packed = await packed_dependencies(service, lock, packing=packing, target=target, cache=cache, tell=tell)
    check_shadows({entry.name for entry in own}, packed.names)
    check_imports(own, packed.left_out.tests)
    return Parts(own, packed, interpreter)


def reused_of(packed: Packed, *, own: bool) -> frozenset[Part]:
    """Which parts were in the cache already.

    Args:
        packed: The locked packages.
        own: Whether what the service's own files were made into was.

    """
    return frozenset(part for part, reused in ((Part.PACKAGES, packed.reused), (Part.OWN, own)) if reused)
