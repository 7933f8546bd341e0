"""Which files of the service's folder are packed: all but what a rule leaves out that fits on a screen."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.installation import STATE
from fastlambda_cli.artifact.model import MAX_UNPACKED, megabytes
from fastlambda_cli.artifact.outputs import outputs_in
from fastlambda_cli.artifact.telling import Tell
from fastlambda_cli.errors import ArtifactError
from fastlambda_cli.service.model import Service
from fastlambda_cli.service.patterns import pattern_spec

LEFT_OUT = (
    ".*",
    "__pycache__/",
    "*.egg-info/",
    "node_modules/",
    "/tests/",
    "/test/",
    "/build/",
    "/dist/",
    "/pyproject.toml",
    "/*.lock",
    "/pylock*.toml",
    "/requirements*.txt",
    "/Dockerfile*",
    "/Makefile",
    "/*.md",
    "/README*",
    "/CHANGELOG*",
    "/LICENSE*",
)
"""What is left out unless `package.include` says otherwise, as a .gitignore would say it."""

_NEVER = frozenset({".git", STATE, "__pycache__"})
_NAMED = 5
_PRIVATE_KEY = b"PRIVATE KEY-----"
_KEY_STORES = (".p12", ".pfx", ".jks")


def service_files(service: Service, tell: Tell, *, limit: int = MAX_UNPACKED) -> tuple[Entry, ...]:
    """Read the service's own files that go into the artifact, sorted by name.

    Args:
        service: The service.
        tell: Is warned of files that hold a private key.
        limit: Bytes beyond which none is read.

    Raises:
        ArtifactError: A file cannot be read or packed, or the handler's module is left out.
        ConfigurationError: A pattern is none.

    """
    package = service.configuration.package
    rule = _Rule(
        root=service.root,
        left_out=pattern_spec((*LEFT_OUT, *package.exclude), "exclude"),
        include=pattern_spec(package.include, "include") if package.include else None,
        elsewhere=frozenset(path for path in service.local_sources.values() if path != service.root),
        outputs=outputs_in(service.root),
    )
    found = [(name, path, _status(path)) for name, path in sorted(rule.files())]
    _check_size(found, limit)
    entries = tuple(
        Entry(name, _content(name, path, tell), executable=bool(status.st_mode & stat.S_IXUSR))
        for name, path, status in found
    )
    _check_handler(service, entries)
    return entries


@dataclass(frozen=True, slots=True)
class _Rule:
    root: Path
    left_out: GitIgnoreSpec
    include: GitIgnoreSpec | None
    elsewhere: frozenset[Path]
    outputs: frozenset[str]

    def files(self) -> Iterator[tuple[str, Path]]:
        """The files that are packed: their names in the zip, and where they are."""
        yield from self._below(self.root, "", (os.path.realpath(self.root),), left_out=False)

    def _below(
        self, folder: Path, prefix: str, above: tuple[str, ...], *, left_out: bool
    ) -> Iterator[tuple[str, Path]]:
        for path, is_folder in _listed(folder):
            name = prefix + path.name
            matched = self.left_out.match_file(f"{name}/" if is_folder else name)
            out = left_out or matched or name in self.outputs
            if is_folder:
                if self._never(path) or (out and self.include is None):
                    continue
                if not out:
                    self._check_inside(path)
                real = os.path.realpath(path)
                if real in above:
                    raise ArtifactError(f"{path} is a link to a folder that holds it", remedy="Remove the link.")
                yield from self._below(path, f"{name}/", (*above, real), left_out=out)
            elif not out or (self.include is not None and self.include.match_file(name)):
                self._check_inside(path)
                yield name, path

    def _never(self, folder: Path) -> bool:
        with _readable(folder):
            is_environment = (folder / "pyvenv.cfg").exists()
        return is_environment or folder.name in _NEVER or folder in self.elsewhere

    def _check_inside(self, path: Path) -> None:
        real = os.path.realpath(path)
        if not Path(real).is_relative_to(self.root):
            raise ArtifactError(
                f"{path} is a link that leaves the service's folder",
                why=f"it leads to {real}",
                remedy="Copy what it leads to into the folder, or leave the link out with package.exclude.",
            )


def _listed(folder: Path) -> list[tuple[Path, bool]]:
    """What is in a folder, and whether it is, or leads to, a folder itself."""
    with _readable(folder), os.scandir(folder) as items:
        return [(Path(item.path), item.is_dir()) for item in items]


def _content(name: str, path: Path, tell: Tell) -> bytes:
    try:
        name.encode()
    except UnicodeEncodeError as problem:
        raise ArtifactError(
            f"{path!r} has a name that is not UTF-8", remedy="Rename the file, or leave it out with package.exclude."
        ) from problem
    with _readable(path):
        content = path.read_bytes()
    if name.endswith(_KEY_STORES) or _PRIVATE_KEY in content:
        tell(
            f"{name} holds a private key and is packed: whoever may read the function's code can read it. "
            f'Leave it out with package.exclude = ["/{name}"], and give the key as a secret.',
            warning=True,
        )
    return content


def _check_size(found: list[tuple[str, Path, os.stat_result]], limit: int) -> None:
    """Refuse what cannot be deployed before it is read: a folder may hold a database or a model by mistake."""
    total = sum(status.st_size for _, _, status in found)
    if total > limit:
        sizes = sorted(((status.st_size, name) for name, _, status in found), reverse=True)
        heaviest = ", ".join(f"{name} {megabytes(size)}" for size, name in sizes[:_NAMED])
        raise ArtifactError(
            f"The service's own files are {megabytes(total)}",
            why=f"Lambda takes {megabytes(limit)} unzipped; the heaviest are {heaviest}",
            remedy="Leave out with package.exclude what the function does not need.",
        )


def _status(path: Path) -> os.stat_result:
    with _readable(path):
        status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ArtifactError(
            f"{path} is neither a file nor a folder", remedy="Remove it, or leave it out with package.exclude."
        )
    return status


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise ArtifactError(
            f"{path} cannot be read",
            why=problem.strerror or str(problem),
            remedy="Make it readable, or leave it out with package.exclude.",
        ) from problem


def _check_handler(service: Service, entries: tuple[Entry, ...]) -> None:
    module = service.configuration.handler.rpartition(".")[0].replace(".", "/")
    if not {f"{module}.py", f"{module}/__init__.py"} & {entry.name for entry in entries}:
        raise ArtifactError(
            f"The handler's module {module} would not be in the artifact",
            why="a pattern leaves it out",
            remedy="Correct package.exclude, or bring it back with package.include.",
        )
