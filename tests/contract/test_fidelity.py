"""docs/fidelity.md says what the cases show, all of it and nothing else."""

from __future__ import annotations

import pytest
from contract_facts import cases
from fidelity import PAGE, page


@pytest.fixture(scope="module")
def declared():
    return [(path, name, fact) for path, name, fact in cases() if path.name != "test_fidelity.py"]


def test_the_page_is_what_the_facts_make(declared):
    text = page(fact for _, _, fact in declared if fact)

    assert PAGE.read_text(encoding="utf-8") == text, "run `uv run python tests/support/fidelity.py`"


def test_every_case_declares_its_fact(declared):
    assert [f"{path.name}: {name}" for path, name, fact in declared if fact is None] == []


def test_no_two_facts_are_the_same(declared):
    ids = [fact.id for _, _, fact in declared]
    statements = [fact.statement for _, _, fact in declared]

    assert (len(set(ids)), len(set(statements))) == (len(ids), len(statements))
