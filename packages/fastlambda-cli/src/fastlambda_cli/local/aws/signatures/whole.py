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
_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_NOT_SIGNED = frozenset(name.encode() for name in NOT_SIGNED_BY_ALL)


class _Plan(NamedTuple):
    """How requests are signed: the same for all of a client to one address on a day.

    Attributes:
        names: The headers that are signed, in order.
        begins: The canonical request before them.
        ends: What follows them, up to the body's hash.

    """

    access_key_id: str
    date: str
    region: str
    service: str
    names: tuple[bytes, ...]
    begins: bytes
    ends: bytes


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
        plan = _plan(method, target, tuple(headers), authorization[:-_DIGITS])
        if plan is None or plan.access_key_id != self._keys.access_key_id or plan.service != self._service:
            return False
        made = headers[b"x-amz-date"].decode("latin-1")
        if not made.startswith(plan.date) or not self._is_of_now(made):
            return False
        hashed = hashlib.sha256(body).hexdigest().encode()
        if headers.get(b"x-amz-content-sha256", hashed) != hashed:
            return False
        lines = [b"%s:%s\n" % (name, b" ".join(headers[name].split())) for name in plan.names]
        canonical = b"".join((plan.begins, *lines, plan.ends, hashed))
        secret = self._keys.secret_access_key
        good = signed(canonical, made, secret, plan.date, plan.region, plan.service)
        return hmac.compare_digest(good.encode(), authorization[-_DIGITS:])

    def _is_of_now(self, stamp: str) -> bool:
        made = _seconds(stamp)
        return made is not None and abs(self._now() - made) <= SKEW.total_seconds()


@lru_cache(maxsize=256)
def _plan(method: bytes, target: bytes, present: tuple[bytes, ...], beginning: bytes) -> _Plan | None:
    """How a request is signed that says all but the signature; None where it is of no plain kind."""
    found = credential_of(f"{beginning.decode('latin-1')}{'0' * _DIGITS}")
    if found is None or b"x-amz-date" not in present or b"x-amz-security-token" in present:
        return None
    names = tuple(sorted({name.encode("latin-1") for name in found.headers}))
    path, _, query = target.partition(b"?")
    if b"host" not in names or not _are_covered(present, names) or not _is_plain(path, query):
        return None
    begins = b"%s\n%s\n%s\n" % (method, path.replace(b"%", b"%25"), query)
    ends = b"\n%s\n" % b";".join(names)
    return _Plan(found.id, found.date, found.region, found.service, names, begins, ends)


def _are_covered(present: tuple[bytes, ...], names: tuple[bytes, ...]) -> bool:
    """Whether all headers that are signed are there, and of those that have to be signed none is left out."""
    loose = {name for name in present if name.startswith(b"x-amz-")}.difference(names, _NOT_SIGNED)
    return not loose and set(names).issubset(present)


@lru_cache(maxsize=64)
def _seconds(stamp: str) -> float | None:
    if _STAMP.fullmatch(stamp) is None:  # as shorter ones are for the next line
        return None
    try:
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def _is_plain(path: bytes, query: bytes) -> bool:
    return is_plain_path(path.decode("latin-1")) and _PLAIN_QUERY.fullmatch(query) is not None
