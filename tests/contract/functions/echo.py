"""Shows what a handler is given: the event, its context, and the environment without its secrets."""

import os
import resource
from pathlib import Path

SECRET = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def handler(event, context):
    if event == "nothing":
        return None
    client = context.client_context
    return {
        "event": event,
        "context": {
            "function_name": context.function_name,
            "function_version": context.function_version,
            "invoked_function_arn": context.invoked_function_arn,
            "memory_limit_in_mb": context.memory_limit_in_mb,
            "aws_request_id": context.aws_request_id,
            "log_group_name": context.log_group_name,
            "log_stream_name": context.log_stream_name,
            "remaining_ms": context.get_remaining_time_in_millis(),
            "custom": client.custom if client else None,
            "identity": context.identity.cognito_identity_id,
        },
        "environment": {name: "" if name in SECRET else value for name, value in os.environ.items()},
        "folder": str(Path.cwd()),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }
