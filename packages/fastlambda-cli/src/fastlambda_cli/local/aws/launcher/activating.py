"""Functions and versions that are active at once: nothing has to be prepared for them, as no image is pulled."""

from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]


def activate_at_once() -> None:
    """Make functions active right after they are created or updated, where ministack takes half a second.

    ministack makes a function and those of its versions active that are there when it looks. A version that is
    published the moment before copies a function that is not active yet, and would stay so for ever: it looks again.
    """
    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = 0  # noqa: SLF001
    lambda_svc._publish_version = _looking_again(lambda_svc._publish_version)  # noqa: SLF001
    lambda_svc._update_code = _looking_again(lambda_svc._update_code)  # noqa: SLF001


def _looking_again(publish: Any) -> Any:
    def published(name: str, data: dict[str, Any]) -> Any:
        answer = publish(name, data)
        lambda_svc._schedule_state_transition(name, 0)  # noqa: SLF001
        return answer

    return published
