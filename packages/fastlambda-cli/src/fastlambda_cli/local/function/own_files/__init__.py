"""A file system for each execution environment, as on Lambda: read-only, but for a /tmp of its own size.

`files` is the engine's side, `launcher` the program that is a function's first moment.
"""

from fastlambda_cli.local.function.own_files.files import OwnFiles, obstacle

__all__ = ["OwnFiles", "obstacle"]
