"""A POST that is read in one piece is what llhttp reads; of whatever else comes nothing is read."""

from __future__ import annotations

import random

import httptools
import pytest

from fastlambda_cli.local.http_whole import WholeRequest, whole_request

HEAD = [b"POST /2015-03-31/functions/books/invocations?Qualifier=live HTTP/1.1", b"Host: 127.0.0.1:4566"]
BODY = b'{"title": "Emma"}'


def written(*headers, head=HEAD, body=BODY):
    return b"\r\n".join([*head, *headers, b"Content-Length: %d" % len(body), b"", body])


class Parsed:
    """What llhttp makes of bytes."""

    def __init__(self, data):
        self.target, self.headers, self.body, self.complete = b"", [], b"", 0
        self.on_url = self._add("target")
        self.on_body = self._add("body")
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        self.good = self.complete == 1 and parser.should_keep_alive() and parser.get_http_version() == "1.1"

    def _add(self, name):
        return lambda piece: setattr(self, name, getattr(self, name) + piece)

    def on_header(self, name, value):
        self.headers.append((name.lower(), value))

    def on_message_complete(self):
        self.complete += 1


@pytest.mark.parametrize(
    "data",
    [
        written(),
        written(body=b""),
        written(b"X-Amz-Date: 20261128T120000Z", b"Content-Type: application/json", b"X-Note: a: b, c"),
        written(b"X-Empty: "),
        written(body=b"\x00\xff\r\n\r\n"),
    ],
)
def test_it_is_read_as_llhttp_reads_it(data):
    parsed = Parsed(data)

    assert whole_request(data) == WholeRequest(parsed.target, dict(parsed.headers), parsed.body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        written()[:-1],
        written() + b"G",
        written() + written(),
        written(head=[b"GET / HTTP/1.1", HEAD[1]]),
        written(head=[b"POST / HTTP/1.0", HEAD[1]]),
        written(head=[b"POST /a b HTTP/1.1", HEAD[1]]),
        written(head=[HEAD[0]]),
        written(HEAD[1]),
        written(b"Expect: 100-continue"),
        written(b"Connection: close"),
        written(b"Transfer-Encoding: chunked"),
        written(b"X-Folded: a\r\n b"),
        written(b"X-Bare: a\nb"),
        written(b"X-Tab: a\tb"),
        written(b"X-Letter: \xe9"),
        written(b"X-Spaces:  a"),
        written(b"X-Close:a"),
        written(b"X Name: a"),
        written(b"no colon"),
        written(b"nothing"),
        written(head=[b"POST books HTTP/1.1", HEAD[1]]),
        written(b"Content-Length: 1"),
        b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 01\r\n\r\nb",
    ],
)
def test_everything_unusual_is_left_to_llhttp(data):
    assert whole_request(data) is None


def test_no_changed_byte_makes_it_read_what_llhttp_does_not():
    dice = random.Random(6)  # noqa: S311 - the same bytes each time
    good = written(b"X-Amz-Date: 20261128T120000Z", b"X-Note: a, b")
    read = 0
    for _ in range(5000):
        data = bytearray(good)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(len(data))
            data[at : at + dice.randint(0, 2)] = dice.choice([b"\r", b"\n", b" ", b":", b"\x00", b"a", b"\r\n", b"\t"])
        request = whole_request(bytes(data))
        if request is not None:
            read += 1
            parsed = Parsed(bytes(data))
            assert parsed.good
            assert request == WholeRequest(parsed.target, dict(parsed.headers), parsed.body)
            assert len(parsed.headers) == len(request.headers)

    assert read > 100, "most changes of a value leave a good request"
