"""Transcripts as a model writes them: its letters' case, and what of them it does not know."""

from collections.abc import Callable, Mapping, Sequence

from asr.data.manifest import Cut, cut_text
from asr.text.tokenizer import Tokenizer

SHOWN = 12  # characters


def fit_texts(
    given: Mapping[str, Sequence[Cut]], tokenizer: Tokenizer
) -> tuple[dict[str, list[Cut]], list[str]]:
    """Returns recordings with transcripts in the case that the model writes, and lines on it.

    Only of a model that writes one case alone, small letters or capitals.

    Args:
        given: recordings of each split.
        tokenizer: of the model.
    """
    fitted, lines = _in_one_case(given, tokenizer)
    cuts = [cut for found in fitted.values() for cut in found]
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
    return fitted, lines


def _in_one_case(
    given: Mapping[str, Sequence[Cut]], tokenizer: Tokenizer
) -> tuple[dict[str, list[Cut]], list[str]]:
    """Returns recordings with transcripts in the case that the model writes, and a line on it."""
    fitted = {name: list(found) for name, found in given.items()}
    case = _only_case(tokenizer)
    if case is None:
        return fitted, []
    name, change = case
    for split, found in given.items():
        fitted[split] = [
            cut.map_supervisions(lambda part: part.transform_text(change)) for cut in found
        ]
    changed = sum(
        _texts(old) != _texts(new)
        for split, found in given.items()
        for old, new in zip(found, fitted[split], strict=True)
    )
    if not changed:
        return fitted, []
    total = sum(map(len, given.values()))
    line = (
        f"notice: the model writes {name} letters only, and so {changed} of {total} transcripts "
        "are written in them, too"
    )
    return fitted, [line]


def _only_case(tokenizer: Tokenizer) -> tuple[str, Callable[[str], str]] | None:
    """Returns the only case that a model writes, and what brings text into it; None: both, none."""
    tokens = "".join(tokenizer.token(index) for index in range(4, tokenizer.vocab_size))
    letters = tokens.replace("<space>", "")
    has_small, has_capitals = letters.upper() != letters, letters.lower() != letters
    if has_small == has_capitals:
        return None
    return ("small", str.lower) if has_small else ("capital", str.upper)


def _texts(cut: Cut) -> list[str | None]:
    return [part.text for part in cut.supervisions]
