"""For clients that only ask servers of this machine, without TLS."""

from __future__ import annotations

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Reads no certificates, which takes httpx longer than a request."""
