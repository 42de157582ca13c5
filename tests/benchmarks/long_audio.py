"""Hours of LibriSpeech in one file: is memory flat, is all of it heard, and is it heard as alone?

    python tests/benchmarks/long_audio.py --corpora DIR [--model DIR] [--hours 0.17 1 10]
    python tests/benchmarks/long_audio.py --corpora DIR --model DIR --awkward 3

The clips of dev-clean follow each other, again and again, with gaps of 0 to 3 s: FLAC, about 60 MB
an hour, in a temporary folder. Without --model, a stand-in writes a word for each tenth of a
second: the table is of everything but a model. A line for each length, of a process of its own:

- memory: the most that the process held, in MiB
- lost: clips of which less than 95 % of the audible frames lie in segments
- back: segments that begin before the one before them ends
- other: segments with another text than alone in their batch

--awkward MINUTES cuts speech without gaps after --longest seconds, where no pause need be, and
prints how many words differ from those of the clips one by one, with and without a shared second.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile

from asr.audio import speech
from asr.audio.files import read_audio, read_blocks
from asr.audio.levels import frame_levels
from asr.audio.speech import segments
from asr.config import SearchConfig
from asr.use.joining import JOIN_WARNING, join_segments
from asr.use.pools import shares, with_text
from asr.use.transcribe import TranscribeOptions, iter_segments
from asr.use.transcript import TimedWord, TranscribedSegment

RATE = 16000


@dataclass(frozen=True)
class Said:
    """What the stand-in says."""

    text: str
    score: float = -1.0
    num_tokens: int = 1
    ended: str = "eos"
    confidence: float | None = None
    words: tuple[TimedWord, ...] = ()
    warnings: tuple[str, ...] = ()
    speech: float | None = None
    nbest: tuple[tuple[str, float], ...] = ()


class StandIn:
    """Writes a word for each tenth of a second, told by its loudness."""

    sample_rate = RATE
    max_seconds = 20.0

    def recognize(self, waveforms: list[np.ndarray], _: SearchConfig, **more: bool) -> list[Said]:
        """Returns the words of each waveform; they get no times, whatever is asked for."""
        return [Said(" ".join(self.words(waveform))) for waveform in waveforms]

    def words(self, waveform: np.ndarray) -> Iterator[str]:
        """Yields a word of three letters for each whole tenth of a second."""
        whole = waveform[: len(waveform) // 1600 * 1600].reshape(-1, 1600)
        for number in (1e7 * np.mean(whole**2, axis=1)).astype(int) % 17576:
            yield "".join(chr(97 + number // 26**place % 26) for place in range(3))


def clips(corpora: Path) -> list[Path]:
    """Returns the clips, those of one reader far apart."""
    found = sorted((corpora / "LibriSpeech/dev-clean").rglob("*.opus"))
    order = np.random.default_rng(0).permutation(len(found))
    return [found[place] for place in order]


def write_long(path: Path, corpora: Path, hours: float) -> Iterator[tuple[int, np.ndarray]]:
    """Writes the file; yields where each clip begins (in frames), and which frames are audible."""
    rng, paths, num = np.random.default_rng(1), clips(corpora), 0
    with soundfile.SoundFile(path, "w", RATE, 1, subtype="PCM_16", format="FLAC") as file:
        place = 0
        while num < hours * 3600 * RATE:
            clip = read_audio(paths[place % len(paths)], RATE)
            clip = clip[: len(clip) // 160 * 160]
            gap = max(0.0, rng.uniform(-1, 3))  # a quarter follow at once
            silence = np.zeros(round(gap * 100) * 160, dtype=np.float32)
            block = np.concatenate([clip, silence])
            file.write(block + 1e-4 * rng.standard_normal(len(block)))
            levels = frame_levels(clip, 160)
            yield num // 160, levels > levels.max() - 30
            num += len(block)
            place += 1


def recognizer_of(model: Path | None) -> Any:
    """Returns the recognizer of a folder, or the stand-in."""
    if model is None:
        return StandIn()
    from asr.use.recognizer import load_recognizer

    return load_recognizer(model, "cpu")


def search_of(recognizer: Any) -> SearchConfig:
    """Returns the search settings that a recognizer has of its own."""
    return getattr(recognizer, "options", SearchConfig())


def one_by_one(recognizer: Any, path: Path, options: TranscribeOptions) -> Iterator[str]:
    """Yields the text of each segment, recognized alone."""
    longest = max(1.0, recognizer.max_seconds)
    stretches = segments(read_blocks(path, RATE), RATE, max_seconds=longest, vad=options.vad)

    def alone() -> Iterator[tuple[TranscribedSegment, Any]]:
        for number, stretch in enumerate(stretches):
            more = {"times": True} if shares(stretch) else {}
            (found,) = recognizer.recognize([stretch.waveform], options.search, **more)
            yield with_text(number, stretch, found, max_seconds=longest), stretch

    for segment in join_segments(alone()):
        yield segment.text


def measure(hours: float, arguments: argparse.Namespace) -> None:
    """Prints the row of a length."""
    recognizer = recognizer_of(arguments.model)
    options = TranscribeOptions(search_of(recognizer), vad=arguments.vad)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder) / "long.flac"
        placed = list(write_long(path, arguments.corpora, hours))
        before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        found = list(iter_segments(recognizer, path, options=options))
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        others = zip(found, one_by_one(recognizer, path, options), strict=True)
        differ = sum(segment.text != text for segment, text in others)
    kept = np.zeros(placed[-1][0] + len(placed[-1][1]) + 1000, dtype=bool)
    for one in found:
        kept[round(one.start_seconds * 100) : round(one.end_seconds * 100)] = True
    shares = [kept[first : first + len(loud)][loud].mean() for first, loud in placed]
    times = [time for one in found for time in (one.start_seconds, one.end_seconds)]
    back = int(np.sum(np.diff(times) < -1e-9))
    joined = sum(JOIN_WARNING in (one.warning or "") for one in found)
    cells = [
        f"{hours:g}",
        f"{before / 1024:.0f}, {peak / 1024:.0f}",
        f"{len(placed)}",
        f"{len(found)}",
    ]
    cells += [f"{sum(share < 0.95 for share in shares)}", f"{back}", f"{differ}", f"{joined}"]
    print(f"| {' | '.join(cells)} | {seconds / hours:.0f} |", flush=True)


def awkward(minutes: float, arguments: argparse.Namespace) -> None:
    """Prints how many words are other ones, for each length that speech is cut to."""
    recognizer = recognizer_of(arguments.model)
    options = TranscribeOptions(search_of(recognizer), vad="none")
    folder = arguments.speech or arguments.corpora / "LibriSpeech/dev-clean"
    paths = sorted(path for path in folder.rglob("*") if path.suffix in {".opus", ".wav", ".flac"})
    parts: list[np.ndarray] = []
    alone: list[str] = []
    for path in paths[:: max(1, len(paths) // 200)]:
        clip = read_audio(path, recognizer.sample_rate)
        if sum(map(len, parts)) > minutes * 60 * recognizer.sample_rate:
            break
        parts.append(clip)
        alone.append(recognizer.recognize([clip], options.search)[0].text)
    waveform, expected = np.concatenate(parts), " ".join(alone)
    print("| longest (s) | shared (s) | segments | words | WER to the clips | heard otherwise |")
    print("|---|---|---|---|---|---|")
    for longest, shared in product(arguments.longest, (0.0, speech.SHARED_SECONDS)):
        recognizer.max_seconds, speech.SHARED_SECONDS = longest, shared
        rate = recognizer.sample_rate
        found = list(iter_segments(recognizer, waveform, sample_rate=rate, options=options))
        text = " ".join(one.text for one in found)
        joined = sum(JOIN_WARNING in (one.warning or "") for one in found)
        cells = [f"{longest:g}", f"{min(shared, longest / 5):g}", f"{len(found)}"]
        cells += [f"{len(text.split())} of {len(expected.split())}"]
        cells += [f"{100 * jiwer.wer(expected, text):.1f} %", f"{joined}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measures each length in a process of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--hours", type=float, nargs="+", default=[0.17, 1.0, 10.0])
    parser.add_argument("--vad", default="level")
    parser.add_argument(
        "--folder", type=Path, help="for the audio; else the system's temporary one"
    )
    parser.add_argument("--awkward", type=float, metavar="MINUTES")
    parser.add_argument("--speech", type=Path, help="of --awkward; else dev-clean")
    parser.add_argument("--longest", type=float, nargs="+", default=[8.0, 11.0, 14.5, 20.0])
    parser.add_argument("--one", type=float, help="used by this program itself")
    arguments = parser.parse_args()
    if arguments.awkward:
        awkward(arguments.awkward, arguments)
        return
    if arguments.one:
        measure(arguments.one, arguments)
        return
    heads = ["hours", "memory before, peak (MiB)", "clips", "segments", "lost", "back", "other"]
    heads += ["heard otherwise", "seconds an hour"]
    print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|", flush=True)
    for hours in arguments.hours:
        command = [sys.executable, __file__, *sys.argv[1:], "--one", str(hours)]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
