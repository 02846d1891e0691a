"""Words everyone shares: no input or output here, and nothing but the standard library."""
