"""Invoking a function on behalf of an HTTP request."""

from __future__ import annotations

import dataclasses

from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.model import Invocation, Invoke, InvokeResult


def invoking(functions: Functions, reference: FunctionReference) -> Invoke:
    """Run the events of requests in a function, which sees the ARN that was configured."""

    async def invoke(invocation: Invocation) -> InvokeResult:
        called = dataclasses.replace(invocation, invoked_arn=reference.arn, source="http")
        return await functions.invoke(reference, called)

    return invoke
