"""Writes log lines, metrics and X-Ray subsegments."""

import json
import logging
import os
import secrets
import socket
import sys
import time

logger = logging.getLogger("books")
logger.setLevel(logging.INFO)


def handler(event, _context):
    print("printed\rin one line\nand another")  # noqa: T201
    print("on stderr", file=sys.stderr)  # noqa: T201
    logger.info("logged %s", "at INFO")
    logger.debug("too low")
    if isinstance(event, dict) and "metric" in event:
        print(json.dumps(event["metric"]))  # noqa: T201
    subsegment()
    if event == "fail":
        raise LookupError("no such book")
    return os.environ["_X_AMZN_TRACE_ID"]


def subsegment():
    fields = dict(part.split("=", 1) for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
    if fields["Sampled"] == "0":
        return
    now = time.time()
    document = {"type": "subsegment", "trace_id": fields["Root"], "parent_id": fields["Parent"], "name": "## own"}
    document |= {"id": secrets.token_hex(8), "start_time": now, "end_time": now}
    host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
    header = json.dumps({"format": "json", "version": 1})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.sendto(f"{header}\n{json.dumps(document)}".encode(), (host, int(port)))
