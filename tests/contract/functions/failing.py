"""Fails in the way that its event names."""

import os
import threading

LIMIT = 6_291_556


class BookError(Exception):
    pass


def handler(event, _context):
    match event:
        case "raise":
            raise BookError("no such book")
        case "exit":
            os._exit(0)
        case "exit 127":
            os._exit(127)
        case "kill":
            os.kill(os.getpid(), 9)
        case "hang":
            threading.Event().wait()
        case "no JSON":
            return {1, 2}
        case "most":
            return "x" * (LIMIT - 2)
        case "too much":
            return "x" * (LIMIT - 1)
        case _:
            pass
    return event
