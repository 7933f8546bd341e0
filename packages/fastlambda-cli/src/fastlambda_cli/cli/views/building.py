"""A build while it happens, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self

from rich.console import Console, RenderableType
from rich.text import Text

from fastlambda_cli.artifact.image.model import Descriptor
from fastlambda_cli.artifact.model import MAX_IN_A_CALL, LeftOut, Package
from fastlambda_cli.cli.views.layout import columns, section
from fastlambda_cli.cli.views.words import plural, size

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SHOWN = 10
_DIGEST_DIGITS = 19


class Building:
    """Prints what a build has to say, and in a terminal shows how far each blob has come; use it as a context.

    Args:
        console: Where to.

    """

    def __init__(self, console: Console) -> None:
        self._bars = _bars(console) if console.is_terminal else None
        self._console = console
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin to show what is under way, where the console is a terminal."""
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take what is under way off the terminal."""
        if self._bars is not None:
            self._bars.stop()

    def tell(self, text: str, /, *, warning: bool = False) -> None:
        """Print a sentence."""
        self._console.print(Text.assemble(("Note: ", "bold yellow"), text) if warning else Text(text, style="dim"))

    def moved(self, blob: Descriptor, done: int) -> None:
        """Show how far a blob has come."""
        if self._bars is None:
            return
        task = self._tasks.get(blob.digest)
        if task is None:
            task = self._tasks[blob.digest] = self._bars.add_task(blob.digest[:_DIGEST_DIGITS], total=blob.size)
        self._bars.update(task, completed=done, visible=done < blob.size)


def _bars(console: Console) -> Progress:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn  # noqa: PLC0415 - only terminals have bars

    return Progress(TextColumn("  {task.description}"), BarColumn(), DownloadColumn(), console=console, transient=True)


def facts_of(heading: str, rows: Sequence[tuple[str, str]]) -> Text:
    """What was built: names and values, one pair a line, to be printed without folding what is to be copied.

    Args:
        heading: What it is.
        rows: Names and values.

    """
    width = max(len(name) for name, _ in rows)
    lines = [Text.assemble((f"  {name:<{width}}  ", "dim"), value) for name, value in rows]
    return Text("\n").join([Text(heading, style="bold"), *lines])


def upload_of(zipped: int) -> Iterator[tuple[str, str]]:
    """How a zip of this size gets to Lambda where not in the call itself, as a row of `facts_of`."""
    if zipped > MAX_IN_A_CALL:
        yield "upload", f"through S3, as a deployment does: Lambda's API takes {size(MAX_IN_A_CALL)} in a call"


def left_out_of(left_out: LeftOut) -> Iterator[tuple[str, str]]:
    """What of the lock is not in the artifact, as rows of `facts_of`."""
    if left_out.provided:
        names = ", ".join(f"{package.name} {package.version}" for package in left_out.provided)
        saved = size(sum(package.size for package in left_out.provided))
        yield "left to Lambda", f"{names} ({saved}): its runtime has them, in versions of its own"
    if left_out.sdk_stays:
        yield "AWS SDK", f"packed: {left_out.sdk_stays}"
    if left_out.slimmed:
        yield "stripped", f"{size(left_out.slimmed)} of debug information, tests and Cython's sources"


def weights_of(packages: Sequence[Package]) -> RenderableType:
    """The packages that weigh most, the heaviest first."""
    weights = [(package.name, package.version, size(package.size)) for package in packages[:_SHOWN]]
    if len(packages) > _SHOWN:
        rest = packages[_SHOWN:]
        weights.append((f"and {plural(len(rest), 'more package')}", "", size(sum(package.size for package in rest))))
    return section("What weighs most, unpacked", columns(weights))
