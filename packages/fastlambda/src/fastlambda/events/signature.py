"""What a consumer's parameters are: its message, its envelopes, and what FastAPI provides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from fastapi import params
from fastapi.security import SecurityScopes
from pydantic import TypeAdapter, ValidationError
from starlette.background import BackgroundTasks
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from fastlambda.errors import EventDeclarationError, InvalidMessageError
from fastlambda.events.envelopes import (
    Envelope,
    EventBridgeEvent,
    ScheduledEvent,
    SnsMessage,
    SqsMessage,
)
from fastlambda.events.record import Record
from fastlambda.frozen import Frozen

_ENVELOPES: dict[str, tuple[type[Envelope], ...]] = {
    "sqs": (SqsMessage, SnsMessage, EventBridgeEvent),
    "sns": (SnsMessage, EventBridgeEvent),
    "eventbridge": (EventBridgeEvent,),
    "schedule": (ScheduledEvent,),
}
_OF_FASTAPI = (BackgroundTasks, SecurityScopes)


class Message:
    """The parameter that takes the message.

    Args:
        name: Its name.
        annotation: Its type: of `str` the message is the text itself, of all others JSON.

    Attributes:
        is_text: Whether it is of `str`.

    """

    def __init__(self, name: str, annotation: Any) -> None:
        self.name = name
        self._adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        self.is_text = (get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation) is str

    def of(self, record: Record) -> Any:
        """Return the record's message.

        Raises:
            InvalidMessageError: it is not of that type; the error names the fields and keeps their values to itself.

        """
        try:
            # The adapter's own methods would only hand on their ten arguments.
            if self.is_text:
                return self._adapter.validator.validate_python(record.text())
            return self._adapter.validator.validate_json(record.text())
        except ValidationError as error:
            found = error.errors(include_input=False, include_url=False, include_context=False)
        # Outside of the handler: as its cause, Pydantic's error would show the values in every traceback.
        raise invalid_message("The message is not what its consumer takes", found)


def invalid_message(what: str, found: Sequence[Mapping[str, Any]]) -> InvalidMessageError:
    """Return the error for what Pydantic has found: where and what, but none of the values."""
    return InvalidMessageError(
        what, why="; ".join(f"{'.'.join(map(str, one['loc'])) or 'message'}: {one['msg']}" for one in found)
    )


class Parameters(Frozen):
    """The parameters of a consumer.

    Attributes:
        message: The one for the message; None when the consumer asks for none.
        envelopes: Those for envelopes, by name.
        provided: The signature of those that FastAPI provides.

    """

    message: Message | None
    envelopes: dict[str, type[Envelope]]
    provided: inspect.Signature


def parameters(function: Callable[..., Any], kind: str) -> Parameters:
    """Read the signature of a consumer of this kind of source.

    Raises:
        EventDeclarationError: a parameter is one that no record can fill.

    """
    message: Message | None = None
    envelopes: dict[str, type[Envelope]] = {}
    provided = []
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        annotation, extras = _unannotated(parameter)
        if isinstance(annotation, type) and issubclass(annotation, Envelope) and not extras:
            if annotation not in _ENVELOPES[kind]:
                raise _refused(function, parameter, f"there is no {annotation.__name__} in an event of kind {kind}")
            envelopes[parameter.name] = annotation
        elif _is_provided(function, parameter, annotation, extras):
            provided.append(parameter)
        elif kind == "schedule":
            raise _refused(function, parameter, "a schedule has no message")
        elif message is not None:
            raise _refused(function, parameter, f"{message.name!r} takes the message already")
        else:
            message = Message(parameter.name, parameter.annotation)
    return Parameters(message=message, envelopes=envelopes, provided=inspect.Signature(provided))


def _unannotated(parameter: inspect.Parameter) -> tuple[Any, list[Any]]:
    """Return a parameter's bare type, and what FastAPI is told in its annotation or its default."""
    annotation, *extras = (
        get_args(parameter.annotation) if get_origin(parameter.annotation) is Annotated else (parameter.annotation,)
    )
    said = [
        extra
        for extra in (*extras, parameter.default)
        if isinstance(extra, params.Depends | params.Param | params.Form)
    ]
    return annotation, said


def _is_provided(function: Callable[..., Any], parameter: inspect.Parameter, annotation: Any, said: list[Any]) -> bool:
    if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise _refused(function, parameter, "records are passed by name")
    if any(isinstance(one, params.Depends) for one in said):
        return True
    if said:
        raise _refused(function, parameter, f"a record has no {type(said[0]).__name__} parameters")
    if annotation is inspect.Parameter.empty:
        raise _refused(function, parameter, "it has no type")
    if not isinstance(annotation, type):
        return False
    if issubclass(annotation, Response) or (
        issubclass(annotation, HTTPConnection) and not issubclass(Request, annotation)
    ):
        raise _refused(function, parameter, f"a record has no {annotation.__name__}")
    return issubclass(annotation, HTTPConnection | BackgroundTasks | SecurityScopes)


def _refused(function: Callable[..., Any], parameter: inspect.Parameter, why: str) -> EventDeclarationError:
    return EventDeclarationError(
        f"The consumer {function.__qualname__} cannot have the parameter {parameter.name!r}",
        why=why,
        remedy="It may take one message, envelopes, and dependencies.",
    )
