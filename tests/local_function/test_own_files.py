"""The file system of an execution environment is as on Lambda: read-only, but for a /tmp of its own and of its size."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from fastlambda_cli.local.function.own_files import obstacle
from fastlambda_cli.local.function.own_files.files import below_tmp

from .conftest import PYTHON, Laboratory

pytestmark = pytest.mark.skipif(bool(obstacle(PYTHON)), reason=f"this machine: {obstacle(PYTHON)}")

RUNNING = """
    import os

    def handler(event, context):
        try:
            return eval(event)
        except OSError as problem:
            return problem.errno
"""
"""Runs a line of Python, and returns what it comes to or the number of its error."""

CONFINED = """
import ctypes, sys
from pathlib import Path
from fastlambda_cli.local.function.own_files import launcher, obstacle

launcher._call("unshare", launcher.CLONE_NEWUSER)
Path("/proc/sys/user/max_user_namespaces").write_text("0")
launcher._call("capset", (ctypes.c_uint32 * 2)(launcher.CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())
print(obstacle(Path(sys.executable)))
"""
"""Asks on a system as others are configured: in a user namespace in which there may be no other."""


def come_to(laboratory: Laboratory, *lines: str, **spec: object) -> list[object]:
    """What lines of Python come to, one after the other in one environment."""

    async def scenario(laboratory: Laboratory) -> list[object]:
        return [json.loads((await laboratory.invoke(line)).payload) for line in lines]

    came: list[object] = laboratory.run(RUNNING, scenario, own_files=True, **spec)
    return came


def test_nothing_but_tmp_can_be_written(laboratory):
    here = "open('written', 'w')"
    elsewhere = f"open({str(Path.home() / 'written')!r}, 'w')"
    cache = "os.makedirs(os.path.expanduser('~/.cache/models/mine'))"
    temporary = "open('/tmp/written', 'w').write('it')"
    assert come_to(laboratory, here, elsewhere, cache, temporary) == [errno.EROFS, errno.EROFS, errno.EROFS, 2]
    assert not (laboratory.folder / "written").exists()
    assert not Path("/tmp/written").exists()


def test_everything_in_tmp_together_is_no_larger_than_configured(laboratory):
    fill = "[open(f'/tmp/{name}', 'wb').write(b'x' * 700_000) for name in range(5)]"
    free = "(os.statvfs('/tmp').f_blocks * os.statvfs('/tmp').f_frsize) // 2**20"
    assert come_to(laboratory, free, fill, ephemeral_storage_mb=2) == [2, errno.ENOSPC]


def test_tempfile_finds_tmp(laboratory):
    where = "__import__('tempfile').gettempdir()"
    assert come_to(laboratory, where, "'TMPDIR' in os.environ") == ["/tmp", False]


def test_tmp_outlives_a_crash_and_no_other_environment_sees_it(laboratory):
    async def scenario(laboratory: Laboratory) -> object:
        await laboratory.invoke("open('/tmp/left', 'w').write('it')")
        await laboratory.invoke("os._exit(3)")
        (at_once, other) = await asyncio.gather(
            laboratory.invoke("os.listdir('/tmp')"),
            laboratory.invoke("os.listdir('/tmp')"),
        )
        return sorted((json.loads(at_once.payload), json.loads(other.payload)), key=len)

    fresh, after_crash = laboratory.run(RUNNING, scenario, own_files=True)
    assert set(after_crash) - set(fresh) == {"left"}


def test_nothing_of_tmp_is_left_when_the_environment_has_ended(laboratory):
    async def scenario(laboratory: Laboratory) -> int:
        before = len(list(Path("/proc/self/fd").iterdir()))
        await laboratory.invoke("open('/tmp/left', 'w').write('it')")
        await laboratory.function.close()
        return len(list(Path("/proc/self/fd").iterdir())) - before

    assert laboratory.run(RUNNING, scenario, own_files=True) == 0


def test_a_service_below_tmp_is_still_there(laboratory):
    assert below_tmp([laboratory.folder]), "pytest's folders are below /tmp"
    assert come_to(laboratory, "os.getcwd()", "os.path.isfile('lambda_handler.py')") == [str(laboratory.folder), True]


def test_folders_that_are_configured_stay_writable(laboratory):
    (laboratory.folder / "data").mkdir()
    written, refused = come_to(
        laboratory,
        "open('data/books.db', 'w').write('it')",
        "open('books.db', 'w')",
        writable=(laboratory.folder / "data",),
    )
    assert (written, refused) == (2, errno.EROFS)
    assert (laboratory.folder / "data" / "books.db").read_text() == "it"


def test_a_folder_that_stays_writable_may_be_a_link(laboratory, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (laboratory.folder / "data").symlink_to(elsewhere)
    write = "open('data/books.db', 'w').write('it')"
    assert come_to(laboratory, write, writable=(laboratory.folder / "data",)) == [2]
    assert (elsewhere / "books.db").read_text() == "it"


def test_a_system_that_lets_nobody_make_namespaces_is_told():
    tried = subprocess.run([sys.executable, "-c", CONFINED], capture_output=True, text=True, check=True)
    assert tried.stdout.strip() == "unshare: user.max_user_namespaces lets nobody have more"


def test_there_is_no_shared_memory_for_multiprocessing(laboratory):
    """Lambda has no /dev/shm: C libraries have two errors for that (38 in joblib/loky#42, 2 in wandb/weave#4835)."""
    (failed,) = come_to(laboratory, "__import__('multiprocessing').Queue()")
    assert failed in {errno.ENOSYS, errno.ENOENT}


def test_pipes_and_devices_work(laboratory):
    pipe, terminal = "len(__import__('multiprocessing').Pipe())", "os.ttyname(os.openpty()[1])"
    null, random = "open('/dev/null', 'w').write('it')", "len(open('/dev/urandom', 'rb').read(4))"
    assert come_to(laboratory, pipe, null, random, terminal) == [2, 2, 4, "/dev/pts/0"]


def test_the_function_has_no_privileges_that_we_lack(laboratory):
    ours = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("CapEff"))
    theirs = "[line for line in open('/proc/self/status') if line.startswith('CapEff')][0].strip()"
    assert come_to(laboratory, theirs, "[os.getuid(), os.getgid()]") == [ours, [os.getuid(), os.getgid()]]


def test_what_a_function_started_in_a_session_of_its_own_ends_with_it(laboratory):
    start = "__import__('subprocess').Popen(['sleep', '60'], start_new_session=True).pid"
    (pid,) = come_to(laboratory, start)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(timeout=10)


def test_a_file_system_that_cannot_be_made_fails_init_and_says_why(laboratory):
    async def scenario(laboratory: Laboratory) -> object:
        return json.loads((await laboratory.invoke("1")).payload)

    answer = laboratory.run(RUNNING, scenario, own_files=True, writable=(laboratory.folder / "nowhere",))
    assert "file system cannot be made (open_tree: No such file or directory)" in answer["errorMessage"]


def test_a_runtime_that_cannot_be_started_leaves_nothing_open(laboratory):
    """Warnings of sockets that nobody closed fail a test."""

    async def scenario(laboratory: Laboratory) -> bytes:
        return (await laboratory.invoke("1")).payload

    answer = laboratory.run(RUNNING, scenario, own_files=True, python=laboratory.folder / "no-python")
    assert b"no-python" in answer


def test_the_runtime_looks_as_if_python_had_been_started_with_it(laboratory):
    """But for `ctypes`, which is there already, and what `ps` shows."""
    about_main = (
        "[__import__('__main__').__spec__.name, __import__('__main__').__file__, sorted(vars(__import__('__main__')))]"
    )
    about_sys = "(lambda sys: [sys.argv, sys.path, str(sys.flags), sys.dont_write_bytecode])(__import__('sys'))"
    modules = "sorted(__import__('sys').modules)"

    async def scenario(laboratory: Laboratory) -> list[object]:
        return [json.loads((await laboratory.invoke(line)).payload) for line in (about_main, about_sys, modules)]

    (main, state, imported), (plain_main, plain_state, plain_imported) = (
        laboratory.run(RUNNING, scenario, own_files=own) for own in (True, False)
    )
    assert (main, state) == (plain_main, plain_state)
    assert set(imported) - set(plain_imported) <= {
        *("ctypes", "_ctypes", "ctypes._endian", "struct", "_struct", "errno")
    }


def test_the_workers_of_an_environment_share_its_tmp_and_each_has_its_log(laboratory):
    """They connect to a socket below this machine's /tmp, which theirs hides."""

    async def scenario(laboratory: Laboratory) -> object:
        await laboratory.invoke("open('/tmp/shared', 'w').write('it')")
        answers = [
            await laboratory.invoke("[print('heard'), os.path.exists('/tmp/shared'), os.getpid()]") for _ in range(4)
        ]
        return [json.loads(answer.payload)[1] for answer in answers]

    managed = {"workers": 2, "initialization_type": "lambda-managed-instances"}
    assert laboratory.run(RUNNING, scenario, own_files=True, **managed) == [True] * 4
    assert laboratory.lines().count("heard") == 4
