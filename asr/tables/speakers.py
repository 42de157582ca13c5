"""Who speaks, and that it is not known."""

from collections.abc import Mapping

UNKNOWN = "unknown"  # stands in manifests for a speaker whom nobody has named


def known(speaker: str | None) -> str | None:
    """Returns a speaker's name, and nothing where it is not known."""
    return None if speaker in (None, "", UNKNOWN) else speaker


def known_of_all(speakers: Mapping[str, str | None]) -> dict[str, str]:
    """Returns who speaks each utterance, by its id; nothing where that is not known of all.

    Those of whom it is not known are not one more speaker, of whom intervals and tables could be.
    """
    named = {name: found for name, speaker in speakers.items() if (found := known(speaker))}
    return named if len(named) == len(speakers) else {}
