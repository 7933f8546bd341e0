"""Has an internal extension that works for a second after every answer, and then tells the time."""

import json
import os
import threading
import time
import urllib.request

API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"


def call(path, body=None, **headers):
    with urllib.request.urlopen(urllib.request.Request(API + path, body, headers)) as answer:  # noqa: S310
        answer.read()
        return answer.headers


REGISTERED = call("/register", b'{"events": ["INVOKE"]}', **{"Lambda-Extension-Name": "extended"})
IDENTITY = {"Lambda-Extension-Identifier": REGISTERED["Lambda-Extension-Identifier"]}


def extend():
    while True:
        call("/event/next", **IDENTITY)
        time.sleep(1)
        print(json.dumps({"said": "done", "at": time.time()}))  # noqa: T201


threading.Thread(target=extend, daemon=True).start()


def handler(event, _context):
    return event
