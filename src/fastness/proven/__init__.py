"""Installed and proven to work: a secured application is driven in process, and each control shows what it does."""

from fastness.proven.driver import Reply, Visitor
from fastness.proven.verdict import State, Verdict, prove

__all__ = ["Reply", "State", "Verdict", "Visitor", "prove"]
