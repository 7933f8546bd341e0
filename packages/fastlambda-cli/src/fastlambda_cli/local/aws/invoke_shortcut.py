"""Invoke of a function that waits for events already: past ASGI, in the moment that the request is there.

It takes what needs nothing of what `InvokeApi` can do besides; whatever is special about a request, or wrong with it,
is left to that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache, partial
from urllib.parse import unquote

from pydantic_core import from_json

from fastlambda_cli.local.aws.function_names import FunctionReference, parse_function_name
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.aws.guard import OF_BROWSERS, is_bare
from fastlambda_cli.local.aws.invoke_api import result_headers
from fastlambda_cli.local.aws.invoke_errors import InvokeError
from fastlambda_cli.local.aws.signatures.whole import WholeRequests
from fastlambda_cli.local.http_shortcut import Answer
from fastlambda_cli.local.model import Invocation, InvokeResult

_POST = b"POST"
_PATH = re.compile(rb"/2015-03-31/functions/([^/?]+)/invocations(?:\?Qualifier=([^&]+))?")
_PLAIN = (b"x-amz-date", b"x-amz-content-sha256", b"x-amzn-trace-id")


class InvokeShortcut:
    """A shortcut for Invoke.

    Args:
        functions: What can be invoked.
        requests: Knows who may.

    """

    def __init__(self, functions: Functions, requests: WholeRequests) -> None:
        self._functions = functions
        self._requests = requests

    def wants(self, method: bytes, target: bytes) -> bool:
        """Whether it is Invoke."""
        return method == _POST and _reference(target) is not None

    def begin(self, target: bytes, headers: Mapping[bytes, bytes], body: bytes, answer: Answer) -> bool:
        """Run the event, if its sender may and a function takes it at once; whether it runs."""
        reference = _reference(target)
        if reference is None or not _are_simple(tuple(headers)) or not is_bare(headers.get(b"host", b"")):
            return False
        if not self._requests.is_signed(_POST, target, headers, body):
            return False
        try:
            from_json(body, allow_inf_nan=False)  # what it refuses, and Lambda perhaps does not, goes the long way
        except ValueError:
            return False
        trace = headers.get(b"x-amzn-trace-id")
        invocation = Invocation(
            payload=body,
            trace_header=None if trace is None else trace.decode("latin-1"),
            invoked_arn=reference.arn,
        )
        return self._functions.begin(reference, invocation, partial(_told, answer))

    def write_up(self) -> None:
        """Log the events that have been answered."""
        self._functions.write_up()


def _told(answer: Answer, result: InvokeResult) -> None:
    answer(200, result_headers(result, tail=False), result.payload)


@lru_cache(maxsize=256)
def _are_simple(names: tuple[bytes, ...]) -> bool:
    """Whether headers of these names ask for the answer and nothing else, and no browser has sent them."""
    special = {name for name in names if name.startswith(b"x-amz")}.difference(_PLAIN)
    return not special and not OF_BROWSERS.intersection(names)


@lru_cache(maxsize=256)
def _reference(target: bytes) -> FunctionReference | None:
    found = _PATH.fullmatch(target)
    if found is None:
        return None
    name, qualifier = (None if each is None else unquote(each.decode("latin-1")) for each in found.groups())
    try:
        return parse_function_name(name or "", qualifier)
    except InvokeError:
        return None
