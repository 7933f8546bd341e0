"""Does one thing with files, and tells what came of it: True, or the name of the error."""

import errno
import multiprocessing
import os
import stat
import tempfile
from pathlib import Path

MEGABYTE = b"x" * 2**20


def write(path):
    Path(path).write_text("it", encoding="utf-8")


def fill(megabytes):
    with tempfile.TemporaryFile() as file:
        for _ in range(megabytes):
            file.write(MEGABYTE)


def talk(_):
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.Process(target=theirs.send, args=("it",))
    child.start()
    ours.recv()
    child.join()


DOES = {
    "write": write,
    "fill": fill,
    "make": lambda folder: Path(folder).expanduser().mkdir(parents=True),
    "queue": lambda _: multiprocessing.Queue(),
    "talk": talk,
}


def handler(event, context):  # noqa: ARG001 - Lambda's signature
    if event == "look":
        status = os.statvfs("/tmp")
        return {
            "mode": stat.S_IMODE(Path("/tmp").stat().st_mode),
            "megabytes": status.f_blocks * status.f_frsize / 2**20,
            "temporary": tempfile.gettempdir(),
        }
    what, argument = event
    try:
        DOES[what](argument)
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return True
