"""Powertools' `BaseProvider`, the documented base of a parameter provider, without the SDK.

The package that holds it imports every provider it has, and with them boto3 and DynamoDB's condition types: a fifth
of an INIT that never uses them. Here the package is made importable but runs only when somebody asks it for a name
of its own, so that `from aws_lambda_powertools.utilities.parameters import get_secret` works as ever.
"""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

_PACKAGE = "aws_lambda_powertools.utilities.parameters"


def _postpone(name: str) -> None:
    """Put a package into `sys.modules` that runs at the first look at one of its names.

    The standard library's LazyLoader cannot: importing a submodule reads the package's `__path__`, and for a
    LazyLoader any such look is the first one.
    """
    spec = find_spec(name)
    if name in sys.modules or spec is None or spec.loader is None:
        return  # already there, or missing: then the import below says so
    package = module_from_spec(spec)
    loader, lock, running = spec.loader, threading.RLock(), threading.local()

    def run_and_look(attribute: str) -> Any:
        if hasattr(running, "here"):  # the package's own code looks for a name it has not defined yet
            raise AttributeError(f"module {name!r} has no attribute {attribute!r}")
        with lock:
            if "__getattr__" in vars(package):
                running.here = True
                loader.exec_module(package)
                del package.__getattr__
        return getattr(package, attribute)

    vars(package)["__getattr__"] = run_and_look
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    setattr(sys.modules[parent], child, package)


if not TYPE_CHECKING:
    _postpone(_PACKAGE)

from aws_lambda_powertools.utilities.parameters.base import BaseProvider  # noqa: E402
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError  # noqa: E402

__all__ = ["BaseProvider", "GetParameterError"]
