"""What in a manifest cannot be used, or looks wrong: a line a flaw, with the rule it breaks.

The manifest is read once, the audio in threads beside it. What needs all utterances, such as which
are far from the rest, comes last. Of each utterance its id and a few numbers are kept.
"""

import math
import unicodedata
from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from asr.data.audio_checks import Flaw, Heard, check_audio
from asr.data.cut_lines import is_mix
from asr.data.manifest import (
    Cut,
    audio_paths,
    cut_text,
    past_end,
    read_cuts,
    recordings,
)
from asr.errors import DataError
from asr.files import whole_file
from asr.machine.cores import usable_cores
from asr.machine.threads import map_ahead
from asr.text.normalizers import get_normalizer

Numbers = npt.NDArray[Any]

MOST_THREADS = 8
FEWEST = 20  # utterances from which on one can be far from the rest
FARTHEST = 5.0  # robust standard deviations
SMALLEST_DEVIATION = 0.1  # of the logarithm; so nothing within a factor of 1.6 is far
MOST_DIFFERENT = 3.0  # times the median length of utterances with the same text
SHOWN_EVERY = 100  # utterances
MISALIGNED = "likely misaligned"


class Count(NamedTuple):
    """How often something was found, and in which utterance first."""

    number: int
    example: str


def validate(
    manifest: Path, *, audio: bool = False, live: Callable[[str], None] = lambda _: None
) -> Iterator[Flaw]:
    """Yields what cannot be used or looks wrong.

    Args:
        manifest: lhotse cuts.
        audio: read the samples, too.
        live: shows how far it is.

    Raises:
        DataError: the manifest is missing, or one of its lines is not a cut.
    """
    corpus = _Corpus()

    def check(cut: Cut) -> tuple[Cut, list[Flaw], Heard]:
        flaws = [Flaw(cut.id, *found) for found in check_cut(cut)]
        heard = Heard([], None)
        if audio and not {"missing audio", "zero length", "past the end"} & {
            item.what for item in flaws
        }:
            heard = check_audio(cut)
        return cut, flaws, heard

    threads = min(MOST_THREADS, 2 * usable_cores().number) if audio else 1
    checked = map_ahead(check, read_cuts(manifest), threads=threads)
    for number, (cut, flaws, heard) in enumerate(checked, start=1):
        if number % SHOWN_EVERY == 0:
            live(f"{number:,} utterances")
        yield from corpus.add(cut, heard.digest)
        yield from flaws
        yield from heard.flaws
    live("")
    yield from corpus.judge()


def check_cut(cut: Cut) -> Iterator[tuple[str, str, str]]:
    """Yields what is wrong with a cut as the manifest has it: what, value, rule of each thing."""
    if not any(recordings(cut)):
        yield "missing audio", "no recording", "its audio must be named"
    for path in audio_paths(cut):
        if not path.is_file():
            yield "missing audio", str(path), "every file must be there"
    if not cut.duration > 0:
        yield "zero length", f"{cut.duration:g} s", "must last longer than 0 s"
    if beyond := past_end(cut):
        yield "past the end", beyond, "must be within its recording"
    text = cut_text(cut, str)
    if not text.strip():
        yield "no text", "", "must have a transcript"
    if not unicodedata.is_normalized("NFC", text):
        yield "not NFC", text, "text must be in Unicode's composed form"


class _Corpus:
    """What is kept of all utterances, to judge each by the rest."""

    def __init__(self) -> None:
        self.normalize = get_normalizer("none").apply
        self.ids: list[str] = []
        self.seen: set[str] = set()
        self.seconds, self.num_characters = array("d"), array("q")
        self.texts, self.audio = array("q"), array("q")  # hashes; of audio 0 if there is none
        self.characters: dict[str, int] = {}  # character -> the utterance that has it, or -1: many

    def add(self, cut: Cut, digest: int | None) -> Iterator[Flaw]:
        """Notes an utterance; yields a flaw if its id is not new."""
        if cut.id in self.seen:
            yield Flaw(cut.id, "duplicate id", "", "ids must be unique")
        self.seen.add(cut.id)
        text = self.normalize(cut_text(cut, str))
        number = len(self.ids)
        for character in set(text):
            if self.characters.setdefault(character, number) != number:
                self.characters[character] = -1
        self.ids.append(cut.id)
        self.seconds.append(cut.duration)
        self.num_characters.append(len(text.replace(" ", "")))
        self.texts.append(hash(text))
        self.audio.append(_place(cut) if digest is None else digest)

    def judge(self) -> Iterator[Flaw]:
        """Yields what only all utterances together show."""
        yield from self._misaligned()
        yield from self._same_text()
        yield from self._same_audio()
        for character, number in self.characters.items():
            if number >= 0 and len(self.ids) >= FEWEST:
                name = unicodedata.name(character, "no name")
                value = f"{character} U+{ord(character):04X} {name}"
                rule = "must come in two utterances"
                yield self._flaw(number, "rare character", value=value, rule=rule)

    def _misaligned(self) -> Iterator[Flaw]:
        """Robust deviations of the logarithm of seconds a character, by the median and the MAD."""
        seconds, lengths = np.array(self.seconds), np.array(self.num_characters)
        (usable,) = np.nonzero((seconds > 0) & (lengths > 0))
        if len(usable) < FEWEST:
            return
        logs = np.log(seconds[usable] / lengths[usable])
        median = np.median(logs)
        mad = np.median(np.abs(logs - median))
        deviations = (logs - median) / max(1.4826 * mad, SMALLEST_DEVIATION)
        rule = (
            f"seconds a character at most {FARTHEST:g} robust standard deviations (of their "
            f"logarithm) from the median {math.exp(median):.3f}"
        )
        for position in np.flatnonzero(np.abs(deviations) > FARTHEST):
            value = f"{math.exp(logs[position]):.3f} s a character ({deviations[position]:+.1f})"
            yield self._flaw(int(usable[position]), MISALIGNED, value=value, rule=rule)

    def _same_text(self) -> Iterator[Flaw]:
        seconds = np.array(self.seconds)
        usable = (np.array(self.num_characters) > 0) & (seconds > 0)
        for group in _equal(np.array(self.texts), usable):
            median = float(np.median(seconds[group]))
            rule = f"at most {MOST_DIFFERENT:g} times from the median of the same text"
            for number in group:
                longer = seconds[number] > MOST_DIFFERENT * median
                if longer or seconds[number] * MOST_DIFFERENT < median:
                    value = f"{seconds[number]:.2f} s, median {median:.2f} s of {len(group)}"
                    yield self._flaw(int(number), "unlike the same text", value=value, rule=rule)

    def _same_audio(self) -> Iterator[Flaw]:
        audio = np.array(self.audio)
        for first, *others in _equal(audio, audio != 0):
            for number in others:
                rule = "no audio may come twice"
                yield self._flaw(int(number), "same audio", value=self.ids[first], rule=rule)

    def _flaw(self, number: int, what: str, *, value: str, rule: str) -> Flaw:
        return Flaw(self.ids[number], what, value, rule)


def write_flaws(flaws: Iterable[Flaw], path: Path | None) -> dict[str, Count]:
    """Returns how often each thing was found; the lines go to `path`, or are printed.

    Raises:
        DataError: the file cannot be written; what was there before is untouched.
    """
    counts: dict[str, Count] = {}
    if path is None:
        for line in _lines(flaws, counts):
            print(line)
        return counts
    with whole_file(path, DataError) as file:
        file.writelines(f"{line}\n".encode() for line in _lines(flaws, counts))
    return counts


def _lines(flaws: Iterable[Flaw], counts: dict[str, Count]) -> Iterator[str]:
    """Yields the header and a line for each flaw, separated by tabs, and counts them."""
    for flaw in flaws:
        if not counts:
            yield "\t".join(Flaw._fields)
        before = counts.get(flaw.what, Count(0, flaw.id))
        counts[flaw.what] = before._replace(number=before.number + 1)
        yield "\t".join(" ".join(cell.split()) for cell in flaw)


def _place(cut: Cut) -> int:
    """Returns a number that two cuts of the same stretch of the same files share; 0: no files."""
    parts = [(track.cut, track.offset) for track in cut.tracks] if is_mix(cut) else [(cut, 0.0)]
    places = [(*map(str, audio_paths(part)), part.start, part.duration, at) for part, at in parts]
    return hash((tuple(places), str(cut.channel))) if any(audio_paths(cut)) else 0


def _equal(values: Numbers, usable: Numbers) -> Iterator[Numbers]:
    """Yields the positions of equal values, where they are usable and at least two."""
    (positions,) = np.nonzero(usable)
    order = positions[np.argsort(values[positions], kind="stable")]
    starts = np.flatnonzero(np.diff(values[order])) + 1
    yield from (group for group in np.split(order, starts) if len(group) > 1)
