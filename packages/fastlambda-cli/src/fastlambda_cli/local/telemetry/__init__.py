"""What functions tell of themselves, kept where AWS keeps it: traces in X-Ray.

Nothing here calls anybody: `local.aws` answers the services' APIs from these stores.
"""

from fastlambda_cli.local.telemetry.recorder import Telemetry
from fastlambda_cli.local.telemetry.traces import TraceStore

__all__ = ["Telemetry", "TraceStore"]
