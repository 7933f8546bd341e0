"""The parts of the tuning, each by itself: what it puts off is the same when it comes."""

from __future__ import annotations

import copy
import json
import pickle
import re
import subprocess
import sys
import textwrap
import types
import typing

import pytest

from fastlambda.startup.forward_references import compiled_when_evaluated
from fastlambda.startup.patterns import LatePattern, compiled_when_used
from fastlambda.startup.sqlalchemy_import import dedent


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python 3.14 defers the step by itself")
def test_a_forward_reference_is_compiled_when_it_is_evaluated_and_means_the_same():
    with compiled_when_evaluated():
        late = typing.ForwardRef("list[int]")
    now = typing.ForwardRef("list[int]")
    assert isinstance(late.__forward_code__, str)
    assert isinstance(now.__forward_code__, types.CodeType)
    assert late == now


def test_type_hints_are_the_same_while_forward_references_are_late():
    with compiled_when_evaluated():

        class Book(typing.TypedDict):
            title: str
            pages: "dict[str, list[int]]"  # noqa: UP037 - the quotes are what this is about

        class Row(typing.Generic[*typing.TypeVarTuple("Ts")]):
            cells: "tuple[*tuple[int, str]]"  # noqa: UP037

        hints = typing.get_type_hints(Book), typing.get_type_hints(Row)
    assert hints == (typing.get_type_hints(Book), typing.get_type_hints(Row))
    assert hints[0] == {"title": str, "pages": dict[str, list[int]]}


def test_an_annotation_that_is_no_expression_stays_a_syntax_error():
    def function(_: "1 +") -> None: ...  # noqa: F722

    with compiled_when_evaluated(), pytest.raises(SyntaxError):
        typing.get_type_hints(function)


def module_of(package, source):
    """Run a module's source while patterns are late, under the name of a package's module."""
    module = types.ModuleType(f"{package}.somewhere")
    with compiled_when_used():
        exec(compile(textwrap.dedent(source), "<module>", "exec"), vars(module))  # noqa: S102
    return module


SOURCE = """
    import re
    WORD = re.compile(r"(?P<first>\\w)\\w*", re.ASCII)
    def later(text):
        return re.compile(text)
    class Inner:
        NUMBER = re.compile("[0-9]+")
    LATER = later("x")
"""


def is_late(pattern):
    return type(pattern) is LatePattern


def test_a_pattern_in_the_body_of_a_librarys_module_is_compiled_at_its_first_use():
    module = module_of("sqlalchemy", SOURCE)
    word = module.WORD
    assert is_late(word)
    assert word.match("Emma")["first"] == "E"
    assert type(module.WORD) is re.Pattern


@pytest.mark.parametrize("where", ["LATER", "Inner.NUMBER"])
def test_a_pattern_that_a_function_or_a_class_compiles_is_not_late(where):
    pattern = module_of("sqlalchemy", SOURCE)
    for name in where.split("."):
        pattern = getattr(pattern, name)
    assert type(pattern) is re.Pattern


def test_a_pattern_of_the_app_is_compiled_at_once():
    assert type(module_of("demo", SOURCE).WORD) is re.Pattern


def test_a_mistake_in_a_pattern_of_the_app_fails_its_import_as_ever():
    with pytest.raises(re.error):
        module_of("demo", "import re\nWRONG = re.compile('(')")


def test_re_compile_is_itself_again_after_init():
    module_of("json", SOURCE)
    assert type(re.compile("x")) is re.Pattern


def late():
    return module_of("sqlalchemy", SOURCE).WORD


ALIKE = {
    "isinstance": lambda pattern: isinstance(pattern, re.Pattern),
    "re.sub": lambda pattern: re.sub(pattern, "_", "Emma Woodhouse"),
    "sub": lambda pattern: pattern.sub("_", "Emma Woodhouse"),
    "pattern": lambda pattern: (pattern.pattern, pattern.flags, pattern.groups, dict(pattern.groupindex)),
    "repr": repr,
    "hash": hash,
    "pickle": lambda pattern: pickle.loads(pickle.dumps(pattern)),  # noqa: S301
    "copy": lambda pattern: type(copy.copy(pattern)),
    "deepcopy": lambda pattern: type(copy.deepcopy(pattern)),
    "re.compile": lambda pattern: re.compile(pattern).pattern,
    "unknown": lambda pattern: hasattr(pattern, "unknown"),
}


@pytest.mark.parametrize("use", ALIKE.values(), ids=ALIKE.keys())
def test_a_late_pattern_does_what_the_pattern_does(use):
    assert use(late()) == use(re.compile(r"(?P<first>\w)\w*", re.ASCII))


def test_a_late_pattern_equals_the_pattern_and_another_late_one():
    assert late() == re.compile(r"(?P<first>\w)\w*", re.ASCII)
    assert late() == late()
    assert late() != re.compile("x")


def test_a_late_pattern_that_another_module_has_imported_works_there():
    held = late()
    assert [held.match("a") is not None, held.match("-") is not None] == [True, False]


TEXTS = [
    "",
    "one line",
    "  one line",
    "first\n    second\n      third\n",
    "\n    second\n\n      third\n    ",
    "    a\n  \t \n    b",
    "\ta\n\t  b\n",
    "\ta\n  b\n",
    "  a\n \tb",
    "    a\r\n    \r\n    b",
    "  a\n\x0b\n  b",
    " \n\t\n",
]


@pytest.mark.parametrize("text", TEXTS)
def test_dedent_is_textwraps(text):
    assert dedent(text) == textwrap.dedent(text)


EVERY_DOCSTRING = """
    import gc, json, sys, types
    if sys.argv[1] == "tuned":
        from fastlambda.startup.finder import install_finder
        install_finder()
    import sqlalchemy.dialects.postgresql
    import sqlalchemy.dialects.sqlite
    import sqlalchemy.ext.asyncio

    docs = {}
    for found in gc.get_objects():
        module = str(getattr(found, "__module__", ""))
        if isinstance(found, types.FunctionType) and module.startswith("sqlalchemy."):
            docs.setdefault(f"{module}.{found.__qualname__}", []).append(str(found.__doc__))
    print(json.dumps({function: sorted(texts) for function, texts in docs.items()}))
"""


def docstrings(how):
    command = [sys.executable, "-c", textwrap.dedent(EVERY_DOCSTRING), how]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.slow
def test_sqlalchemys_docstrings_are_the_same():
    plain = docstrings("plain")
    assert docstrings("tuned") == plain
    assert len(plain) > 1000
