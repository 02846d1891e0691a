"""Verbs, one file each: what people do with accounts. No flow knows HTTP."""
