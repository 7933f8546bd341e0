"""What functions tell of themselves, kept as AWS keeps it: traces as X-Ray does, lines as CloudWatch Logs does.

Nothing here calls anybody: `local.aws` answers the services' APIs from these stores.
"""

from fastlambda_cli.local.telemetry.recorder import Telemetry
from fastlambda_cli.local.telemetry.traces import TraceStore

__all__ = ["Telemetry", "TraceStore"]
