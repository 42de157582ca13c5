"""How much speech is missed, and how much noise is taken for speech, at known times.

    python tests/benchmarks/speech_detection.py --corpora DIR [--out table.md] [--split choosing]

Utterances are placed with gaps of 1 to 6 s into noise at 20, 10, 5 and 0 dB, dry and in rooms. The
split `reported` holds LibriSpeech's test.ids, the second half of the noises and of the rooms;
thresholds were chosen on `choosing`: AN4's training speakers, the other noises and rooms.

- frames missed: of the 10 ms within 30 dB of the utterance's loudest, those that no segment holds
- frames false: of those more than 0.5 s from any utterance, those that a segment holds
- utterances missed: less than half of their frames are found
- false segments, an hour: without a frame of any utterance
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asr.audio.files import read_audio
from asr.audio.levels import frame_levels
from asr.audio.speech import find_speech

RATE, HOP = 16000, 160
SNRS = (None, 20, 10, 5, 0)
MARGIN = 50  # frames beside an utterance that count neither way: its padding and its echo
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mixture:
    """Speech in noise, and which frames hold speech, are near it, and which utterance they are."""

    waveform: Samples
    is_speech: npt.NDArray[np.bool_]
    is_near: npt.NDArray[np.bool_]
    utterances: list[tuple[int, int]]  # first and last frame


def sources(corpora: Path, split: str) -> tuple[list[Path], list[Path], list[Path]]:
    """Returns the files of utterances, noises and room responses of a split."""
    noises = sorted((corpora / "noise-rir/noise").glob("*.flac"))
    rooms = sorted((corpora / "noise-rir/rir").glob("sb-rir*.flac"))
    if split == "choosing":
        speech = sorted((corpora / "an4/an4/wav/an4_clstk").rglob("*.flac"))
        return speech[::16], [path for path in noises if "esc10-1" in path.name], rooms[:2]
    names = (corpora / "LibriSpeech/test.ids").read_text("utf-8").split()[::9]
    folder = corpora / "LibriSpeech/dev-clean"
    speech = [folder / Path(*name.split("-")[:2]) / f"{name}.opus" for name in names]
    return speech, [path for path in noises if "esc10-1" not in path.name], rooms[2:]


def echoing(speech: Samples, room: Samples) -> Samples:
    """Returns speech (N,) as it sounds in a room, its direct sound where it was."""
    from scipy.signal import fftconvolve

    first = int(np.argmax(np.abs(room)))
    wet = fftconvolve(speech, room)[first : first + len(speech)]
    return (wet * np.sqrt(np.mean(speech**2) / np.mean(wet**2))).astype(np.float32)


def mix(
    speech: list[Samples], noise: Samples, *, snr: float | None, rng: np.random.Generator
) -> Mixture:
    """Returns utterances with gaps between them, in noise so many dB under their active frames."""
    gaps = [np.zeros(round(s * 100) * HOP, np.float32) for s in rng.uniform(1, 6, len(speech) + 1)]
    parts, places, num = [gaps[0]], [], len(gaps[0]) // HOP
    for one, gap in zip(speech, gaps[1:], strict=True):
        whole = one[: len(one) // HOP * HOP]
        places.append((num, num + len(whole) // HOP))
        parts += [whole, gap]
        num += (len(whole) + len(gap)) // HOP
    clean = np.concatenate(parts)
    levels = frame_levels(clean, HOP)
    is_speech, is_near = np.zeros((2, num), dtype=bool)
    for start, end in places:
        is_speech[start:end] = levels[start:end] > levels[start:end].max() - 30
        is_near[max(0, start - MARGIN) : end + MARGIN] = True
    hiss = 1e-5 * rng.standard_normal(len(clean))  # no recording is without
    power = np.mean(10 ** (levels[is_speech] / 10))
    loops = np.resize(noise, len(clean))
    gain = 0.0 if snr is None else np.sqrt(power / np.mean(loops**2) / 10 ** (snr / 10))
    mixed = (clean + gain * loops + hiss).astype(np.float32)
    return Mixture(mixed, is_speech, is_near, places)


def mixtures(corpora: Path, split: str, *, snr: float | None, room: bool) -> Iterator[Mixture]:
    """Yields mixtures of ten utterances; each noise is there for a while."""
    speech, noises, rooms = sources(corpora, split)
    rng = np.random.default_rng(0)
    clips = [read_audio(path, RATE) for path in speech]
    if room:
        responses = [read_audio(path, RATE) for path in rooms]
        clips = [echoing(clip, responses[n % len(rooms)]) for n, clip in enumerate(clips)]
    clips = [0.1 * clip / np.abs(clip).max() for clip in clips]
    order = rng.permutation(len(noises))
    kinds = [read_audio(noises[n], RATE)[: 5 * RATE] for n in order]
    kinds = [kind / max(1e-4, float(np.sqrt(np.mean(kind**2)))) for kind in kinds]
    per = -(-len(kinds) // -(-len(clips) // 10))
    for number, first in enumerate(range(0, len(clips), 10)):
        noise = np.concatenate(kinds[number * per : (number + 1) * per] or kinds)
        yield mix(clips[first : first + 10], noise, snr=snr, rng=rng)


Finder = Callable[[Samples], list[tuple[float, float]]]


def measure(found: Finder, mixed: list[Mixture]) -> dict[str, float]:
    """Returns the four figures of a finder: three rates, and false segments an hour."""
    missed = frames = false = others = lost = number = alarms = 0
    seconds = 0.0
    for one in mixed:
        kept = np.zeros(len(one.is_speech), dtype=bool)
        for start, end in found(one.waveform):
            first, last = round(start * 100), round(end * 100)
            kept[first:last] = True
            alarms += not one.is_near[first:last].any()
        missed += int((one.is_speech & ~kept).sum())
        frames += int(one.is_speech.sum())
        false += int((kept & ~one.is_near).sum())
        others += int((~one.is_near).sum())
        for first, last in one.utterances:
            lost += kept[first:last][one.is_speech[first:last]].mean() < 0.5
        number += len(one.utterances)
        seconds += len(one.waveform) / RATE
    return {
        "frames missed": missed / frames,
        "frames false": false / others,
        "utterances missed": lost / number,
        "false segments an hour": alarms * 3600 / seconds,
    }


def finder(vad: str) -> Finder:
    """Returns a finder as `asr transcribe` uses it, for a recognizer of utterances of 30 s."""

    def find(waveform: Samples) -> list[tuple[float, float]]:
        spans = find_speech(waveform, RATE, max_seconds=30.0, vad=vad)
        return [(span.start_seconds, span.end_seconds) for span in spans]

    return find


def main() -> None:
    """Measures and prints the table, row by row."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--split", choices=["reported", "choosing"], default="reported")
    parser.add_argument("--level", type=float, default=0.0, help="dB that everything is raised by")
    parser.add_argument("--vads", nargs="+", default=["level", "silero"])
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    lines = [
        "| SNR | room | vad | frames missed | frames false | utterances missed | false segments |",
        "|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    gain = np.float32(10 ** (arguments.level / 20))
    for room in (False, True):
        for snr in SNRS:
            mixed = list(mixtures(arguments.corpora, arguments.split, snr=snr, room=room))
            mixed = [
                Mixture(gain * m.waveform, m.is_speech, m.is_near, m.utterances) for m in mixed
            ]
            for vad in arguments.vads:
                rates = measure(finder(vad), mixed)
                *shares, alarms = rates.values()
                cells = [f"{100 * share:.1f} %" for share in shares] + [f"{alarms:.0f} / h"]
                name = "quiet" if snr is None else f"{snr} dB"
                row = [name, "yes" if room else "no", vad, *cells]
                lines.append(f"| {' | '.join(row)} |")
                print(lines[-1], flush=True)
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
