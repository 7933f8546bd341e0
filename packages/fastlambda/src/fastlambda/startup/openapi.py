"""FastAPI's models of an OpenAPI document, which only a request for the document needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def deferred_models(_: ModuleType) -> Iterator[None]:
    """Have models build their validators when they are first used, by `defer_build` as every model's default."""
    from pydantic import BaseModel  # noqa: PLC0415 - the module imports it anyway

    before = BaseModel.model_config
    BaseModel.model_config = {**before, "defer_build": True}
    try:
        yield
    finally:
        BaseModel.model_config = before
