"""docs/fidelity.md, made of the facts that tests/contract shows: `uv run python tests/support/fidelity.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from contract_facts import Fact, cases

PAGE = Path(__file__).parents[2] / "docs" / "fidelity.md"

AREAS = (
    "Invoke",
    "Failures",
    "Lifecycle",
    "Environment",
    "File system",
    "Configuration",
    "Permissions",
    "Runtime API",
    "Logs",
    "HTTP API",
    "HTTP API: payload format 1.0",
    "HTTP API: access",
    "HTTP API: access logs",
    "Function URL",
    "Event sources",
    "X-Ray",
    "Metrics",
    "Signatures",
)

HEAD = """\
# Fidelity

{count} facts about AWS, each shown by a case of `tests/contract` that runs against the local AWS through AWS's public
APIs. In {same} of them it does the same; in {different} it does what the last column says, and the case shows exactly
that. [Limitations](limitations.md) has what no case can show, and what is not here at all.

The source is what says so of AWS: a page of its documentation, its code, or a recording of it by another project. The
suite itself has not been run against AWS yet. To do so in an account of your own, which costs a few cents and takes
some minutes:

```
FASTLAMBDA_CONTRACT_AWS=1 uv run pytest tests/contract -n 0 --timeout 900
```

Cases that differ must fail there. Everything made has `fastlambda-contract` in its name and is removed afterwards.

This page is made by `uv run python tests/support/fidelity.py`.
"""


def page(facts: Iterable[Fact]) -> str:
    """Make the page's text."""
    ordered = sorted(facts, key=lambda fact: AREAS.index(fact.area))
    different = sum(fact.differs is not None for fact in ordered)
    text = HEAD.format(count=len(ordered), same=len(ordered) - different, different=different)
    for area, rows in groupby(ordered, key=lambda fact: fact.area):
        text += f"\n## {area}\n\n| AWS | source | the local AWS |\n|---|---|---|\n" + "".join(_rows(rows))
    return text


def _rows(facts: Iterable[Fact]) -> Iterator[str]:
    for fact in facts:
        cells = (fact.statement, fact.source, fact.differs or "the same")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    PAGE.write_text(page(fact for _, _, fact in cases() if fact), encoding="utf-8")
