"""An attention sequence-to-sequence speech recognizer."""

__version__ = "0.1.0"
