"""Which saves count: the service's own sources wherever it lies, the packages beside it, and its lock."""

from __future__ import annotations

import asyncio

import pytest

from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.local.watch import Watch, concerns_packages, watched
from fastlambda_cli.service.load import load_service


@pytest.fixture
def service(tmp_path):
    """A service in a folder called `build`, with a package beside it and the lock of its workspace above it."""
    root = tmp_path / "build" / "api"
    root.mkdir(parents=True)
    (tmp_path / "shelf").mkdir()
    (tmp_path / "shelf" / "pyproject.toml").write_text('[project]\nname = "shelf"\nversion = "1"\n')
    (tmp_path / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["build/api", "shelf"]\n')
    (tmp_path / "uv.lock").write_text("")
    (root / "lambda_handler.py").write_text("def handler(event, context): pass\n")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "api"\nversion = "1"\ndependencies = ["shelf"]\n'
        "[tool.uv.sources]\nshelf = { workspace = true }\n"
    )
    return load_service(root)


def seen_after(service, save):
    """The files of the first burst after one `save`, which is made as soon as the places are watched."""

    async def first():
        async with Watch() as watch:
            await watch.add(watched(service))
            save()
            return await watch.saves()

    return asyncio.run(first())


def test_a_service_under_a_folder_called_build_is_followed(service):
    handler = service.root / "lambda_handler.py"
    assert seen_after(service, handler.touch) == {handler}


def test_an_editor_that_writes_aside_and_renames_is_followed(service):
    handler, aside = service.root / "lambda_handler.py", service.root / ".lambda_handler.py.swp"

    def save():
        aside.write_text("def handler(event, context): return 1\n")
        aside.rename(handler)

    assert seen_after(service, save) == {handler}


def test_a_package_beside_the_service_is_followed_and_built_anew(service):
    module = service.local_sources["shelf"] / "shelf.py"
    changed = seen_after(service, lambda: module.write_text(""))
    assert changed == {module}
    assert concerns_packages(service, changed)


def test_the_lock_of_the_workspace_is_followed_though_it_lies_above_the_service(service):
    changed = seen_after(service, service.lock.touch)
    assert changed == {service.lock}
    assert concerns_packages(service, changed)


def test_what_tools_and_the_function_write_is_not_followed(service):
    handler = service.root / "lambda_handler.py"

    def save():
        for name in ("build/x.py", ".fastlambda/x.py", ".venv/x.py", "__pycache__/x.py", "books.db"):
            (service.root / name).parent.mkdir(exist_ok=True)
            (service.root / name).write_text("")
        handler.touch()

    changed = seen_after(service, save)
    assert changed == {handler}
    assert not concerns_packages(service, changed)


def test_what_is_saved_while_nobody_asks_is_told_to_who_asks_next(service):
    handler, other = service.root / "lambda_handler.py", service.root / "books.py"

    async def told():
        async with Watch() as watch:
            await watch.add(watched(service))
            handler.touch()
            seen = set(await watch.saves())
            other.touch()
            while seen != {handler, other}:
                seen |= await watch.saves()

    asyncio.run(asyncio.wait_for(told(), 20))


def test_a_place_that_is_added_is_watched_from_then_on_and_what_was_watched_stays_so(service, tmp_path):
    added = tmp_path / "added"
    added.mkdir()
    handler, module = service.root / "lambda_handler.py", added / "module.py"

    async def told():
        seen = set()
        async with Watch() as watch:
            await watch.add(watched(service))
            handler.touch()
            await watch.add([added])
            module.touch()
            while seen != {handler, module}:
                seen |= await watch.saves()

    asyncio.run(asyncio.wait_for(told(), 20))


def test_a_place_that_cannot_be_watched_is_said_with_what_helps(tmp_path):
    async def add():
        async with Watch() as watch:
            await watch.add([tmp_path / "gone"])

    with pytest.raises(FastLambdaError, match=r"Cannot watch .*gone for saves"):
        asyncio.run(add())
