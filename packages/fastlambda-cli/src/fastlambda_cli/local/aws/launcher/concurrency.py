"""What is reserved and provisioned, as Lambda keeps it: AWS Lambda API Reference, "PutFunctionConcurrency".

ministack reserves any number, and environments that are to be provisioned it only notes.
"""

from __future__ import annotations

import os
from typing import Any

from invoking import LocalLambda, apart  # type: ignore[import-not-found,unused-ignore]
from ministack.core.responses import error_response_json  # type: ignore[import-not-found,unused-ignore]
from ministack.services import lambda_svc  # type: ignore[import-not-found,unused-ignore]
from signing import Key  # type: ignore[import-not-found,unused-ignore]

_UNRESERVED = 100
_BAD_REQUEST = 400


def keep_concurrency(port: int, key: Key) -> None:
    """Have ministack refuse what would leave too little unreserved, and provision at once.

    Args:
        port: Where the front door listens, which runs the environments.
        key: What the front door is asked with.

    """
    front_door = LocalLambda(port, key)
    lambda_svc._put_function_concurrency = _leaving_enough(lambda_svc._put_function_concurrency)  # noqa: SLF001
    lambda_svc._put_provisioned_concurrency = _at_once(lambda_svc._put_provisioned_concurrency, front_door)  # noqa: SLF001


def _leaving_enough(put: Any) -> Any:
    def checked(name: str, data: dict[str, Any]) -> Any:
        others = sum(
            int(lambda_svc._functions[each].get("concurrency") or 0)  # noqa: SLF001
            for each in lambda_svc._functions.keys()  # noqa: SLF001, SIM118 - a store that is iterated by scope
            if each != name
        )
        wanted = int(data.get("ReservedConcurrentExecutions") or 0)
        if wanted and int(os.environ["LAMBDA_ACCOUNT_CONCURRENCY"]) - others - wanted < _UNRESERVED:
            message = (
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{_UNRESERVED}]."
            )
            return error_response_json("InvalidParameterValueException", message, _BAD_REQUEST)
        return put(name, data)

    return checked


def _at_once(put: Any, front_door: LocalLambda) -> Any:
    def told(name: str, qualifier: str, data: dict[str, Any]) -> Any:
        answer = put(name, qualifier, data)
        function = lambda_svc._functions.get(name)  # noqa: SLF001
        if answer[0] < _BAD_REQUEST and function is not None:
            apart(front_door.prepare, f"{function['config']['FunctionArn']}:{qualifier}")
        return answer

    return told
