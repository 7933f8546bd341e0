"""Regular expressions that libraries compile while they are imported, and that most invocations never match."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_PACKAGES = frozenset(
    {
        "aiosqlite",
        "anyio",
        "asyncpg",
        "aws_lambda_powertools",
        "aws_xray_sdk",
        "boto3",
        "botocore",
        "fastapi",
        "httpx",
        "jmespath",
        "jwt",
        "mangum",
        "opentelemetry",
        "pydantic",
        "pydantic_core",
        "pydantic_settings",
        "sqlalchemy",
        "starlette",
        "urllib3",
    }
)
"""Whose patterns are known to be valid, besides the standard library's: the app's own are compiled at once, so that a
mistake in one fails INIT as ever."""

Compile = Callable[..., re.Pattern[Any]]


@contextmanager
def compiled_when_used() -> Iterator[None]:
    """Have `re.compile` in the body of a library's module return a pattern that is compiled at its first use."""
    compile_now: Compile = re.compile

    def compile_late(pattern: Any, flags: int | re.RegexFlag = 0) -> Any:
        caller = sys._getframe(1)  # noqa: SLF001 - the documented way to a caller's frame
        if caller.f_code.co_name != "<module>" or not isinstance(pattern, str | bytes):
            return compile_now(pattern, flags)
        module = caller.f_globals
        package = str(module.get("__name__", "")).partition(".")[0]
        if package not in _PACKAGES and package not in sys.stdlib_module_names:
            return compile_now(pattern, flags)
        return LatePattern(lambda: compile_now(pattern, flags), module)

    re.compile = compile_late
    try:
        yield
    finally:
        re.compile = compile_now


class LatePattern:
    """Stands in for an `re.Pattern` until its first use, then gives the module that holds it the pattern itself.

    Args:
        compiled: Compiles the pattern.
        module: The names of the module that holds it.

    """

    def __init__(self, compiled: Callable[[], re.Pattern[Any]], module: dict[str, Any]) -> None:
        self._compiled = compiled
        self._module = module

    @property  # type: ignore[misc]  # nobody writes to it
    def __class__(self) -> type:
        """`re.Pattern`, for `isinstance`, by which `re` itself tells a pattern from its source."""
        return re.Pattern

    def _pattern(self) -> re.Pattern[Any]:
        pattern = self._compiled()  # at the second call out of the cache of `re`
        for name, value in list(self._module.items()):
            if value is self:
                self._module[name] = pattern
        return pattern

    def __getattr__(self, name: str) -> Any:
        # Kept, for whoever has imported the pattern out of its module.
        value = self.__dict__[name] = getattr(self._pattern(), name)
        return value

    def __eq__(self, other: object) -> bool:
        return self._pattern() == (other._pattern() if type(other) is LatePattern else other)

    def __hash__(self) -> int:
        return hash(self._pattern())

    def __repr__(self) -> str:
        return repr(self._pattern())

    def __copy__(self) -> re.Pattern[Any]:
        return self._pattern()

    def __deepcopy__(self, _: object) -> re.Pattern[Any]:
        return self._pattern()

    def __reduce__(self) -> tuple[Any, ...]:
        return re.compile, (self.pattern, self.flags)
