"""The guide's example is one that runs."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from queue_events import failed, sns, sqs

GUIDE = Path(__file__).parents[2] / "docs" / "events.md"
AROUND = """
from pydantic import BaseModel

class BookCreate(BaseModel):
    title: str

Book = PriceChange = BookCreate
AsyncSession = object

async def session():
    yield object()
"""


def test_the_example_of_the_guide_delivers(deploy) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    function = deploy(textwrap.dedent(AROUND) + example)
    assert function.invoke(sqs({"title": "Dune"}, {"name": "Dune"})).answer == failed("2")
    assert function.invoke(sns({"title": "Dune"})).error is None
