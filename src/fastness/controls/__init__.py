"""One control, one file or folder; each works alone with core."""
