"""Lambda itself: execution environments of real awslambdaric processes, each behind a Runtime API of its own."""

from fastlambda_cli.local.function.pool import LambdaFunction
from fastlambda_cli.local.function.spec import FunctionSpec

__all__ = ["FunctionSpec", "LambdaFunction"]
