"""Sizes, counts and speeds that nobody bounds."""
