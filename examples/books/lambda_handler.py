"""What Lambda calls."""

from fastlambda import FastLambda

# isort: split
# The runtime comes first: it prepares a fast start before FastAPI is imported.
from demo.events import events
from demo.main import app

handler = FastLambda(app, events=events)
