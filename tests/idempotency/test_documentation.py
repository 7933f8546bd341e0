"""What the guide shows can be declared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel

GUIDE = Path(__file__).parents[2] / "docs" / "idempotency.md"


class Order(BaseModel):
    order_id: str


def current_user_id() -> str:
    return "ann"


def test_the_examples_of_the_guide_declare_what_it_says():
    names: dict[str, Any] = {
        **dict.fromkeys(("Order", "Refund", "OrderCreate"), Order),
        "SessionDep": Annotated[str, Depends(current_user_id)],
        "current_user_id": current_user_id,
    }
    for example in re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL):
        exec(example, names)  # noqa: S102 - they are ours
    assert [one.key for one in names["events"].declarations()] == ["sqs:orders", "sqs:refunds", "schedule:report"]
    router = names["router"]
    assert isinstance(router, APIRouter)
    assert [type(route) for route in router.routes] == [names["OrderRoute"]]
