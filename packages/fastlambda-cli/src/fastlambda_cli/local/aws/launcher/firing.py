"""What schedules do changes the state as a request does, and nobody has asked for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ministack.services import eventbridge  # type: ignore[import-not-found,unused-ignore]


def after_targets(then: Callable[[], None]) -> None:
    """Call this whenever a rule or a schedule has had its target: ministack's two clocks have that in common.

    It is called on their threads, and whether or not the target could be reached.
    """
    invoke_target = eventbridge._invoke_target  # noqa: SLF001

    def invoked(*arguments: Any, **options: Any) -> Any:
        try:
            return invoke_target(*arguments, **options)
        finally:
            then()

    eventbridge._invoke_target = invoked  # noqa: SLF001
