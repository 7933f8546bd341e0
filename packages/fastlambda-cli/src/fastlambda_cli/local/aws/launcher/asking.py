"""Whether ministack asks policies at all: of the requests that it is told to, and of no others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

from ministack import app as ministack  # type: ignore[import-not-found,unused-ignore]
from ministack.core import iam_evaluator  # type: ignore[import-not-found,unused-ignore]

asking: ContextVar[Mapping[str, Any] | None] = ContextVar("fastlambda_asking", default=None)
"""Whose permissions are asked for; None for those of the root, who has them all."""

_SERVICE: Mapping[str, Any] = {}


class _WhereAsked:
    """Stands in for ministack's `AUTH`, which is asked for its truth alone."""

    def __bool__(self) -> bool:
        return asking.get() is not None


def ask_where_told() -> None:
    """Have ministack ask policies where `asking` is set, and nowhere else."""
    ministack.AUTH = _WhereAsked()
    # Policies that deny what does not come by TLS are everywhere, and nothing comes to AWS without it.
    iam_evaluator._resolve_condition_key = _as_by_tls(iam_evaluator._resolve_condition_key)  # noqa: SLF001


def _as_by_tls(resolve: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    def resolved(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    return resolved


def always_asked(check: Callable[..., bool]) -> Callable[..., bool]:
    """Have a check of ministack's made that it makes only under `AUTH`: what services do has no root."""

    def asked(*arguments: Any, **named: Any) -> bool:
        token = asking.set(_SERVICE)
        try:
            return check(*arguments, **named)
        finally:
            asking.reset(token)

    return asked
