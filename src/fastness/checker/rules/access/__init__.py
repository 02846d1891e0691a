"""Who may call what, and with whose objects."""
