"""What answers tell."""
