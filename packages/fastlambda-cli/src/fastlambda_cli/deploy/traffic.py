"""A new version, from its publication to the last request that it takes over; and back, when it is not healthy.

An update that publishes a version has two phases. The first sets LiveVersion to the version that the alias has now:
CloudFormation makes everything, publishes the version, and leaves the alias where it is. Then the version is asked
directly. The second empties LiveVersion, which moves the alias.

All functions of a stack go the same way together. Each has an alias and a parameter of its own that pins it, since each
counts its own versions; the first phase pins all that are there, the second moves all, and what is put back is put back
for all. A function that is new has nothing to be pinned to; but nothing brings events to it, nor from a new source to
any function, before the second phase (`arrivals`).

Only the second has the rollout's UpdatePolicy: wherever else the alias changes its version, because somebody has moved
it by hand or because the stack is put back, CodeDeploy must not make a rollout of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self, TypeAlias

from fastlambda_cli.aws.model import ChangeSet, Stack
from fastlambda_cli.aws.stacks import MAX_TEMPLATE_BODY, ChangeRequest, Stacks
from fastlambda_cli.deploy.arrivals import brought_to, held_back
from fastlambda_cli.deploy.desired import API_URL, Desired, Standing, as_text, health_path, without_rollout
from fastlambda_cli.deploy.execution import execute, out_of_sight
from fastlambda_cli.deploy.functions import FunctionOfTemplate, functions_in, have_all_traffic, in_words
from fastlambda_cli.deploy.health import HealthCheck
from fastlambda_cli.deploy.model import Remark, Step, Tell
from fastlambda_cli.deploy.rootcause import remedy_for
from fastlambda_cli.errors import (
    AwsError,
    FastLambdaError,
    HealthCheckError,
    OvertakenError,
    StackError,
    ThrottledByAwsError,
)
from fastlambda_cli.template.function import LIVE

Publish: TypeAlias = Callable[[str], str]
"""Puts a template where CloudFormation can read it, and returns its URL."""

Versions: TypeAlias = Mapping[str, str]
"""Versions that aliases keep, by AWS's names of their functions."""

_NONE: Versions = MappingProxyType({})
_GONE = "DELETE_COMPLETE"
_GOES_ON_FROM_THERE = "The new version lies beside it, and the next `fastlambda deploy` goes on from there."
_AGAIN = "See with `fastlambda status` and `fastlambda releases` what is live now, then deploy again."


@dataclass(frozen=True, slots=True)
class Traffic:
    """Brings a stack to what it is to be, so that no request reaches a version that does not answer.

    Attributes:
        stacks: CloudFormation.
        health: Asks the version and the API.
        publish: For templates too long for a request; None while there is no bucket for them.
        tell: Is told what happens.

    """

    stacks: Stacks
    health: HealthCheck
    publish: Publish | None
    tell: Tell

    def can_propose(self, desired: Desired) -> bool:
        """Whether CloudFormation can be asked: not about a long template before there is a bucket."""
        return self.publish is not None or not _too_long(desired.template)

    def propose(self, desired: Desired, kept: Versions = _NONE) -> ChangeSet:
        """Have CloudFormation work out what would change.

        Args:
            desired: What the stack is to be.
            kept: The versions that aliases keep; those that are not in it move to the new ones.

        """
        document = without_rollout(desired.document) if kept else desired.document
        return self._proposed(desired.stack_name, document, desired.parameters, kept)

    def create(self, desired: Desired, change_set: ChangeSet | None) -> Stack:
        """Make a stack, and ask it.

        Args:
            desired: What it is to be.
            change_set: Makes it; None to propose one first.

        Raises:
            StackError: It could not be made; CloudFormation took back what it had made.
            OvertakenError: Somebody else has made it meanwhile.
            HealthCheckError: It was made and does not answer. It stays, since nothing was there before it.

        """
        self.tell(Step(f"Creating the stack {desired.stack_name}"))
        change_set = change_set or self.propose(desired)
        now = self.stacks.describe(desired.stack_name)
        if now is None or now.id != change_set.stack_id or not now.only_planned:
            self.stacks.discard(change_set)
            raise OvertakenError(f"Somebody else has made the stack {desired.stack_name} meanwhile", remedy=_AGAIN)
        stack = execute(self.stacks, change_set, self.tell)
        try:
            self.check_api(desired, stack)
            for function in desired.functions:
                if not function.answers_http:
                    self._check_version(desired, function, LIVE)
        except HealthCheckError as error:
            remedy = f"{error.remedy} Nothing was live before, so the stack stays: put it right and deploy again."
            raise HealthCheckError(error.what, why=error.why, remedy=remedy) from error
        return stack

    def update(self, desired: Desired, before: Standing, change_set: ChangeSet) -> Stack:
        """Change what no version is published for: alarms, the API, logs, permissions.

        An API that does not answer before it is not put back for that: the update may be what it needs.

        Raises:
            StackError: It could not be done; CloudFormation put everything back.
            HealthCheckError: The API does not answer any more; everything has been put back.

        """
        answered = desired.stopped or self._answers(before)
        self.tell(Step(f"Updating the stack {desired.stack_name}"))
        self._unchanged(before.stack)
        stack = execute(self.stacks, change_set, self.tell)
        if not answered:
            self.tell(
                Remark("The API did not answer before the update, so that it is not asked after it.", warning=True)
            )
            return stack
        with _PutBack(self, before) as way:
            way.unseen = f"The stack {desired.stack_name} is updated, and whether its API answers is not known."
            self.check_api(desired, stack)
        return stack

    def replace(self, desired: Desired, before: Standing) -> Stack:
        """Publish a version, ask it, move the traffic, and ask the API.

        Raises:
            StackError: CloudFormation could not do it, and everything has been put back.
            OvertakenError: Somebody else has changed the stack meanwhile; nothing is put back then.
            HealthCheckError: The version, or later the API, does not answer. Everything has been put back.
            AwsError: AWS refuses something, likewise. Where it cannot be reached any more, or does not know the
                credentials, everything stays as it is: then that is told.

        """
        name = desired.stack_name
        kept = {
            function.name: version
            for function in desired.functions
            if (version := before.versions.get(function.name)) is not None
        }
        self.tell(Step(f"Publishing a new version beside {in_words(kept)}"))
        beside = dataclasses.replace(desired, document=held_back(desired.document, before.document))
        pinned = self._proposed_on(before.stack, beside, kept)
        stack = execute(self.stacks, pinned, self.tell) if pinned.changes else before.stack
        with _PutBack(self, before) as way:
            way.unseen = f"Version {before.version} of {name} has all traffic still. {_GOES_ON_FROM_THERE}"
            self._check_versions(desired, before, kept)
            self.tell(Step("Moving the traffic"))
            change_set = self._proposed_on(stack, desired)
            way.unseen = None  # whoever follows the stack tells what becomes of it
            stack = execute(self.stacks, change_set, self.tell) if change_set.changes else stack
            way.unseen = (
                f"The traffic of {name} has moved to the new version, and whether its API answers is not known."
            )
            self.check_api(desired, stack)
        return stack

    def put_back(self, before: Standing) -> Versions:
        """Give a stack the template and the parameters that it had, with all traffic on the version that had it.

        Publishing is no way back: the version that was live stays the one that is asked, and the alias is pinned to it.

        Returns:
            The versions that have all traffic again; those of functions that had to be made anew are not among them.

        """
        kept = self._still_there(before)
        self.tell(Step(f"Putting the stack {before.stack.name} back, with all traffic on {in_words(kept)}"))
        change_set = self._proposed(before.stack.name, without_rollout(before.document), before.parameters, kept)
        if change_set.changes:
            execute(self.stacks, change_set, self.tell)
        return kept

    def _still_there(self, before: Standing) -> Versions:
        """The versions of before, without those of functions that have been deleted since, which are made anew."""
        versions = {name: version for name, version in before.versions.items() if version is not None}
        if len(versions) > 1:
            found = self.stacks.resources(before.stack.name)
            standing = {one.logical_id for one in found if one.status != _GONE}
            names = {function.name for function in before.functions if function.alias in standing}
            versions = {name: version for name, version in versions.items() if name in names}
        return versions

    def _proposed_on(self, stack: Stack, desired: Desired, kept: Versions = _NONE) -> ChangeSet:
        """Propose on top of a stack as it was seen, and of nothing that somebody else has made of it since."""
        self._unchanged(stack)
        try:
            change_set = self.propose(desired, kept)
        except StackError:
            self._unchanged(stack)
            raise
        try:
            self._unchanged(stack)
        except OvertakenError:
            if change_set.changes:
                self.stacks.discard(change_set)
            raise
        return change_set

    def _unchanged(self, stack: Stack) -> None:
        """See that nobody else works on the stack between two of our own operations on it."""
        now = self.stacks.describe(stack.name)
        if now is None or (now.id, now.updated, now.status) != (stack.id, stack.updated, stack.status):
            raise OvertakenError(
                f"Somebody else has changed the stack {stack.name} meanwhile",
                why=f"it is {now.status if now else 'gone'}",
                remedy=_AGAIN,
            )

    def _proposed(
        self, stack_name: str, document: Mapping[str, Any], parameters: Mapping[str, str], kept: Versions
    ) -> ChangeSet:
        template = as_text(document)
        url = self.publish(template) if self.publish is not None and _too_long(template) else None
        pins = {one.parameter: kept.get(one.name, "") for one in functions_in(document, stack_name)}
        all_parameters = {**parameters, **pins}
        try:
            return self.stacks.create_change_set(ChangeRequest(stack_name, template, url, all_parameters))
        except StackError as error:
            error.remedy = error.remedy or remedy_for(error.why)
            raise

    def _check_versions(self, desired: Desired, before: Standing, kept: Versions) -> None:
        resources = self.stacks.resources(desired.stack_name)
        for function in desired.functions:
            version = function.version(resources)
            # What an interrupted deployment has left has a version that nobody has asked.
            unasked = version != kept.get(function.name) or not brought_to(function.alias, before.document)
            if function.answers_http or unasked:
                self._check_version(desired, function, version)

    def _check_version(self, desired: Desired, function: FunctionOfTemplate, version: str | None) -> None:
        of = "" if function.answers_http else f" of {function.name}"
        if version is None or function.stopped:
            self.tell(Remark(f"The new version{of} is not asked whether it answers: it may not run.", warning=True))
            return
        asked = f"version {version}{of}" if version != LIVE else function.name
        self.tell(Step(f"Asking {asked} for {desired.health}"))
        try:
            self.health.version(function.name, version, desired.health)
        except ThrottledByAwsError as error:
            if function.answers_http:
                raise
            # A flood that fills what is reserved for it must not keep a new version of it away.
            text = f"Version {version}{of} is not asked whether it answers: {error.why}"
            self.tell(Remark(text, warning=True))

    def _answers(self, before: Standing) -> bool:
        url = before.stack.outputs.get(API_URL)
        if url is None:
            return False
        try:
            self.health.url(url, health_path(before.document))
        except HealthCheckError:
            return False
        return True

    def check_api(self, desired: Desired, stack: Stack) -> None:
        """Ask the API of a stack, unless its function may not run.

        Raises:
            HealthCheckError: It does not answer.

        """
        if desired.stopped:
            return
        url = stack.outputs[API_URL]
        self.tell(Step(f"Asking {url.rstrip('/')}{desired.health}"))
        self.health.url(url, desired.health)


def _too_long(template: str) -> bool:
    return len(template.encode()) > MAX_TEMPLATE_BODY


class _PutBack:
    """Puts a stack back when the block says that it does not do, and says so in the error.

    Where that is not possible, or not wanted, because whoever deploys has interrupted it, says how the stack stands.

    Attributes:
        unseen: How the stack stands when nobody looks at it from here any more; None while CloudFormation changes it.

    """

    def __init__(self, traffic: Traffic, before: Standing) -> None:
        self._traffic = traffic
        self._before = before
        self.unseen: str | None = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Put it back after a failed check, a refusal of AWS's or an update that CloudFormation gave up."""
        # What somebody else has made of the stack is theirs to put back.
        if error is None or isinstance(error, OvertakenError):
            return
        if not isinstance(error, FastLambdaError) or self._is_out_of_sight(error):
            self._tell_how_it_stands()
            return
        before = self._before
        try:
            kept = self._traffic.put_back(before)
        except FastLambdaError as second:
            raise StackError(
                f"{error.what}; and the stack could not be put back: {second.what}",
                why=second.why or error.why,
                remedy=f"{second.remedy} {self._by_hand()}",
            ) from error
        except KeyboardInterrupt:
            self._tell_how_it_stands()
            raise
        anew = "".join(f" {name} was made anew." for name in before.versions if name not in kept)
        error.remedy = f"{error.remedy} The stack is as it was, and {have_all_traffic(kept)}.{anew}".lstrip()

    def _by_hand(self) -> str:
        """How all traffic goes to the versions of before, when CloudFormation cannot be had to do it."""
        commands = " and ".join(
            f"`aws lambda update-alias --function-name {name} --name {LIVE} --function-version {version}`"
            for name, version in self._before.versions.items()
        )
        has = "has" if len(self._before.versions) == 1 else "have"
        return f"All traffic goes to {in_words(self._before.versions)} once {commands} {has} run."

    def _is_out_of_sight(self, error: FastLambdaError) -> bool:
        return isinstance(error, AwsError) and out_of_sight(self._traffic.stacks, self._before.stack.name, error)

    def _tell_how_it_stands(self) -> None:
        if self.unseen is not None:
            self._traffic.tell(Remark(self.unseen, warning=True))
