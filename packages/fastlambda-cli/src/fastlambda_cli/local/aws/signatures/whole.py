"""The same check for a request that is there with its body, without waiting for anything.

It knows requests of the plainest kind alone; every other, and one that it does not find good, is for the door, which
tells the sender what is wrong.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.local.aws.signatures.canonical import is_plain_path, signed
from fastlambda_cli.local.aws.signatures.claim import NOT_SIGNED_BY_ALL, SKEW, credential_of

_DIGITS = 64
_PLAIN_QUERY = re.compile(rb"(?:[A-Za-z]+=(?:[A-Za-z0-9_.~-]|%[0-9A-F]{2})+)?")
"""At most one parameter, written as it is signed."""
_NOT_SIGNED = frozenset(name.encode() for name in NOT_SIGNED_BY_ALL)


class _Said(NamedTuple):
    """What an Authorization header says besides the signature: the same for all requests of a client on a day."""

    access_key_id: str
    date: str
    region: str
    service: str
    names: tuple[bytes, ...]


class WholeRequests:
    """Knows the requests that a key has signed for a service.

    Args:
        keys: The key; one without a session token.
        service: The service's signing name.
        now: Seconds of the epoch.

    """

    def __init__(self, keys: Keys, service: str, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._service = service
        self._now = now

    def is_signed(self, method: bytes, target: bytes, headers: Mapping[bytes, bytes], body: bytes) -> bool:
        """Whether a request is signed by the key; what cannot be told here is not.

        Args:
            method: Such as POST.
            target: Path and query, as they were written.
            headers: By their names in lower case, of which none came twice.
            body: All of it.

        """
        authorization = headers.get(b"authorization", b"")
        said = _said(authorization[:-_DIGITS])
        made = headers.get(b"x-amz-date", b"").decode("latin-1")
        if said is None or said.access_key_id != self._keys.access_key_id or said.service != self._service:
            return False
        if b"x-amz-security-token" in headers or not made.startswith(said.date) or not self._is_of_now(made):
            return False
        if not _are_covered(tuple(headers), said.names):
            return False
        path, _, query = target.partition(b"?")
        hashed = hashlib.sha256(body).hexdigest().encode()
        if headers.get(b"x-amz-content-sha256", hashed) != hashed or not _is_plain(path, query):
            return False
        lines = [b"%s:%s" % (name, b" ".join(headers[name].split())) for name in said.names]
        parts = (method, path.replace(b"%", b"%25"), query, *lines, b"", b";".join(said.names), hashed)
        secret = self._keys.secret_access_key
        good = signed(b"\n".join(parts), made, secret, said.date, said.region, said.service)
        return hmac.compare_digest(good.encode(), authorization[-_DIGITS:])

    def _is_of_now(self, stamp: str) -> bool:
        made = _seconds(stamp)
        return made is not None and abs(self._now() - made) <= SKEW.total_seconds()


@lru_cache(maxsize=64)
def _said(beginning: bytes) -> _Said | None:
    found = credential_of(f"{beginning.decode('latin-1')}{'0' * _DIGITS}")
    if found is None:
        return None
    names = tuple(sorted({name.encode("latin-1") for name in found.headers}))
    return _Said(found.id, found.date, found.region, found.service, names) if b"host" in names else None


@lru_cache(maxsize=256)
def _are_covered(present: tuple[bytes, ...], names: tuple[bytes, ...]) -> bool:
    """Whether all headers that are signed are there, and of those that have to be signed none is left out."""
    loose = {name for name in present if name.startswith(b"x-amz-")}.difference(names, _NOT_SIGNED)
    return not loose and set(names).issubset(present)


@lru_cache(maxsize=64)
def _seconds(stamp: str) -> float | None:
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _is_plain(path: bytes, query: bytes) -> bool:
    return is_plain_path(path.decode("latin-1")) and _PLAIN_QUERY.fullmatch(query) is not None
