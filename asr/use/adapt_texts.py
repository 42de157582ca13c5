"""Transcripts as a model writes them: its letters' case, and what of them it does not know."""

from collections.abc import Callable, Mapping, Sequence

from asr.data.manifest import Cut, cut_text
from asr.text.tokenizer import Tokenizer

SHOWN = 12  # characters


def fit_texts(given: Mapping[str, Sequence[Cut]], tokenizer: Tokenizer) -> list[str]:
    """Returns lines on what was done: transcripts are written in the case that the model writes.

    Only of a model that writes one case alone, small letters or capitals; cuts change in place.

    Args:
        given: recordings of each split.
        tokenizer: of the model.
    """
    cuts = [cut for found in given.values() for cut in found]
    lines = []
    if case := _only_case(tokenizer):
        name, change = case
        changed = sum([_change(cut, change) for cut in cuts])
        if changed:
            lines.append(
                f"notice: the model writes {name} letters only, and so {changed} of {len(cuts)} "
                "transcripts are written in them, too"
            )
    texts = [cut_text(cut, tokenizer.normalize) for cut in cuts]
    unknown = [char for char in sorted(set().union(*texts)) if tokenizer.count_unknown(char)]
    if unknown:
        count = sum(any(char in text for char in unknown) for text in texts)
        more = " ..." if len(unknown) > SHOWN else ""
        lines.append(
            f"notice: {count} of {len(texts)} transcripts hold {len(unknown)} characters that the "
            f"model does not know ({' '.join(unknown[:SHOWN])}{more}): they can only be learnt "
            "from these recordings, and are errors until then; leave them out of the transcripts "
            "if nobody needs them"
        )
    return lines


def _only_case(tokenizer: Tokenizer) -> tuple[str, Callable[[str], str]] | None:
    """Returns the only case that a model writes, and what brings text into it; None: both, none."""
    tokens = "".join(tokenizer.token(index) for index in range(4, tokenizer.vocab_size))
    letters = tokens.replace("<space>", "")
    has_small, has_capitals = letters.upper() != letters, letters.lower() != letters
    if has_small == has_capitals:
        return None
    return ("small", str.lower) if has_small else ("capital", str.upper)


def _change(cut: Cut, change: Callable[[str], str]) -> bool:
    """Returns whether any of a cut's texts became another."""
    before = [part.text for part in cut.supervisions]
    for part in cut.supervisions:
        part.text = change(part.text or "")
    return [part.text for part in cut.supervisions] != before
