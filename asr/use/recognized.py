"""What a recognizer says of one utterance."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from asr.hypotheses import Hypothesis
from asr.text.tokenizer import Tokenizer
from asr.use.judging import AGAIN_CTC_WEIGHT, Judgement
from asr.use.transcript import TimedWord


@dataclass(frozen=True)
class Recognized:
    """The best hypothesis of an utterance as text, and the others."""

    text: str
    score: float  # what search says: weighted log probabilities and the bonus for its length
    num_tokens: int
    ended: str  # eos, length or loop
    nbest: tuple[tuple[str, float], ...]  # text and score, best first
    confidence: float | None = None  # 0 to 1, of all of the text
    words: tuple[TimedWord, ...] = ()  # from the waveform's start; only where they were asked for
    warnings: tuple[str, ...] = ()  # signs that the text is made up
    speech: float | None = None  # how probable it is that it is speech that the text is of


def describe(
    tokenizer: Tokenizer, hypotheses: Sequence[Hypothesis], judged: Judgement
) -> Recognized:
    """Returns the hypotheses of an utterance, best first, as text, and what is said of the best."""
    texts = [text_of(tokenizer, hypothesis) for hypothesis in hypotheses]
    best = hypotheses[0]
    return Recognized(
        texts[0],
        best.score,
        len(best.tokens),
        best.ended,
        _different(zip(texts, (one.score for one in hypotheses), strict=True)),
        confidence=judged.confidence,
        words=judged.words,
        warnings=judged.warnings,
        speech=judged.speech,
    )


def text_of(tokenizer: Tokenizer, hypothesis: Hypothesis) -> str:
    """Returns a hypothesis as text, without spaces around it or several in a row."""
    return " ".join(tokenizer.decode(hypothesis.tokens).split())


def _different(nbest: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Returns the texts that differ, each with the best of its scores."""
    first: dict[str, float] = {}
    for text, score in nbest:
        first.setdefault(text, score)
    return tuple(first.items())


def guarded(result: Recognized, judged: Judgement, *, searched_again: bool) -> Recognized:
    """Returns a result without the text of noise; says so, and whether it was searched again."""
    if searched_again:
        again = f"repeated itself; searched again with search.ctc_weight={AGAIN_CTC_WEIGHT}"
        result = replace(result, warnings=(again, *result.warnings))
    return replace(result, text="", words=(), nbest=()) if judged.is_noise else result
