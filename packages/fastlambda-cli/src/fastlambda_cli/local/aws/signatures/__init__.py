"""Signatures at the front door: who asks, and whether nobody has changed what they ask.

asked -> public, or claim -> keyring -> recomputed signature -> body -> the local AWS
"""
