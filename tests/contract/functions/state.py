"""Shows what one event leaves to the next, and ends its process when asked to."""

import os
import tempfile
import time
import uuid
from pathlib import Path

BEGAN = time.time()
FILE = Path(tempfile.gettempdir()) / f"contract-{os.environ['AWS_LAMBDA_FUNCTION_NAME']}"
SEEN = []
ME = uuid.uuid4().hex


def handler(event, _context):
    SEEN.append(event)
    before = FILE.read_text() if FILE.exists() else None
    FILE.write_text(ME)
    if event == "exit":
        os._exit(1)
    return {"seen": SEEN, "file": before, "me": ME, "initialization": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]}
