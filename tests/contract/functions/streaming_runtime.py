"""A runtime of its own that streams: while INIT imports it, it asks the Runtime API for events, and never comes back.

The event, or the body of a URL's, says how: `pieces` are sent one after the other; before each but the first the
runtime waits for a message in the queue `gate`, if there is one. `type` is the answer's content type, `trailers` come
behind it, and with `end` the runtime does something else than to finish: it can `exit`, `hang` or `hang up` in the
middle of the answer, or `linger` behind it until the gate opens.
"""

import base64
import json
import os
import socket
import time

VERSION = "/2018-06-01"
HOST, PORT = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")


class Connection:
    def __init__(self):
        self.socket = socket.create_connection((HOST, int(PORT)))
        self.file = self.socket.makefile("rb")

    def send(self, method, path, headers):
        lines = [f"{method} {VERSION}{path} HTTP/1.1", f"Host: {HOST}:{PORT}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())

    def answer(self):
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def close(self):
        self.file.close()
        self.socket.close()


def wait_at(gate):
    import boto3  # noqa: PLC0415 - takes long, and few events need it

    sqs = boto3.client("sqs")
    while not (found := sqs.receive_message(QueueUrl=gate, WaitTimeSeconds=20).get("Messages")):
        pass
    sqs.delete_message(QueueUrl=gate, ReceiptHandle=found[0]["ReceiptHandle"])


def stream(request_id, asked):
    api = Connection()
    headers = {
        "Lambda-Runtime-Function-Response-Mode": "streaming",
        "Transfer-Encoding": "chunked",
        "Trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    }
    if "type" in asked:
        headers["Content-Type"] = asked["type"]
    api.send("POST", f"/runtime/invocation/{request_id}/response", headers)
    for number, piece in enumerate(asked["pieces"]):
        if number and "gate" in asked:
            wait_at(asked["gate"])
        chunk = base64.b64decode(piece)
        api.socket.sendall(b"%x\r\n%s\r\n" % (len(chunk), chunk))
    end = asked.get("end")
    if end == "exit":
        os._exit(3)
    if end == "hang":
        time.sleep(60)
    if end == "hang up":
        api.socket.shutdown(socket.SHUT_WR)
        api.file.read()
    else:
        trailers = "".join(f"{name}: {value}\r\n" for name, value in asked.get("trailers", {}).items())
        api.socket.sendall(f"0\r\n{trailers}\r\n".encode())
        api.answer()
    api.close()
    if end == "linger":
        wait_at(asked["gate"])


while True:
    waiting = Connection()
    waiting.send("GET", "/runtime/invocation/next", {})
    _, about, event = waiting.answer()
    waiting.close()
    wanted = json.loads(event)
    stream(about["lambda-runtime-aws-request-id"], json.loads(wanted["body"]) if "requestContext" in wanted else wanted)
