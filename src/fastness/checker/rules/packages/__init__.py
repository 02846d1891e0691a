"""Packages: known advisories, ranges, care and pins."""
