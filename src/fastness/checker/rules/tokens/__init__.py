"""Tokens: what is signed, what is verified, and for how long it counts."""
