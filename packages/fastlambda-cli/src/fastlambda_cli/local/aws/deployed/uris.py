"""Functions as API Gateway names them: by their ARN, or by the path of Invoke."""

from __future__ import annotations

import re

from fastlambda_cli.local.aws.function_names import FunctionReference, parse_function_name

_INVOKE_PATH = re.compile(r"arn:[^:]+:apigateway:[^:]+:lambda:path/[0-9-]+/functions/(?P<arn>.+)/invocations")


def function_of(uri: str) -> FunctionReference | None:
    """Read the URI of an integration or an authorizer; None when it names no function."""
    path = _INVOKE_PATH.fullmatch(uri)
    return parse_function_name(path["arn"] if path else uri, None)
