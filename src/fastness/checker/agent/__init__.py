"""Runs inside the interpreter of a checked application: loads it under a guard, describes it, and passes requests on.

Nothing of Fastness is installed there and the interpreter may be as old as Python 3.8, so this package is the standard
library alone, imports only itself, and is started by its path (`evidence/process.py`). It speaks JSON lines over the
pipe that it was given as standard input and output; the application's own are empty.
"""
