"""Logs, traces and metrics: one module each, around Powertools."""
