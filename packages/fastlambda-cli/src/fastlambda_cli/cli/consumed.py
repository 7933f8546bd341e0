"""The queues that a service consumes, by the names that it declares."""

from __future__ import annotations

from fastlambda_cli.deploy.model import Target
from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.service.events import QueueSource, deployed_name


class UnknownQueueError(FastLambdaError):
    """The service consumes no queue of the name that was typed."""

    exit_code = 2


def consumed_queues(target: Target, name: str | None = None) -> dict[str, str]:
    """The queues, or the one of a name: what AWS knows each by, under the name that it is declared with.

    Raises:
        UnknownQueueError: The service consumes no queue, or none of this name.

    """
    queues = {
        source.name: deployed_name(source, target.stack_name)
        for source in target.service.events
        if isinstance(source, QueueSource)
    }
    if not queues:
        raise UnknownQueueError(
            f"{target.service.name} consumes no queue",
            why="no function of it is declared with `@events.sqs(...)`",
            remedy="See docs/events.md.",
        )
    if name is None:
        return queues
    if name not in queues:
        raise UnknownQueueError(
            f"{target.service.name} consumes no queue {name}",
            why=f"it declares {', '.join(queues)}",
            remedy="Name one of these.",
        )
    return {name: queues[name]}
