"""Invoking a function on behalf of an HTTP request."""

from __future__ import annotations

from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.model import Invocation, Invoke, InvokeResult


def invoking(functions: Functions, reference: FunctionReference, source: str = "http") -> Invoke:
    """Run the events of requests in a function, which sees the ARN that was configured.

    Args:
        functions: What can be invoked.
        reference: The function.
        source: Who invokes, as `Invocation` names it.

    """

    async def invoke(invocation: Invocation) -> InvokeResult:
        called = invocation._replace(invoked_arn=reference.arn, source=source)
        return await functions.invoke(reference, called)

    return invoke
