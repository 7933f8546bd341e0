"""Frozen records: what frozen dataclasses are, without code that is generated and compiled for each of them in INIT."""

from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError
from typing import Any, ClassVar, dataclass_transform


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Frozen:
    """The base of records that are made once and never changed; type checkers take them for dataclasses.

    The annotations of a subclass are its fields, given by name; what it assigns to one is the default, which all
    records share. `__post_init__` may check a new record.

    Raises:
        TypeError: a field lacks, or there is no such field.

    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        annotations = cls.__annotations__.items()
        own = [name for name, annotation in annotations if not str(annotation).startswith("ClassVar")]
        cls._fields = (*cls._fields, *own)

    def __init__(self, **values: Any) -> None:
        kind = type(self)
        if unknown := values.keys() - set(self._fields):
            raise TypeError(f"{kind.__name__} has no {', '.join(sorted(unknown))}")
        if lacking := [name for name in self._fields if name not in values and not hasattr(kind, name)]:
            raise TypeError(f"{kind.__name__} lacks {', '.join(lacking)}")
        self.__dict__.update(values)
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the record; there is nothing to check in one that does not say so itself."""

    def as_dict(self) -> dict[str, Any]:
        """Return a copy of the fields by their names."""
        return {name: copy.deepcopy(getattr(self, name)) for name in self._fields}

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} is frozen: its {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} is frozen: its {name} cannot be deleted")

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._fields)})"

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self._fields)
