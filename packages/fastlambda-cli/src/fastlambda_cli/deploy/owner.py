"""Whose stack it is: `shop-eu` of the stage `prod` and `shop` of `eu-prod` are called the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastlambda_cli.errors import StackError
from fastlambda_cli.service.stages import DESCRIBED


def check_owner(what: str, there: Mapping[str, Any], wanted: str) -> None:
    """Refuse to touch another service's stack, or what it left behind.

    Args:
        what: What is to be touched, for the message, such as "The stack shop-dev".
        there: Its template. One with a description of somebody's own is anybody's.
        wanted: The description of the stack that is meant.

    Raises:
        StackError: It is another's.

    """
    described = str(there.get("Description", ""))
    if described.endswith(DESCRIBED) and described != wanted:
        raise StackError(
            f"{what} is that of {described.removesuffix(DESCRIBED)}",
            why=f"{wanted.removesuffix(DESCRIBED)} would have the same name",
            remedy="Rename this service ([tool.fastlambda] name) or its stage.",
        )
