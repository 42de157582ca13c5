"""Transcripts that are too long for their audio, which is then not theirs, or cut short."""

from recipes.manifests import clean_text
from recipes.rows import FASTEST


def too_fast(text: str, seconds: float) -> str | None:
    """Return what is wrong if nobody speaks this text in so short a time, else None."""
    length = len(clean_text(text).replace(" ", ""))
    return (
        f"{length} characters in {seconds:.2f} s of audio" if length > FASTEST * seconds else None
    )
