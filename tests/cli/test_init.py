"""`fastlambda init` in projects as people have them."""

from __future__ import annotations

import textwrap
import tomllib
from functools import partial

import pytest

from fastlambda_cli.cli.beginning.edits import Edit, write_all
from fastlambda_cli.errors import FastLambdaError

PLAIN = "from fastapi import FastAPI\n\napp = FastAPI()\n"
PROJECT = """\
    [project]
    name = "shop"   # ours
    version = "1"
    requires-python = ">=3.12,<3.14"
    dependencies = [
        "fastapi>=0.115",  # the web framework
    ]

    # keep this comment
    [tool.ruff]
    line-length = 100
    """


def project(root, files, pyproject=PROJECT):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if pyproject is not None:
        (root / "pyproject.toml").write_text(textwrap.dedent(pyproject))
    return root


@pytest.fixture
def init(fastlambda):
    return partial(fastlambda, "init")


def files_of(root):
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def import_line(root):
    lines = (root / "lambda_handler.py").read_text().splitlines()
    return next(
        line for line in lines if line.startswith("from ") and "FastLambda" not in line and "pathlib" not in line
    )


def test_a_plain_project_gets_a_handler_a_dependency_and_a_table_and_keeps_everything_else(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN})
    assert init(root, "--yes").returncode == 0
    assert import_line(root) == "from main import app"
    assert (root / "pyproject.toml").read_text() == textwrap.dedent("""\
        [project]
        name = "shop"   # ours
        version = "1"
        requires-python = ">=3.12,<3.14"
        dependencies = [
            "fastapi>=0.115",  # the web framework
            "fastlambda>=0.1,<0.2",
        ]

        # keep this comment
        [tool.ruff]
        line-length = 100

        [tool.fastlambda]
        runtime = "python3.13"
        """)


@pytest.mark.parametrize(
    ("pinned", "expected"),
    [
        pytest.param("3.12\n", "python3.12", id="the Python that the project is developed with is taken"),
        pytest.param("cpython-3.12.4\n", "python3.12", id="in uv's long form as well"),
        pytest.param("3.10\n", "python3.13", id="one that the project does not take is passed over"),
        pytest.param("pypy\n", "python3.13", id="one without a number is passed over"),
    ],
)
def test_the_runtime_is_that_of_the_projects_python_version_file(init, tmp_path, pinned, expected):
    root = project(tmp_path, {"main.py": PLAIN, ".python-version": pinned})
    init(root, "--yes")
    described = tomllib.loads((root / "pyproject.toml").read_text())
    assert described["tool"]["fastlambda"]["runtime"] == expected


def test_a_second_run_changes_nothing(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN})
    init(root, "--yes")
    before = files_of(root)
    again = init(root)
    assert (again.returncode, files_of(root)) == (0, before)
    assert "Nothing to do" in again.stdout


def test_what_would_be_written_is_shown_and_without_a_terminal_nothing_is(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN})
    before = files_of(root)
    shown = init(root)
    assert (shown.returncode, files_of(root)) == (1, before)
    assert "+from main import app" in shown.stdout
    assert '+    "fastlambda>=0.1,<0.2",' in shown.stdout
    assert "Add --yes" in shown.stderr


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"shop/main.py": PLAIN, "shop/__init__.py": ""}, "from shop.main import app"),
        ({"main.py": "import fastapi as f\napi: f.FastAPI = f.FastAPI(title='x')\n"}, "from main import api"),
        ({"main.py": "from fastapi import FastAPI as Web\nhandler = Web()\n"}, "from main import handler as app"),
        (
            {"main.py": "from fastapi import FastAPI\n\ndef create_app():\n    a = FastAPI()\n    return a\n"},
            "from main import create_app",
        ),
        (
            {
                "factory.py": "from fastapi import FastAPI\ndef create_app(debug) -> FastAPI: return FastAPI()\n",
                "main.py": "from factory import create_app\napp = create_app(debug=False)\n",
            },
            "from main import app",
        ),
        (
            {
                "main.py": f"{PLAIN}admin = FastAPI()\napp.mount('/admin', admin)\n",
            },
            "from main import app",
        ),
        (dict.fromkeys(["main.py", "tests/app.py", "test_main.py", ".venv/x.py"], PLAIN), "from main import app"),
        ({"main.py": PLAIN, "broken.py": "def (:\n"}, "from main import app"),
    ],
    ids=["package", "module attribute", "renamed", "factory", "made by a factory", "mounted", "tests", "broken file"],
)
def test_the_app_is_found(init, tmp_path, files, expected):
    root = project(tmp_path, files)
    answer = init(root, "--yes")
    assert answer.returncode == 0, answer.stderr
    assert import_line(root) == expected


def test_a_factory_is_called(init, tmp_path):
    root = project(tmp_path, {"main.py": "from fastapi import FastAPI\ndef make() -> FastAPI: return FastAPI()\n"})
    init(root, "--yes")
    assert "handler = FastLambda(make())" in (root / "lambda_handler.py").read_text()


def test_in_a_src_layout_the_handler_puts_src_on_the_path(init, tmp_path):
    files = {"src/shop/__init__.py": "", "src/shop/main.py": f"import shop.db\n{PLAIN}", "src/shop/db.py": ""}
    root = project(tmp_path, files)
    init(root, "--yes")
    assert import_line(root) == "from shop.main import app  # noqa: E402"
    assert 'sys.path.insert(0, str(Path(__file__).parent / "src"))' in (root / "lambda_handler.py").read_text()


def test_several_apps_are_named_and_one_has_to_be_chosen(init, tmp_path):
    root = project(tmp_path, {"one.py": PLAIN, "two.py": PLAIN})
    answer = init(root, "--yes")
    assert answer.returncode == 1
    assert "one:app, two:app" in answer.stderr
    assert init(root, "--yes", "--app", "two:app").returncode == 0
    assert import_line(root) == "from two import app"


@pytest.mark.parametrize(
    ("app", "said"), [("one", "module:attribute"), ("none:app", "no module none"), ("one:ap", "one.py has no ap")]
)
def test_an_app_that_is_not_there_is_refused_and_nothing_is_written(init, tmp_path, app, said):
    root = project(tmp_path, {"one.py": PLAIN})
    before = files_of(root)
    answer = init(root, "--yes", "--app", app)
    assert (answer.returncode, files_of(root)) == (2, before)
    assert said in answer.stderr


def test_a_project_without_an_app_is_told_how_to_name_it(init, tmp_path):
    answer = init(project(tmp_path, {"main.py": "print('hello')\n"}), "--yes")
    assert answer.returncode == 2
    assert "--app module:attribute" in answer.stderr


def test_a_project_with_requirements_only_gets_a_minimal_pyproject(init, tmp_path):
    requirements = "fastapi>=0.115  # web\nuvicorn[standard]\n-r more.txt\n"
    root = project(tmp_path / "My Shop", {"main.py": PLAIN, "requirements.txt": requirements}, pyproject=None)
    answer = init(root, "--yes")
    made = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert made["name"] == "my-shop"
    assert made["dependencies"] == ["fastapi>=0.115", "uvicorn[standard]", "fastlambda>=0.1,<0.2"]
    assert "minimal one, with the dependencies of requirements.txt" in answer.stdout
    assert "'-r more.txt' is not copied" in answer.stdout


def test_a_handler_that_is_there_is_never_overwritten(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN, "lambda_handler.py": "def handler(event, context): ...\n"})
    assert init(root, "--yes").returncode == 0
    assert (root / "lambda_handler.py").read_text() == "def handler(event, context): ...\n"


def test_a_handler_module_without_a_handler_is_said_so(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN, "lambda_handler.py": "x = 1\n"})
    before = files_of(root)
    answer = init(root, "--yes")
    assert (answer.returncode, files_of(root)) == (2, before)
    assert "lambda_handler.py has no `handler`" in answer.stderr


def test_a_poetry_project_is_left_alone_with_the_way_out(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN}, '[tool.poetry]\nname = "x"\n')
    before = files_of(root)
    answer = init(root, "--yes")
    assert (answer.returncode, files_of(root)) == (2, before)
    assert "Poetry 2" in answer.stderr


def test_windows_line_ends_stay(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN})
    file = root / "pyproject.toml"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    init(root, "--yes")
    written = file.read_bytes()
    assert b"fastlambda" in written
    assert written.count(b"\n") == written.count(b"\r\n")


def test_a_file_that_was_changed_meanwhile_undoes_what_was_written_before_it(tmp_path):
    changed = tmp_path / "pyproject.toml"
    changed.write_text("new")
    with pytest.raises(FastLambdaError, match="changed meanwhile"):
        write_all([Edit(tmp_path / "lambda_handler.py", None, "x = 1\n"), Edit(changed, "old", "ours")])
    assert files_of(tmp_path) == {"pyproject.toml": b"new"}


def test_a_linked_pyproject_stays_a_link(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN})
    outside = tmp_path / "elsewhere" / "pyproject.toml"
    outside.parent.mkdir()
    (root / "pyproject.toml").rename(outside)
    (root / "pyproject.toml").symlink_to(outside)
    answer = init(root, "--yes")
    assert answer.returncode == 0, answer.stderr
    assert (root / "pyproject.toml").is_symlink()
    assert "fastlambda" in outside.read_text()


def test_streams_and_websockets_are_warned_of_with_their_place(init, tmp_path):
    source = PLAIN + textwrap.dedent("""
        from fastapi.responses import StreamingResponse

        @app.get("/")
        def stream():
            return StreamingResponse(iter("abc"))

        @app.websocket("/chat")
        async def chat(socket): ...
        """)
    answer = init(project(tmp_path, {"main.py": source}), "--yes")
    assert "main.py:9: a streamed answer arrives whole" in answer.stdout
    assert "main.py:11: an HTTP API has no WebSockets" in answer.stdout


def test_nothing_of_the_project_is_ever_imported(init, tmp_path):
    root = project(tmp_path, {"main.py": f"{PLAIN}raise SystemExit('imported')\n"})
    assert init(root, "--yes").returncode == 0


def test_it_ends_with_the_commands_to_type_next(init, tmp_path):
    root = project(tmp_path, {"main.py": PLAIN, "uv.lock": "version = 1\n"})
    lines = init(root, "--yes").stdout.splitlines()
    commands = [line.split("  ")[1] for line in lines[lines.index("Written: lambda_handler.py, pyproject.toml") + 1 :]]
    assert commands == ["uv lock", f"fastlambda dev {root}", f"fastlambda deploy {root}"]
