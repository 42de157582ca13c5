"""Audio: files, and where in them is speech."""
