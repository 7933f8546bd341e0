"""The rule for secrets whose values are generated: what they are named, and what is put into them and what never is."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from typing import Any

_VALUE_BYTES = 32


def secret_name(stack_name: str, name: str) -> str:
    """What AWS calls a secret of a stack: `<service>-<stage>/<secret>`."""
    return f"{stack_name}/{name}"


def generated(keys: Iterable[str]) -> str:
    """The value of a new secret: a JSON object with a random URL-safe value of 32 bytes for each key."""
    return json.dumps({key: secrets.token_urlsafe(_VALUE_BYTES) for key in keys})


def completed(keys: Iterable[str], current: str) -> str | None:
    """A secret's value with the keys that it lacks; nothing that is there is replaced or removed.

    Args:
        keys: The keys that the service asks for.
        current: The value as it is, a JSON object.

    Returns:
        The new value as JSON; None when nothing is missing.

    Raises:
        ValueError: The value is no JSON object. The error does not contain it.

    """
    values = _object(current)
    missing = [key for key in keys if key not in values]
    if not missing:
        return None
    return json.dumps({**values, **json.loads(generated(missing))})


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None  # a decoder's error carries the text, which is secret
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004  a wrong value, not a wrong type of argument
    return value
