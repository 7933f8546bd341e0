"""The handler and the router that services of the tests declare their events with."""

from __future__ import annotations

HANDLER = """
from fastlambda import FastLambda
from demo.consumers import events

handler = FastLambda(print, events=events)
"""

CONSUMERS = """
from fastlambda import EventRouter

events = EventRouter()
"""
