"""The rules: one bad thing, one file; a folder is one area."""
