"""The releases of a stack, in the account's artifact bucket: recorded before they begin, and finished when they end.

    releases/<stack>/<number>.json       what was deployed, by whom, and how it ended
    templates/<sha256>.json              its template, word for word
    artifacts/<stack>/<sha256>.zip       its artifact
    artifacts/<stack>/<sha256>.files.json   every file of the artifact, to say what a later one changes

An artifact that is an image is in the account's repository instead, tagged <stack>-<digest> by every stack that deploys
it, so that it goes with the last release of the last of them.

A record that says "live" says that it was live when it was written: the newest of them is what is live now.

A record that says "started" is rewritten again and again by whoever is at it (`underway`). Whoever finds one that was
not for a while may end it, by a write that holds only if nobody has written it since; its own deployer, which knows
best, has the last word.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from fastlambda_cli.aws.bucket import Bucket, Content, StoredObject
from fastlambda_cli.aws.images import Images, Tagged
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.deploy.desired import Desired
from fastlambda_cli.deploy.model import PublishedImage, PublishedZip, Release, ReleaseStatus
from fastlambda_cli.errors import NoSuchReleaseError, ReleaseError

KEPT = 20
"""How many releases of a stack are kept."""

_SCHEMA = 1
_AT_ONCE = 8
_TAG_DIGITS = 16
_UPLOADED_LONG_AGO = timedelta(days=1)

Files: TypeAlias = Mapping[str, tuple[int, int]]
_FILES: TypeAdapter[Files] = TypeAdapter(Files)


class _Record(BaseModel):
    """What is stored; no two deployers write the same, and none the same twice."""

    model_config = ConfigDict(frozen=True)

    schema_version: int = _SCHEMA
    release: Release
    deployer: str = ""
    renewed: int = 0


@dataclass(frozen=True, slots=True)
class Started:
    """A release that has not ended, as far as its record tells.

    Attributes:
        release: As it was begun.
        quiet: For how many seconds its deployer has not been heard of, by S3's own clock.
        etag: Of the record.

    """

    release: Release
    quiet: float
    etag: str


def artifact_key(stack_name: str, sha256_hex: str) -> str:
    """Where an artifact of a stack lies in the bucket."""
    return f"artifacts/{stack_name}/{sha256_hex}.zip"


def image_tag(stack_name: str, digest: str) -> str:
    """Under which tag a stack has an image; two stacks with the same image have a tag of it each."""
    return f"{stack_name}-{digest.removeprefix('sha256:')[:_TAG_DIGITS]}"


def template_key(template: str) -> str:
    """Where a template lies in the bucket."""
    return f"templates/{_sha256(template.encode())}.json"


class Releases:
    """The releases of one stack.

    Every method raises AwsError for what AWS says, and ReleaseError for a record that cannot be read.

    Args:
        bucket: The account's artifact bucket.
        stack_name: The stack.
        aws: Who deploys.
        now: The time, UTC.

    """

    def __init__(
        self, bucket: Bucket, stack_name: str, aws: Aws, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._bucket = bucket
        self._stack_name = stack_name
        self._aws = aws
        self._now = now
        # Records that had ended when they were read, with their ETags: one that is listed with it has not changed.
        self._ended: dict[str, tuple[str, Release]] = {}

    def begin(self, desired: Desired, *, of: int | None = None) -> Release:
        """Record a release that is about to be executed, under the next number.

        Two people who begin at once get two numbers.

        Args:
            desired: What the stack is to be; its artifact has been uploaded.
            of: The release that this one returns to.

        """
        template, artifact = desired.template, desired.artifact
        key = template_key(template)
        self._bucket.create(key, template.encode())
        if isinstance(artifact, PublishedZip) and artifact.files:
            self._bucket.create(_files_key(artifact), _FILES.dump_json(artifact.files))
        number = max((self._number(item) for item in self._listed()), default=0) + 1
        while True:
            release = Release(
                number=number,
                at=self._now(),
                by=self._aws.caller,
                status=ReleaseStatus.STARTED,
                template_key=key,
                template_sha256=_sha256(template.encode()),
                artifact=artifact,
                parameters=desired.parameters,
                of=of,
                stands_in=desired.stands_in,
            )
            if self._claimed(self._key(number), _encoded(_Record(release=release, deployer=uuid.uuid4().hex))):
                return release
            number += 1

    def _claimed(self, key: str, content: bytes) -> bool:
        # When the answer to a write is lost, botocore writes again, and is told that there is something: our own.
        return self._bucket.create(key, content) or self._bucket.get(key) == content

    def renew(self, release: Release) -> bool:
        """Let others see that somebody is still at a release; return False when it has ended."""
        key = self._key(release.number)
        found = self._bucket.read(key)
        record = None if found is None else _decoded(found.data, self._url(key))
        if found is None or record is None or record.release.status is not ReleaseStatus.STARTED:
            return False
        renewed = record.model_copy(update={"renewed": record.renewed + 1})
        return self._bucket.replace(key, _encoded(renewed), only=found.etag)

    def finalise(
        self,
        release: Release,
        status: ReleaseStatus,
        *,
        versions: Mapping[str, str | None] | None = None,
        reason: str | None = None,
    ) -> Release:
        """Record how a release of one's own ended, whatever anybody else has taken it for.

        Args:
            release: As it was begun.
            status: LIVE or FAILED.
            versions: The versions behind the aliases, by AWS's names of the functions.
            reason: Why it failed, in one line.

        """
        ended = self._with_its_end(release, status, versions or {}, reason)
        self._bucket.replace(self._key(release.number), _encoded(_Record(release=ended)))
        return ended

    def finalise_for(
        self,
        started: Started,
        status: ReleaseStatus,
        *,
        versions: Mapping[str, str | None] | None = None,
        reason: str | None = None,
    ) -> bool:
        """Record how a release of somebody else's ended, who was not heard of any more.

        Returns:
            Whether it was recorded; False when that somebody, or another one, has written the record since.

        """
        ended = self._with_its_end(started.release, status, versions or {}, reason)
        key = self._key(started.release.number)
        return self._bucket.replace(key, _encoded(_Record(release=ended)), only=started.etag)

    def _with_its_end(
        self, release: Release, status: ReleaseStatus, versions: Mapping[str, str | None], reason: str | None
    ) -> Release:
        found = {name: version for name, version in versions.items() if version is not None}
        return replace(
            release, status=status, version=found.get(self._stack_name), function_versions=found, reason=reason
        )

    def started(self) -> tuple[Started, ...]:
        """Every release that has not ended, the newest first."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = tuple(pool.map(self._started, self._listed()))
        return tuple(one for one in found if one is not None)

    def _started(self, item: StoredObject) -> Started | None:
        if self._known(item) is not None:
            return None
        content = self._bucket.read(item.key)
        if content is None:
            return None
        release = self._release(item.key, content)
        return Started(release, content.age, content.etag) if release.status is ReleaseStatus.STARTED else None

    def list(self) -> tuple[Release, ...]:
        """Every release that is kept, the newest first; their artifacts without `files`."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = tuple(pool.map(self._read, self._listed()))
        return tuple(_with_earlier(release for release in found if release is not None))

    def get(self, number: int) -> Release:
        """A release by its number, with the files of its artifact.

        Raises:
            NoSuchReleaseError: There is none, or not any more.

        """
        for release in self.list():
            if release.number == number:
                return self._with_files(release)
        raise NoSuchReleaseError(
            f"{self._stack_name} has no release {number}",
            why=f"the last {KEPT} are kept",
            remedy="`fastlambda releases` lists them.",
        )

    def live(self) -> Release | None:
        """The release that is live, with the files of its artifact; None when none was ever live."""
        for item in self._listed():
            release = self._read(item)
            if release is not None and release.status is ReleaseStatus.LIVE:
                return self._with_files(release)
        return None

    def template(self, release: Release) -> str:
        """A release's template, word for word.

        Raises:
            ReleaseError: It is gone, or is not the one that was recorded.

        """
        content = self._bucket.get(release.template_key)
        if content is None or _sha256(content) != release.template_sha256:
            raise ReleaseError(
                f"The template of release {release.number} of {self._stack_name} cannot be used",
                why=f"{self._url(release.template_key)} is {'gone' if content is None else 'not what was recorded'}",
                remedy="Restore its earlier version in the bucket, or deploy another release.",
            )
        return content.decode()

    def prune(self, keep: int = KEPT) -> tuple[Release, ...]:
        """Delete the records beyond the newest ones, then the stack's artifacts that no record refers to any more.

        The live release and the one before it are always kept, and so are those that have not ended. What is deleted
        can be restored for 30 days, by the bucket's lifecycle.

        Args:
            keep: How many records, at least.

        Returns:
            The releases that are kept, as `list` gives them.

        """
        releases = self.list()
        unfinished = [release for release in releases if release.status is ReleaseStatus.STARTED]
        were_live = [release for release in releases if release.status in {ReleaseStatus.LIVE, ReleaseStatus.EARLIER}]
        kept = {release.number for release in (*releases[:keep], *unfinished, *were_live[:2])}
        self._bucket.delete(self._key(release.number) for release in releases if release.number not in kept)
        used = [release.artifact for release in releases if release.number in kept]
        zips = [artifact for artifact in used if isinstance(artifact, PublishedZip)]
        keys = {artifact.key for artifact in zips} | {_files_key(artifact) for artifact in zips}
        # A young one may belong to a deployment that has uploaded its artifact and not yet recorded its release.
        before = self._now() - _UPLOADED_LONG_AGO
        artifacts = self._bucket.objects(f"artifacts/{self._stack_name}/")
        self._bucket.delete(item.key for item in artifacts if item.key not in keys and item.modified < before)
        digests = {artifact.digest for artifact in used if isinstance(artifact, PublishedImage)}
        for repository, tagged in self._images(releases).items():
            old = (one.tag for one in tagged if one.digest not in digests and one.pushed < before)
            Images(self._aws, repository).untag(old)
        return tuple(release for release in releases if release.number in kept)

    def image_tags(self) -> dict[str, tuple[str, ...]]:
        """The tags of this stack's images, by the repositories that its releases know of."""
        return {
            repository: tuple(one.tag for one in tagged) for repository, tagged in self._images(self.list()).items()
        }

    def _images(self, releases: Iterable[Release]) -> dict[str, tuple[Tagged, ...]]:
        # Who deploys zips only need not be allowed to look into the repository.
        images = (release.artifact for release in releases if isinstance(release.artifact, PublishedImage))
        return {
            repository: tuple(
                one
                for one in Images(self._aws, repository).tagged()
                if one.tag == image_tag(self._stack_name, one.digest)
            )
            for repository in {image.repository for image in images}
        }

    def delete_all(self) -> None:
        """Delete every record and artifact of the stack for good; the images first, since the records tell of them."""
        for repository, tags in self.image_tags().items():
            Images(self._aws, repository).untag(tags)
        for folder in ("releases", "artifacts"):
            self._bucket.delete_all_versions(f"{folder}/{self._stack_name}/")

    def _listed(self) -> Sequence[StoredObject]:
        """The records, the newest first."""
        prefix = f"releases/{self._stack_name}/"
        records = [item for item in self._bucket.objects(prefix) if self._number(item)]
        return sorted(records, key=self._number, reverse=True)

    def _number(self, item: StoredObject) -> int:
        """The number of a record; 0 for what is none."""
        name = item.key.rpartition("/")[2].removesuffix(".json")
        return int(name) if name.isdecimal() else 0

    def _known(self, item: StoredObject) -> Release | None:
        etag, release = self._ended.get(item.key, ("", None))
        return release if etag == item.etag else None

    def _read(self, item: StoredObject) -> Release | None:
        """A record; None when it was deleted since it was listed."""
        known = self._known(item)
        if known is not None:
            return known
        content = self._bucket.read(item.key)
        return None if content is None else self._release(item.key, content)

    def _release(self, key: str, content: Content) -> Release:
        release = _decoded(content.data, self._url(key)).release
        if release.status is not ReleaseStatus.STARTED:
            self._ended[key] = (content.etag, release)
        return release

    def _with_files(self, release: Release) -> Release:
        if isinstance(release.artifact, PublishedImage):
            return release
        key = _files_key(release.artifact)
        content = self._bucket.get(key)
        if content is None:
            return release
        try:
            files = _FILES.validate_json(content)
        except ValidationError as problem:
            raise _unreadable(self._url(key), problem) from problem
        return replace(release, artifact=replace(release.artifact, files=files))

    def _key(self, number: int) -> str:
        return f"releases/{self._stack_name}/{number:08d}.json"

    def _url(self, key: str) -> str:
        return f"s3://{self._bucket.name}/{key}"


def _files_key(artifact: PublishedZip) -> str:
    return f"{artifact.key.removesuffix('.zip')}.files.json"


def _with_earlier(releases: Iterable[Release]) -> Iterator[Release]:
    """The releases with what was live and is no longer called earlier."""
    live = False
    for release in releases:
        is_live = release.status is ReleaseStatus.LIVE
        yield replace(release, status=ReleaseStatus.EARLIER) if is_live and live else release
        live = live or is_live


def _encoded(record: _Record) -> bytes:
    release = record.release
    if isinstance(release.artifact, PublishedZip):
        # The files lie beside the artifact, once for all its releases.
        release = replace(release, artifact=replace(release.artifact, files={}))
    return record.model_copy(update={"release": release}).model_dump_json(indent=2).encode()


def _decoded(content: bytes, url: str) -> _Record:
    try:
        version = json.loads(content)["schema_version"]
        if version == _SCHEMA:
            return _Record.model_validate_json(content)
    except (ValueError, KeyError, TypeError) as problem:
        raise _unreadable(url, problem) from problem
    raise ReleaseError(
        f"The record of a release, {url}, cannot be read",
        why=f"it has the schema {version}, and this command knows {_SCHEMA}",
        remedy="A newer fastlambda wrote it: upgrade this one.",
    )


def _unreadable(url: str, problem: Exception) -> ReleaseError:
    return ReleaseError(
        f"The record of a release, {url}, cannot be read",
        why=_cause(problem),
        remedy=f"Restore its earlier version in the bucket, or remove it: aws s3 rm {url}.",
    )


def _cause(problem: Exception) -> str:
    if not isinstance(problem, ValidationError):
        return f"{type(problem).__name__}: {problem}"
    first = problem.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
