"""The packages' code in one file: what a program sees of its modules is the same as without it."""

from __future__ import annotations

import asyncio
import compileall
import json
import py_compile
import shutil
import subprocess
import sys
import textwrap

import pytest
from built_artifacts import bookshop, built, write

import fastlambda.startup.bundle as reader
from fastlambda.startup.bundle import Bundle
from fastlambda_cli.artifact.archive import Entry
from fastlambda_cli.artifact.bundling import begins_with_runtime, bundle
from fastlambda_cli.artifact.bytecode import compile_folder
from fastlambda_cli.artifact.interpreter import own_python

PACKAGES: dict[str, str | bytes] = {
    "fastlambda/__init__.py": "",
    "fastlambda/startup/__init__.py": "",
    "shop/__init__.py": '"""A shop."""\n',
    "shop/prices.txt": "oak 12\n",
    "shop/fail.py": "def fail():\n    # The reason.\n    raise ValueError('sold out')\n",
    "shop/model.py": """
import dataclasses
from dataclasses import KW_ONLY, InitVar, dataclass, field
from typing import ClassVar, Generic, TypeVar
from .shelf import Wood
T = TypeVar("T")

@dataclass
class Chair(Wood, Generic[T]):
    legs: int = 4
    kind: "ClassVar[str]" = "chair"
    tags: list[str] = field(default_factory=list, compare=False)
    _: KW_ONLY
    seed: InitVar[int] = 0
    hidden: int = field(default=1, repr=False, init=False)

    def __post_init__(self, seed: int) -> None:
        self.hidden += seed

@dataclasses.dataclass(frozen=True, order=True, slots=True)
class Table:
    size: int
    def __hash__(self) -> int:
        return 7

class Fast:
    @dataclass(unsafe_hash=True)
    class Inner:
        name: str = "oak"
""",
    "shop/shelf.py": "from dataclasses import dataclass\n\n@dataclass\nclass Wood:\n    name: str\n    age: int = 3\n",
    "shop/both.py": "WHICH = 'module'\n",
    "shop/both/__init__.py": "WHICH = 'package'\n",
    "shop/compiled.py": "WHICH = 'source'\n",
    "shop/compiled.cpython-399-elsewhere.so": b"\x7fELF",
    "space/deep/__init__.py": "WHERE = __name__\n",
    "tool.py": "NAME = __name__\n",
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder of packages with the reader of the runtime, and a bundle instead of their bytecode."""
    folder = write(tmp_path_factory.mktemp("root") / "packages", PACKAGES)
    shutil.copy(reader.__file__, folder / "fastlambda" / "startup" / "bundle.py")

    async def make():
        await compile_folder(folder, own_python(), workers=1)
        await bundle(folder, own_python(), keep_bytecode=False)

    asyncio.run(make())
    return folder


def run(folder, code, *, path=()):
    """What a program prints as JSON that has opened the bundle of a folder."""
    begin = f"""
        import json, sys
        sys.path[:0] = {[*map(str, path), str(folder)]!r}
        from fastlambda.startup import bundle
        opened = bundle.open_bundle()
    """
    program = textwrap.dedent(begin) + textwrap.dedent(code)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout) | {"stderr": ran.stderr}


SEEN = """
    import shop.fail
    from types import CodeType
    def files(code):
        yield code.co_filename
        for each in filter(lambda it: isinstance(it, CodeType), code.co_consts):
            yield from files(each)
    print(json.dumps({"moved": opened.moved, "files": sorted({*files(shop.fail.__loader__.get_code("shop.fail"))})}))
"""


def test_code_names_its_present_file_where_it_was_compiled_for_and_elsewhere(tmp_path, packages):
    moved = run(packages, SEEN)

    here = write(tmp_path / "here", PACKAGES)
    shutil.copy(reader.__file__, here / "fastlambda" / "startup" / "bundle.py")
    compileall.compile_dir(here, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    asyncio.run(bundle(here, own_python(), keep_bytecode=False))
    there = run(here, SEEN)

    assert (moved["moved"], moved["files"]) == (True, [f"{packages}/shop/fail.py"])
    assert (there["moved"], there["files"]) == (False, [f"{here}/shop/fail.py"])


def test_modules_come_from_the_bundle_and_look_like_those_from_files(packages):
    said = run(
        packages,
        """
        import importlib.resources, inspect, pkgutil, traceback
        import shop, shop.fail, space.deep, tool
        try:
            shop.fail.fail()
        except ValueError as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
        print(json.dumps({
            "loaders": [type(each.__loader__).__name__ for each in (shop, shop.fail, space.deep, tool)],
            "file": shop.__file__, "cached": shop.__cached__, "path": shop.__path__, "package": shop.fail.__package__,
            "doc": shop.__doc__,
            "frame": [frame.filename, frame.lineno, frame.line],
            "source": inspect.getsource(shop.fail.fail),
            "text": shop.__loader__.get_source("shop"),
            "data": (importlib.resources.files("shop") / "prices.txt").read_text(),
            "listed": sorted(each.name for each in pkgutil.iter_modules(shop.__path__)),
            "deep": space.deep.WHERE,
        }))
        """,
    )
    assert said["loaders"] == ["BundleLoader"] * 4
    assert said["file"] == f"{packages}/shop/__init__.py"
    assert said["cached"] == f"{packages}/shop/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"
    assert (said["path"], said["package"], said["doc"]) == ([f"{packages}/shop"], "shop", "A shop.")
    assert said["frame"] == [f"{packages}/shop/fail.py", 3, "raise ValueError('sold out')"]
    assert said["source"] == PACKAGES["shop/fail.py"]
    assert said["text"] == PACKAGES["shop/__init__.py"]
    assert said["data"] == "oak 12\n"
    assert said["listed"] == ["both", "compiled", "fail", "model", "shelf"]
    assert said["deep"] == "space.deep"


def test_the_bundle_has_what_python_would_have_found(packages):
    said = run(
        packages,
        """
        import shop.both
        names = ("shop.both", "shop.compiled", "shop", "tool", "space", "fastlambda")
        print(json.dumps({"which": shop.both.WHICH, "there": [name for name in names if opened.find_spec(name, None)
                          or opened.find_spec(name, [shop.__path__[0]])]}))
        """,
    )
    assert said["which"] == "package"
    assert said["there"] == ["shop.both", "shop", "tool", "fastlambda"]


def test_a_folder_before_the_packages_has_the_first_word(packages, tmp_path):
    before = write(tmp_path / "before", {"tool.py": "NAME = 'another'\n"})
    said = run(
        packages, "import tool, shop; print(json.dumps({'name': tool.NAME, 'shop': shop.__file__}))", path=[before]
    )
    assert said["name"] == "another"
    assert said["shop"] == f"{packages}/shop/__init__.py"


def test_what_dataclasses_generate_is_in_the_bundle_and_does_the_same(packages):
    said = run(
        packages,
        """
        missed = []
        bundle.compile = lambda source, *rest: missed.append(source) or compile(source, *rest)
        with bundle.compiled_ahead(opened):
            from shop.model import Chair, Fast, Table
        import dataclasses
        print(json.dumps({
            "missed": missed,
            "restored": "exec" not in vars(dataclasses),
            "chair": [repr(Chair("oak", seed=2)), Chair("oak", seed=2).hidden],
            "equal": Chair("oak") == Chair("oak", tags=["x"]),
            "table": [repr(Table(3)), Table(1) < Table(2), hash(Table(1))],
            "inner": repr(Fast.Inner()),
        }))
        """,
    )
    assert said["missed"] == []
    assert said["restored"]
    assert said["chair"] == ["Chair(name='oak', age=3, legs=4, tags=[])", 3]
    assert said["equal"]
    assert said["table"] == ["Table(size=3)", True, 7]
    assert said["inner"] == "Fast.Inner(name='oak')"


def test_dataclasses_that_are_not_in_the_bundle_are_compiled_as_ever(packages):
    said = run(
        packages,
        """
        import dataclasses
        with bundle.compiled_ahead(opened):
            Mine = dataclasses.make_dataclass("Mine", ["title", ("pages", int, 3)], frozen=True)
        print(json.dumps({"mine": repr(Mine("oak"))}))
        """,
    )
    assert said["mine"] == "Mine(title='oak', pages=3)"


def test_hooks_that_wait_for_an_import_see_modules_of_the_bundle(packages):
    said = run(
        packages,
        """
        import wrapt
        seen = []
        wrapt.register_post_import_hook(lambda module: seen.append(module.__name__), "shop.shelf")
        import shop.shelf
        print(json.dumps({"seen": seen}))
        """,
    )
    assert said["seen"] == ["shop.shelf"]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: b"\0" + content[1:], "it was made for another Python or runtime"),
        (lambda content: content[:4] + b"\xff" + content[5:], "it was made for another Python or runtime"),
        (lambda content: content[:-1], "it is not whole"),
        (lambda content: content[:24] + b"\xff" * 8 + content[32:], "bad marshal data"),
        (lambda _: b"", "it was made for another Python or runtime"),
    ],
)
def test_a_bundle_that_does_not_fit_is_told_and_python_goes_without_it(packages, tmp_path, damage, reason):
    folder = shutil.copytree(packages, tmp_path / "packages")
    file = folder / "fastlambda" / "startup" / "packages.bundle"
    file.write_bytes(damage(file.read_bytes()))
    said = run(folder, "import shop; print(json.dumps({'loader': type(shop.__loader__).__name__}))")
    assert said["loader"] == "SourceFileLoader"
    assert f"packages.bundle is not used, and INIT takes longer: {reason}" in said["stderr"]


def test_without_a_bundle_nothing_is_said(packages, tmp_path):
    folder = shutil.copytree(packages, tmp_path / "packages", ignore=shutil.ignore_patterns("*.bundle"))
    said = run(folder, "print(json.dumps({'opened': opened}))")
    assert said == {"opened": None, "stderr": ""}


def test_bytecode_is_not_there_twice_but_for_the_runtimes_own_and_for_what_the_bundle_leaves_out(packages):
    left = {path.name.partition(".")[0] for path in packages.rglob("*.pyc") if "fastlambda" not in path.parts}
    assert left == {"both", "compiled"}
    assert list((packages / "fastlambda" / "startup" / "__pycache__").glob("bundle.*.pyc"))


def test_an_image_keeps_bytecode_for_programs_that_start_without_the_runtime(tmp_path):
    tool = "from dataclasses import dataclass\n\n@dataclass\nclass Tool:\n    name: str\n"
    folder = write(tmp_path / "packages", {"fastlambda/startup/bundle.py": "", "tool.py": tool})

    async def make():
        await compile_folder(folder, own_python(), workers=1)
        await bundle(folder, own_python(), keep_bytecode=True)

    asyncio.run(make())
    assert list((folder / "__pycache__").glob("tool.*.pyc"))
    made = Bundle(str(folder / "fastlambda" / "startup" / "packages.bundle"), str(folder))
    assert made.find_spec("tool", [str(folder)]) is None
    assert any("name" in text for text in made.generated("tool"))


@pytest.mark.parametrize(
    ("source", "begins"),
    [
        ("from fastlambda import FastLambda\nfrom app import app\n", True),
        ('"""What is called.\n\nimport app\n"""\n\nimport json, os\n\nimport fastlambda\n', True),
        (
            "from __future__ import annotations\n\nimport logging.config\nfrom fastlambda import (\n    logger,\n)\n",
            True,
        ),
        ("from app import app\nfrom fastlambda import FastLambda\n", False),
        ("from .app import app\nfrom fastlambda import FastLambda\n", False),
        ("import os, app\nfrom fastlambda import FastLambda\n", False),
        ("from mangum import Mangum\n", False),
        ("def handler(event, context):\n    import fastlambda\n", False),
        ('"""\nfrom fastlambda import FastLambda\n"""\nfrom app import app\n', False),
        ("", False),
    ],
)
def test_a_handler_begins_with_the_runtime_if_nothing_else_is_imported_before_it(source, begins):
    own = [Entry("app.py", b"import fastapi\n"), Entry("lambda_handler.py", source.encode())]
    assert begins_with_runtime(own, "lambda_handler.handler") is begins


def test_a_package_that_holds_the_handler_is_imported_before_it():
    handler = Entry("app/main.py", b"from fastlambda import FastLambda\n")
    assert begins_with_runtime([Entry("app/__init__.py", b""), handler], "app.main.handler")
    assert not begins_with_runtime([Entry("app/__init__.py", b"import app.models\n"), handler], "app.main.handler")


@pytest.mark.slow
def test_a_zip_has_a_bundle_unless_the_configuration_says_otherwise(tmp_path):
    bundled = built(bookshop(tmp_path / "one"), tmp_path / "cache")
    assert "fastlambda/startup/packages.bundle" in bundled.names
    assert not [name for name in bundled.names if name.startswith("shelf/") and name.endswith(".pyc")]
    assert [name for name in bundled.names if name.startswith("demo/") and name.endswith(".pyc")]

    plain = built(bookshop(tmp_path / "two", table="package.bundle = false"), tmp_path / "cache")
    assert "fastlambda/startup/packages.bundle" not in plain.names
    assert [name for name in plain.names if name.startswith("shelf/") and name.endswith(".pyc")]
