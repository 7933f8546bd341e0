"""The handler by the name that Lambda calls it by."""

from __future__ import annotations

import importlib

from fastlambda.errors import ServeError
from fastlambda.handler import FastLambda


def load(name: str) -> FastLambda:
    """Import the handler, which is INIT.

    Args:
        name: The module, with dots or slashes, and the attribute: `lambda_handler.handler`.

    Raises:
        ServeError: there is no such module or attribute, or it is no FastLambda.
        StartupError: the app's lifespan failed to start.

    """
    module, _, attribute = name.replace("/", ".").rpartition(".")
    if not module or not attribute:
        raise ServeError(f"{name!r} names no handler", remedy="Name module and attribute: lambda_handler.handler")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the handler's module is there, and imports what is not
        raise ServeError(
            f"There is no module {module}",
            why="it is not where Python looks for modules",
            remedy="Run this in the folder of the handler, as in the image's /var/task.",
        ) from error
    handler = getattr(found, attribute, None)
    if not isinstance(handler, FastLambda):
        what = "has no attribute" if handler is None else f"has a {type(handler).__name__} as"
        raise ServeError(
            f"{module} {what} {attribute}", why="only a FastLambda can be served", remedy="handler = FastLambda(app)"
        )
    return handler
