"""`demo.main:app`: the books API with its secrets from Secrets Manager."""

from __future__ import annotations

from fastlambda.secrets import Secret

# isort: split
# The runtime comes first: it prepares a fast start before FastAPI is imported.
from demo.app import create_app
from demo.settings import SECRET_ENV, AppSecrets

app = create_app(Secret(AppSecrets, env=SECRET_ENV))
