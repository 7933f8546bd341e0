"""Clients that ask a deployed API again and again, and remember every answer."""

from __future__ import annotations

import threading
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import httpx
from no_tls import NO_TLS

PATIENCE_S = 30.0
PAUSE_S = 0.05
"""Between two requests of a client."""


class Answer(NamedTuple):
    """What a client was answered; status 0 and the reason when it was not.

    Attributes:
        client: Its number.
        asked_in: The round in which the request began.

    """

    client: int
    asked_in: int
    status: int
    text: str


class Load:
    """Clients that ask steadily, each again soon after it was answered.

    Every other one opens a connection for each request, as short-lived clients do; the rest keep theirs, as browsers
    and services do.

    Args:
        url: The API's.
        clients: How many there are.

    """

    def __init__(self, url: str, clients: int) -> None:
        self._url = f"http://127.0.0.1:{urlsplit(url).port}/"
        self._headers = {"host": urlsplit(url).netloc}
        self._clients = range(clients)
        self._answered = threading.Condition()
        self._round = 0
        self._of_round: dict[int, str] = {}
        self._ended = threading.Event()
        self.answers: list[Answer] = []

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._keep_asking, args=(number,)) for number in self._clients]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def now(self) -> set[str]:
        """What every client is answered that asks from now on, once each has been."""
        with self._answered:
            self._round += 1
            self._of_round = {}
            everyone = len(self._threads)
            assert self._answered.wait_for(lambda: len(self._of_round) == everyone, PATIENCE_S), "no answer"
            return set(self._of_round.values())

    def failures(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != httpx.codes.OK]

    def _keep_asking(self, number: int) -> None:
        kept = httpx.Limits(max_keepalive_connections=number % 2)
        with httpx.Client(
            headers=self._headers, limits=kept, timeout=PATIENCE_S, verify=NO_TLS, trust_env=False
        ) as client:
            while not self._ended.wait(PAUSE_S):
                asked_in = self._round
                try:
                    response = client.get(self._url)
                    answer = Answer(number, asked_in, response.status_code, response.text)
                except httpx.HTTPError as error:
                    answer = Answer(number, asked_in, 0, repr(error))
                with self._answered:
                    self.answers.append(answer)
                    if asked_in == self._round:
                        self._of_round[number] = answer.text
                    self._answered.notify_all()
