"""Text: normalisers, readings aloud, and tokens."""
