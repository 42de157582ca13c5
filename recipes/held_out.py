"""A development set that shares neither a speaker nor a sentence with training.

Where every sentence is read by several people, such a set costs more than it holds: a held-out
speaker's other sentences, and a held-out sentence's other readers, can be in neither. So the
sentences are chosen to cost little: those with many readers among the held-out speakers and few
among the others come first.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import NamedTuple

from lhotse.cut import MonoCut

from asr.errors import DataError
from asr.recipes.manifests import clean_text, speaker_of


class Split(NamedTuple):
    """Utterances in the order in which they came."""

    train: list[MonoCut]
    dev: list[MonoCut]
    left_out: list[MonoCut]  # a held-out speaker or a held-out sentence, but not both


def sentence_of(cut: MonoCut) -> str:
    """Returns what tells one sentence from another: its text (NFC) without spaces.

    People space Korean differently; the same words spaced otherwise are the same sentence.
    """
    return clean_text(str(cut.supervisions[0].text)).replace(" ", "")


def hold_out(
    cuts: Sequence[MonoCut],
    *,
    num_speakers: int,
    num_utterances: int,
    last: Collection[str] = (),
) -> Split:
    """Returns utterances divided so that no speaker and no sentence of dev is in train.

    The same utterances always give the same split: speakers are held out in the order of a hash of
    their names; then the one with the fewest sentences held out so far gives its next, in the order
    of their readers as above, then of a hash.

    Args:
        cuts: what is divided.
        num_speakers: held out.
        num_utterances: wanted for dev; the last sentence may lead past it.
        last: sentences to be held out after all others.

    Raises:
        DataError: nothing is left to train on.
    """
    speakers = sorted({speaker_of(cut) for cut in cuts}, key=_hash)
    held_sentences = _choose_sentences(
        cuts, speakers[:num_speakers], num_utterances=num_utterances, last=last
    )
    held_speakers = set(speakers[:num_speakers])
    parts: dict[int, list[MonoCut]] = defaultdict(list)
    for cut in cuts:
        is_held = (speaker_of(cut) in held_speakers, sentence_of(cut) in held_sentences)
        parts[sum(is_held)].append(cut)
    if not parts[0]:
        raise DataError(
            f"{len(speakers)} speakers leave nothing to train on when {num_speakers} of them and "
            f"{len(held_sentences)} of their sentences are held out (prepare more of the corpus)"
        )
    return Split(train=parts[0], dev=parts[2], left_out=parts[1])


def _choose_sentences(
    cuts: Sequence[MonoCut], speakers: Sequence[str], *, num_utterances: int, last: Collection[str]
) -> set[str]:
    """Returns the sentences to hold out, as many of each speaker's as of the others'."""
    inside: Counter[str] = Counter()  # readings by these speakers
    outside: Counter[str] = Counter()  # by the others
    own: dict[str, set[str]] = {speaker: set() for speaker in speakers}
    for cut in cuts:
        sentence, speaker = sentence_of(cut), speaker_of(cut)
        (inside if speaker in own else outside)[sentence] += 1
        if speaker in own:
            own[speaker].add(sentence)
    ranked = sorted(inside, key=lambda s: (s in last, outside[s] / inside[s], _hash(s)))
    waiting = {speaker: [s for s in reversed(ranked) if s in own[speaker]] for speaker in speakers}
    chosen: set[str] = set()
    while sum(inside[s] for s in chosen) < num_utterances and any(waiting.values()):
        speaker = min(
            (speaker for speaker in speakers if waiting[speaker]),
            key=lambda speaker: len(chosen & own[speaker]),
        )
        chosen.add(waiting[speaker].pop())
    return chosen


def _hash(name: str) -> str:
    return hashlib.sha256(f"held out {name}".encode()).hexdigest()
