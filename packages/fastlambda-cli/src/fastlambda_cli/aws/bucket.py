"""S3: a bucket of the account's own, for objects that are written once under a key that says what they are."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from fastlambda_cli.aws.failures import code_of, translated
from fastlambda_cli.aws.session import Aws
from fastlambda_cli.errors import AwsError

Progress: TypeAlias = Callable[[int, int], None]
"""Is told the bytes that were sent and those that there are."""

_NO_KEY = frozenset({"404", "NoSuchKey", "NotFound"})
_EXISTS = "PreconditionFailed"
_CONFLICT = "ConditionalRequestConflict"
_CONFLICTS = 10
_DELETE_AT_ONCE = 1000
"""The most objects of one DeleteObjects (Amazon S3 API Reference)."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was listed or looked at.

    Attributes:
        key: Its key.
        size: In bytes.
        modified: When it was written.
        sha256: In base64, when S3 keeps one of the whole object and was asked for it.
        etag: Differs with whatever is written there; empty where it was not asked for.

    """

    key: str
    size: int
    modified: datetime
    sha256: str | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What an object holds.

    Attributes:
        data: All of it.
        etag: Differs with whatever is written there.
        age: Seconds since it was written, by S3's own clock.

    """

    data: bytes
    etag: str
    age: float


class Bucket:
    """A bucket that belongs to the caller's account: with every call S3 checks that it does.

    Every method raises AwsError.

    Args:
        aws: The account and Region.
        name: The bucket.

    """

    def __init__(self, aws: Aws, name: str) -> None:
        self.name = name
        self._aws = aws
        self._client = aws.client("s3")

    def url(self, key: str) -> str:
        """The object's URL, as CloudFormation takes it for a template: by S3's own name, whichever endpoint we use."""
        if self._aws.is_local:
            return f"{self._aws.endpoint_url}/{self.name}/{quote(key)}"
        return f"https://{self.name}.s3.{self._aws.region}.{self._aws.url_suffix}/{quote(key)}"

    def head(self, key: str) -> StoredObject | None:
        """What an object is; None when there is none."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with translated(f"look at {key} in the bucket {self.name}"):
            try:
                found = self._client.head_object(
                    Bucket=self.name, Key=key, ExpectedBucketOwner=self._aws.account, ChecksumMode="ENABLED"
                )
            except ClientError as problem:
                if code_of(problem) in _NO_KEY:
                    return None
                raise
        whole = found.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        sha256 = found.get("ChecksumSHA256") if whole else None
        return StoredObject(key, found["ContentLength"], found["LastModified"], sha256)

    def upload(self, key: str, file: Path, sha256: str, progress: Progress | None = None) -> bool:
        """Upload a file in one request, unless there is an object of that key already.

        In one, because Lambda takes no zip of more than some hundred megabytes, and because an upload that is cut off
        then leaves nothing behind: no part, and no object.

        Args:
            key: Where to.
            file: At most 5 GB, what S3 takes in one request.
            sha256: Of the file, in base64; S3 refuses what arrives otherwise, and keeps it beside the object.
            progress: Is told how far it is, and starts anew when a request has to be repeated.

        Returns:
            Whether it was uploaded; False when the object was there.

        """
        with translated(f"upload {key} to the bucket {self.name}"), file.open("rb") as content:
            body = _Watched(content, file.stat().st_size, progress or _nobody)
            with self._told_when_sending(body):
                return self._put_new(key, body, ChecksumSHA256=sha256)

    def create(self, key: str, content: bytes) -> bool:
        """Write an object unless there is one of that key; of several at once exactly one gets True."""
        with translated(f"write {key} to the bucket {self.name}"):
            return self._put_new(key, content, ChecksumAlgorithm="SHA256")

    def replace(self, key: str, content: bytes, *, only: str | None = None) -> bool:
        """Write an object, whether there is one of that key or not.

        Args:
            key: Where to.
            content: What.
            only: Write it only if what is there has this ETag still.

        Returns:
            Whether it was written; False when somebody else has written or deleted it since.

        """
        from botocore.exceptions import ClientError  # noqa: PLC0415

        condition: Any = {} if only is None else {"IfMatch": only}
        with translated(f"write {key} to the bucket {self.name}"):
            try:
                self._client.put_object(
                    Bucket=self.name,
                    Key=key,
                    Body=content,
                    ExpectedBucketOwner=self._aws.account,
                    ChecksumAlgorithm="SHA256",
                    **condition,
                )
            except ClientError as problem:
                if condition and code_of(problem) in {_EXISTS, _CONFLICT, *_NO_KEY}:
                    return False
                raise
        return True

    def get(self, key: str) -> bytes | None:
        """An object's content; None when there is none."""
        found = self.read(key)
        return None if found is None else found.data

    def read(self, key: str) -> Content | None:
        """An object's content, and what is known of it; None when there is none."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with translated(f"read {key} from the bucket {self.name}"):
            try:
                found = self._client.get_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self._aws.account)
            except ClientError as problem:
                if code_of(problem) in _NO_KEY:
                    return None
                raise
            with contextlib.closing(found["Body"]) as body:
                data = body.read()
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        # Of two clocks in S3 one may be a second behind.
        age = max((now - found["LastModified"]).total_seconds(), 0.0)
        return Content(data, found["ETag"], age)

    def objects(self, prefix: str) -> tuple[StoredObject, ...]:
        """The objects whose keys begin with the prefix, in the order of their keys."""
        with translated(f"list {prefix} in the bucket {self.name}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, ExpectedBucketOwner=self._aws.account
            )
            found = [item for page in pages for item in page.get("Contents", [])]
        return tuple(StoredObject(item["Key"], item["Size"], item["LastModified"], etag=item["ETag"]) for item in found)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; in a versioned bucket they stay as noncurrent versions until its lifecycle ends them."""
        self._delete([{"Key": key} for key in keys])

    def delete_all_versions(self, prefix: str) -> None:
        """Delete every version of the objects whose keys begin with the prefix, for good."""
        with translated(f"list the versions of {prefix} in the bucket {self.name}"):
            pages = self._client.get_paginator("list_object_versions").paginate(
                Bucket=self.name, Prefix=prefix, ExpectedBucketOwner=self._aws.account
            )
            found: list[Any] = []
            for page in pages:
                found += [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        self._delete([{"Key": item["Key"], "VersionId": item["VersionId"]} for item in found])

    def _delete(self, objects: list[dict[str, str]]) -> None:
        doing = f"delete objects in the bucket {self.name}"
        for first in range(0, len(objects), _DELETE_AT_ONCE):
            batch: Any = objects[first : first + _DELETE_AT_ONCE]
            with translated(doing):
                answer = self._client.delete_objects(
                    Bucket=self.name,
                    Delete={"Objects": batch, "Quiet": True},
                    ExpectedBucketOwner=self._aws.account,
                )
            for error in answer.get("Errors", []):
                code, message = error.get("Code", ""), error.get("Message", "")
                raise AwsError(f"Could not {doing}", why=f"{error.get('Key')}: {message} ({code})", code=code)

    def _put_new(self, key: str, content: Any, **checksum: Any) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        conflicts_left = _CONFLICTS
        while True:
            try:
                self._client.put_object(
                    Bucket=self.name,
                    Key=key,
                    Body=content,
                    IfNoneMatch="*",
                    ExpectedBucketOwner=self._aws.account,
                    **checksum,
                )
            except ClientError as problem:
                if code_of(problem) == _EXISTS:
                    return False
                # Somebody else writes the same key right now (Amazon S3 User Guide, "Conditional writes"): try again.
                if code_of(problem) != _CONFLICT or not conflicts_left:
                    raise
                conflicts_left -= 1
            else:
                return True

    @contextlib.contextmanager
    def _told_when_sending(self, body: _Watched) -> Iterator[None]:
        # botocore reads the whole body once to sign it, before it sends it.
        events, name = self._client.meta.events, "before-send.s3.PutObject"
        events.register(name, body.begin)
        try:
            yield
        finally:
            events.unregister(name, body.begin)


class _Watched(io.BufferedIOBase):
    """A file that tells how much of it was read since sending began."""

    def __init__(self, file: Any, size: int, progress: Progress) -> None:
        self._file = file
        self._size = size
        self._progress = progress
        self._sending = False

    def begin(self, **_: object) -> None:
        """A request is about to be sent."""
        self._sending = True

    def read(self, size: int | None = -1, /) -> bytes:
        data: bytes = self._file.read(size)
        if self._sending:
            self._progress(self._file.tell(), self._size)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True


def _nobody(_sent: int, _all: int, /) -> None:
    """Nobody wants to know."""
