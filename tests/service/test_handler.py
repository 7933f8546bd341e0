"""The handler is found by reading its module, never by running it."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastlambda_cli.errors import ConfigurationError
from fastlambda_cli.service.handler import check_handler


def check(root: Path, source: str, handler: str = "lambda_handler.handler") -> None:
    (root / "lambda_handler.py").write_text(source, encoding="utf-8")
    check_handler(handler, root, root / "pyproject.toml")


BINDING = {
    "assignment": "handler = FastLambda(app)",
    "annotated assignment": "handler: object = FastLambda(app)",
    "tuple assignment": "app, handler = make()",
    "function": "def handler(event, context): ...",
    "class": "class handler: ...",
    "import": "import handler",
    "import under another name": "from demo import main as handler",
    "star import": "from demo.main import *",
    "module __getattr__": "def __getattr__(name): ...",
    "branch": "if debug:\n    pass\nelse:\n    handler = 1",
    "try": "try:\n    import x\nexcept ImportError:\n    handler = 1",
    "with": "with open('x') as handler:\n    pass",
    "walrus": "print(handler := 1)",
    "match": "match x:\n    case 1:\n        handler = 1",
}


@pytest.mark.parametrize("source", BINDING.values(), ids=BINDING)
def test_a_handler_may_be_bound_in_any_way_python_knows(tmp_path: Path, source: str):
    check(tmp_path, source)


NOT_BINDING = {
    "only declared": "handler: object",
    "inside a function": "def make():\n    handler = 1",
    "inside a class": "class A:\n    handler = 1",
    "inside a comprehension": "[handler for handler in ()]",
    "only read": "print(handler)",
    "an attribute": "app.handler = 1",
}


@pytest.mark.parametrize("source", NOT_BINDING.values(), ids=NOT_BINDING)
def test_a_name_that_is_not_bound_at_the_top_level_is_no_handler(tmp_path: Path, source: str):
    with pytest.raises(ConfigurationError, match=r"lambda_handler\.py has no `handler`"):
        check(tmp_path, source)


def test_the_error_says_what_the_module_defines_instead(tmp_path: Path):
    with pytest.raises(ConfigurationError) as refused:
        check(tmp_path, "from fastapi import FastAPI\n_private = 1\napp = FastAPI()")
    assert refused.value.what == "lambda_handler.py has no `handler`; it defines: FastAPI, app"


def test_the_error_suggests_the_nearest_name(tmp_path: Path):
    with pytest.raises(ConfigurationError) as refused:
        check(tmp_path, "handlr = 1")
    assert refused.value.remedy == "Did you mean lambda_handler.handlr?"


def test_a_module_that_is_missing_is_named_with_its_path(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"there is no api/main\.py"):
        check_handler("api.main.handler", tmp_path, tmp_path / "pyproject.toml")


@pytest.mark.parametrize("handler", ["api.main.handler", "api/main.handler"])
def test_a_module_may_lie_in_a_package_dotted_or_with_slashes(tmp_path: Path, handler: str):
    (tmp_path / "api").mkdir()
    (tmp_path / "api/main.py").write_text("handler = 1", encoding="utf-8")
    check_handler(handler, tmp_path, tmp_path / "pyproject.toml")


def test_a_package_may_hold_the_handler_itself(tmp_path: Path):
    (tmp_path / "api").mkdir()
    (tmp_path / "api/__init__.py").write_text("handler = 1", encoding="utf-8")
    check_handler("api.handler", tmp_path, tmp_path / "pyproject.toml")


def test_user_code_is_never_run(tmp_path: Path):
    check(tmp_path, "from pathlib import Path\nPath(__file__).with_name('ran').touch()\nhandler = 1")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("source", ["def handler(:", "handler = '\0'"])
def test_a_module_with_a_syntax_error_is_left_to_init_which_shows_it_with_its_line(tmp_path: Path, source: str):
    check(tmp_path, source)
