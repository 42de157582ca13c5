"""One's own recordings divided: what a model learns from, what chooses it, what it is measured on.

What is held out to measure on is other speakers' where there are two or more; of one speaker it is
other recordings. Splits that the data themselves have are kept. The same recordings and seed give
the same division.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from asr.data.manifest import Cut
from asr.errors import DataError
from asr.tables.speakers import UNKNOWN

HELD_OUT = 0.2  # share of the recordings
FEWEST, FEWEST_SHARE = 6, 0.3  # of few recordings more are held out: six, or this share
DEV, FEWEST_DEV = 0.1, 3
MOST = 500  # recordings in either
FEW_SPEAKERS = 10  # with fewer, dev is of speakers whom training hears, too


class Division(NamedTuple):
    """Recordings of each use, and lines that say how they were chosen."""

    train: list[Cut]
    dev: list[Cut]
    held_out: list[Cut]
    lines: list[str]


def speaker_of(cut: Cut) -> str:
    """Returns the speaker of a cut's first supervision."""
    return str(cut.supervisions[0].speaker or UNKNOWN)


def divide(given: Mapping[str, Sequence[Cut]], *, seed: int = 0) -> Division:
    """Returns recordings divided.

    Args:
        given: recordings of the splits that the data have: one alone; or `train` with `dev`,
            `test` or both, which is held out.
        seed: of the choice.

    Raises:
        DataError: there are too few recordings.
    """
    splits = {name: list(cuts) for name, cuts in given.items()}
    if len(splits) == 1:
        splits = {"train": next(iter(splits.values()))}
    needed = 3 - len(splits) + 1
    if len(splits["train"]) < needed:
        raise DataError(
            f"{len(splits['train'])} recordings to learn from and to hold out; must be at least "
            f"{needed}, one each to learn from, to choose by and to measure on (add recordings)"
        )
    rng = random.Random(f"held out {seed}")
    lines, train = [], splits["train"]
    if "test" in splits:
        held_out = splits["test"]
        lines.append(f"held out to measure on: the {len(held_out)} recordings of the data's test")
    else:
        least = 1 if "dev" in splits else 2
        train, held_out, line = _hold_out(train, least, rng)
        lines.append(line)
    if "dev" in splits:
        dev = splits["dev"]
    else:
        train, dev = _choose_dev(train, rng)
    lines.append(f"to learn from {len(train)}, to choose the best epoch by {len(dev)}")
    return Division(train, dev, held_out, [*lines, *_shared(train, held_out)])


def _hold_out(cuts: list[Cut], least: int, rng: random.Random) -> tuple[list[Cut], list[Cut], str]:
    """Returns what is left, what is held out, and a line on it; `least` are left."""
    few = min(FEWEST, round(FEWEST_SHARE * len(cuts)))
    wanted = max(1, min(MOST, max(few, round(HELD_OUT * len(cuts)))))
    speakers = _by_speaker(cuts)
    num_unnamed = speakers.pop(UNKNOWN, 0)  # who may be anybody: they are learnt from
    if len(speakers) + bool(num_unnamed) > 1:
        chosen = _choose_speakers(speakers, wanted, rng)
        left = [cut for cut in cuts if speaker_of(cut) not in chosen]
        if len(left) >= max(least, len(cuts) / 2):
            held_out = [cut for cut in cuts if speaker_of(cut) in chosen]
            names = ", ".join(sorted(chosen)[:5]) + (", ..." if len(chosen) > 5 else "")
            return (
                left,
                held_out,
                f"held out to measure on: {len(held_out)} of {len(cuts)} recordings, all of "
                f"{len(chosen)} of {len(speakers)} speakers ({names}), whom training does not hear"
                + (f", if they are not in {num_unnamed} that name nobody" if num_unnamed else ""),
            )
    left, held_out = _sample(cuts, min(wanted, len(cuts) - least), rng)
    is_one = len(speakers) == 1 and not num_unnamed
    why = "as all are of one speaker" if is_one else "as the speakers have so few"
    if not speakers:
        why = "as no speaker is named (a folder for each speaker, or a column, names them)"
    line = (
        f"held out to measure on: {len(held_out)} of {len(cuts)} recordings, by recording, {why}; "
        "the figures hold for these voices only"
    )
    return left, held_out, line


def _choose_dev(cuts: list[Cut], rng: random.Random) -> tuple[list[Cut], list[Cut]]:
    fewest = min(FEWEST_DEV, len(cuts) // 5)
    wanted = max(1, fewest, min(MOST, round(DEV * len(cuts))))
    speakers = _by_speaker(cuts)
    if len(speakers) < FEW_SPEAKERS:
        return _sample(cuts, wanted, rng)
    chosen = _choose_speakers(speakers, wanted, rng)
    dev = [cut for cut in cuts if speaker_of(cut) in chosen]
    return [cut for cut in cuts if speaker_of(cut) not in chosen], dev


def _by_speaker(cuts: Sequence[Cut]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for cut in cuts:
        counts[speaker_of(cut)] += 1
    return dict(sorted(counts.items()))


def _choose_speakers(counts: Mapping[str, int], wanted: int, rng: random.Random) -> set[str]:
    """Returns speakers of about so many recordings, the smallest first, and of half at most."""
    order, total = list(counts), sum(counts.values())
    rng.shuffle(order)
    order.sort(key=lambda name: counts[name])
    chosen, found = {order[0]}, counts[order[0]]
    for name in order[1:-1]:
        if found >= wanted or found + counts[name] > total / 2:
            break
        chosen.add(name)
        found += counts[name]
    return chosen


def _sample(cuts: list[Cut], size: int, rng: random.Random) -> tuple[list[Cut], list[Cut]]:
    """Returns the others and so many cuts, each in their order."""
    places = set(rng.sample(range(len(cuts)), size))
    others = [cut for place, cut in enumerate(cuts) if place not in places]
    return others, [cut for place, cut in enumerate(cuts) if place in places]


def _shared(train: Sequence[Cut], held_out: Sequence[Cut]) -> list[str]:
    """Returns a line on what is held out and has the words of something to learn from, if any."""
    known = {_words(cut) for cut in train}
    count = sum(_words(cut) in known for cut in held_out)
    if not count:
        return []
    return [
        f"notice: {count} of {len(held_out)} held-out recordings have the words of one to learn "
        "from; figures of other sentences may be worse"
    ]


def _words(cut: Cut) -> str:
    return " ".join(str(part.text or "") for part in cut.supervisions).lower().replace(" ", "")
