"""Passwords and sign-in."""
