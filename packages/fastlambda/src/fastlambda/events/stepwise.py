"""What is left of a coroutine that was begun without a task, each of its steps in a context of its own."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context
from types import coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


@coroutine
def rest(begun: Coroutine[Any, Any, Result], context: Context, waiting_for: Any) -> Generator[Any, Any, Result]:
    """Go on with a coroutine in the task that awaits this, as `await` would, but for the context.

    Args:
        begun: The coroutine; its first step was taken in this task, too.
        context: What its steps are taken in.
        waiting_for: What the first step ended with.

    Raises:
        BaseException: whatever the coroutine raises.

    """
    try:
        while True:
            step, given = begun.send, None
            try:
                given = yield waiting_for
            except BaseException as error:  # noqa: BLE001 - the coroutine decides what becomes of it
                step, given = begun.throw, error
            # Outside of the handler: what the coroutine raises later did not come of what it has handled.
            waiting_for = context.run(step, given)
            del step, given
    except StopIteration as ended:
        result: Result = ended.value
        return result
