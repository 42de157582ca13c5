"""Signs that words are made up: in the text, its speed, the attention, the confidence."""

import itertools
from collections.abc import Sequence

from asr.evidence.calibration import Calibration

LONGEST_PHRASE = 8  # words in a phrase that is looked for in a row
REPEATS = 3  # people do say a thing so often; more only where the dev set does
WITHIN_WORDS = 5  # likewise, of two characters and more within words
LONGEST_UNIT = 24  # characters
STALL_TOKENS = 8
STALL_SECONDS = 0.04  # nobody says so many tokens within it
BACK_SECONDS = 1.0
UNCALIBRATED_LOW = 0.3


def longest_run(parts: Sequence[str], *, longest: int, shortest: int = 1) -> tuple[int, str]:
    """Returns how often in a row the most repeated phrase of parts stands, and that phrase.

    Args:
        parts: words, or characters.
        longest: parts in a phrase.
        shortest: likewise.
    """
    most, phrase = 0, ""
    for size in range(shortest, longest + 1):
        same = 0  # parts in a row that equal the one `size` before
        for place in range(size, len(parts)):
            same = same + 1 if parts[place] == parts[place - size] else 0
            if same // size + 1 > max(most, 1) and same >= size:
                most, phrase = same // size + 1, " ".join(parts[place - size + 1 : place + 1])
    return max(most, min(1, len(parts))), phrase


def repeats_of(text: str) -> int:
    """Returns how often in a row a text's most repeated phrase of words stands."""
    return longest_run(text.split(), longest=LONGEST_PHRASE)[0]


def repeated_phrase(text: str, most: int = REPEATS) -> str | None:
    """Returns a sentence where a text says a phrase more than `most` times in a row, else None."""
    count, phrase = longest_run(text.split(), longest=LONGEST_PHRASE)
    if count > max(REPEATS, most):
        return f'says "{phrase}" {count} times in a row'
    letters = [character for character in text if not character.isspace()]
    count, phrase = longest_run(letters, longest=LONGEST_UNIT, shortest=2)
    within = phrase.replace(" ", "")
    if count > max(WITHIN_WORDS, most) and len(set(within)) > 1:
        return f'says "{within}" {count} times in a row'
    return None


def odd_speed(num_tokens: int, seconds: float, known: Calibration) -> str | None:
    """Returns a sentence where a text is too long or too short for its seconds, else None."""
    least, most = known.tokens_per_second
    speed = num_tokens / max(seconds, 1e-6)
    if num_tokens and speed > most:
        return (
            f"{speed:.1f} tokens a second, more than any training utterance makes likely "
            f"({most:.1f}): its text is too long"
        )
    if speed < least:
        return (
            f"{speed:.1f} tokens a second, fewer than any training utterance makes likely "
            f"({least:.1f}): its text is too short"
        )
    return None


def odd_attention(looked_at: Sequence[float], frame_seconds: float) -> str | None:
    """Returns a sentence where attention stops moving or jumps back, else None.

    Args:
        looked_at: for each token the frame at the middle of its attention.
        frame_seconds: from one memory frame to the next.
    """
    seconds = [frame * frame_seconds for frame in looked_at]
    for early, late in zip(seconds, seconds[STALL_TOKENS - 1 :], strict=False):
        if abs(late - early) < STALL_SECONDS:
            return f"attention stops moving at {early:.2f} s: its text may go on without the sound"
    for furthest, place in zip(itertools.accumulate(seconds, max), seconds, strict=True):
        if furthest - place > BACK_SECONDS:
            return f"attention jumps back from {furthest:.2f} s to {place:.2f} s"
    return None


def low_confidence(confidence: float, known: Calibration | None) -> str | None:
    """Returns a sentence where confidence is low, else None."""
    least = UNCALIBRATED_LOW if known is None else known.low_confidence
    if confidence < least:
        known_as = "is low" if known is None else "is what its dev set's least 2 % have"
        return f"low confidence: {confidence:.3f}; below {least:.3f} {known_as}"
    return None
