"""Becomes a function's runtime, in a file system as Lambda's: everything read-only, but for a /tmp of its own.

Namespaces are made by the process that is to be in them, while it has a single thread: so this is the first that the
function's interpreter runs, in every INIT, and it imports as little as it can. It needs no privileges where the system
lets users make user namespaces: it has all of them in a namespace of its own, until it gives them up. Standard library
only, and nothing of FastLambda's.

Its arguments are `CONTROL SIZE USER MOUNT FOLDER N KEPT... N WRITABLE... N SOURCE TARGET... MODULE ARGUMENTS...`: a
socket where it tells that all is done (a NUL) or what is not, and waits for a byte before it goes on; the megabytes of
/tmp; the namespaces of a runtime before, which are joined, or -1; the working folder; what is below /tmp and stays
there; what stays writable; what is found elsewhere, in the last folder of its path; and what it becomes, as `python -m`
would. Without a module it tells whether it could.
"""

from __future__ import annotations

import ctypes
import errno
import os
import runpy
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_REC_SLAVE = 0x4000 | 0x80000

# The same numbers on every architecture that Lambda has; C libraries have no names for them, or have them since lately.
OPEN_TREE = 428
MOVE_MOUNT = 429
MOUNT_SETATTR = 442

AT_FDCWD = -100
AT_RECURSIVE = 0x8000
OPEN_TREE_CLONE_CLOEXEC = 0x1 | 0o2000000
MOVE_MOUNT_F_EMPTY_PATH = 0x4
MOUNT_ATTR_RDONLY = 0x1

DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"ptmx": "pts/ptmx", "fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}

CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def own_file_system(size_mb: int, kept: list[str], writable: list[str], moved: dict[str, str]) -> None:
    """Give this process mounts of its own: all read-only, /tmp new and limited, /dev without shared memory."""
    _unshare()
    # Nothing that is mounted here is seen by anybody else; what others unmount is gone here too, and not kept busy.
    _call("mount", None, b"/", None, MS_REC_SLAVE, None)
    still_writable = [(path, _clone(path)) for path in writable]
    devices = [(name, _clone(f"/dev/{name}")) for name in DEVICES if os.path.exists(f"/dev/{name}")]
    proc_writable = not os.statvfs("/proc").f_flag & os.ST_RDONLY
    _set_read_only("/", recursive=True)
    if proc_writable:
        _set_read_only("/proc", read_only=False)
    still_there = [(path, _clone(path)) for path in kept]
    elsewhere = [(target, _clone(source)) for source, target in moved.items()]
    for parent in {os.path.dirname(target) for target in moved.values() if not os.path.isdir(target)}:
        _make_anew(parent)
    tmp = os.path.realpath("/tmp")  # noqa: S108 - it is the point
    _call("mount", b"tmpfs", os.fsencode(tmp), b"tmpfs", MS_NOSUID | MS_NODEV, f"size={size_mb}m,mode=1777".encode())
    for path, tree in (*still_there, *still_writable, *elsewhere):
        _attach(path, tree)
    for parent in {os.path.dirname(target) for target in moved.values()}:
        _set_read_only(parent)
    # Lambda has no /dev/shm, which POSIX semaphores and shared memory are made in.
    _call("mount", b"tmpfs", b"/dev", b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64k,mode=755")
    for name, tree in devices:
        _attach(f"/dev/{name}", tree)
    os.mkdir("/dev/pts")
    _call("mount", b"devpts", b"/dev/pts", b"devpts", MS_NOSUID, b"newinstance,ptmxmode=0666")
    for name, target in LINKS.items():
        os.symlink(target, f"/dev/{name}")
    _set_read_only("/dev")


def join(user_ns: int, mount_ns: int) -> None:
    """Enter the file system that a runtime before had."""
    if user_ns >= 0:
        _call("setns", user_ns, CLONE_NEWUSER)
    _call("setns", mount_ns, CLONE_NEWNS)


def give_up_privileges() -> None:
    """Be as before in a user namespace, as an exec would have it; root is root there as well."""
    if os.geteuid() != 0:
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        _call("capset", header, (ctypes.c_uint32 * 6)())


def _unshare() -> None:
    """Make a mount namespace, with a user namespace round it where this process may not make one otherwise."""
    if libc.unshare(CLONE_NEWNS) == 0:
        return
    user, group = os.geteuid(), os.getegid()
    try:
        _call("unshare", CLONE_NEWUSER | CLONE_NEWNS)
    except OSError as problem:
        if problem.errno == errno.ENOSPC:  # unshare(2): a limit is reached
            raise OSError(errno.ENOSPC, "unshare: user.max_user_namespaces lets nobody have more") from problem
        raise
    # user_namespaces(7): who has no privileges outside maps himself alone, and gives setgroups up first.
    for file, content in (("uid_map", f"{user} {user} 1"), ("setgroups", "deny"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{file}", "wb") as entry:
            entry.write(content.encode())


def _clone(path: str) -> int:
    """Take hold of what is mounted at a path, with all that is mounted below it."""
    return _call("syscall", OPEN_TREE, AT_FDCWD, os.fsencode(path), OPEN_TREE_CLONE_CLOEXEC | AT_RECURSIVE)


def _attach(path: str, tree: int) -> None:
    """Mount what `_clone` took hold of; where there is nothing to mount it on, that is made."""
    if not os.path.lexists(path):
        if os.path.isdir(f"/proc/self/fd/{tree}"):
            os.makedirs(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    _call("syscall", MOVE_MOUNT, tree, b"", AT_FDCWD, os.fsencode(path), MOVE_MOUNT_F_EMPTY_PATH)
    os.close(tree)


def _make_anew(folder: str) -> None:
    """Put another folder with the same in it in the place of one in which nothing can be made."""
    links = {entry.path: os.readlink(entry.path) for entry in os.scandir(folder) if entry.is_symlink()}
    trees = [(entry.path, _clone(entry.path)) for entry in os.scandir(folder) if entry.path not in links]
    _call("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", MS_NOSUID | MS_NODEV, b"size=64k,mode=755")
    for path, tree in trees:
        _attach(path, tree)
    for path, target in links.items():
        os.symlink(target, path)


def _set_read_only(path: str, *, read_only: bool = True, recursive: bool = False) -> None:
    """Set or clear one flag of a mount: `struct mount_attr` has what to set, what to clear, and two more."""
    attributes = (MOUNT_ATTR_RDONLY, 0, 0, 0) if read_only else (0, MOUNT_ATTR_RDONLY, 0, 0)
    values = (ctypes.c_uint64 * 4)(*attributes)
    flags = AT_RECURSIVE if recursive else 0
    _call("syscall", MOUNT_SETATTR, AT_FDCWD, os.fsencode(path), flags, values, ctypes.sizeof(values))


def _call(name: str, *arguments: object) -> int:
    """Call the C library, where integers of calls with variable arguments are as wide as its registers."""
    wide = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result: int = getattr(libc, name)(*wide)
    if result < 0:
        number = ctypes.get_errno()
        what = {OPEN_TREE: "open_tree", MOVE_MOUNT: "move_mount", MOUNT_SETATTR: "mount_setattr"}
        shown = what.get(arguments[0], name) if name == "syscall" and isinstance(arguments[0], int) else name
        raise OSError(number, f"{shown}: {os.strerror(number)}")
    return result


def main(arguments: list[str]) -> None:
    """Make or join the file system, say so, and become the module."""
    control, size_mb, user_ns, mount_ns = map(int, arguments[:4])
    folder, *program = arguments[4:]
    kept, writable, moved = _taken(program), _taken(program), _taken(program)
    try:
        if mount_ns < 0:
            own_file_system(size_mb, kept, writable, dict(zip(moved[::2], moved[1::2], strict=True)))
        else:
            join(user_ns, mount_ns)
        give_up_privileges()
        os.chdir(folder)
    except OSError as problem:
        os.write(control, (problem.strerror or str(problem)).encode())
        sys.exit(1)
    os.write(control, b"\0")
    if program:
        os.read(control, 1)
        for descriptor in (control, user_ns, mount_ns):
            if descriptor >= 0:
                os.close(descriptor)
        sys.argv[:] = ["-m", *program[1:]]
        sys.path[0] = folder
        for path in [path for path, finder in sys.path_importer_cache.items() if finder is None]:
            del sys.path_importer_cache[path]  # it was not there before
        del sys.modules[__name__]
        for name in ("sys", __name__):
            vars(sys.modules["__main__"]).pop(name)
        # What `python -m` calls itself: no public function makes a module __main__ in all that can be seen of it.
        runpy._run_module_as_main(program[0])  # type: ignore[attr-defined]  # noqa: SLF001


def _taken(arguments: list[str]) -> list[str]:
    """Take a list off the front, and the number of its items before it."""
    end = 1 + int(arguments[0])
    taken = arguments[1:end]
    del arguments[:end]
    return taken
