"""Does a recognizer write words where nobody speaks, and does its guard leave out what is said?

    python tests/benchmarks/made_up_words.py report --corpora DIR --speech TEST.jsonl.gz MODEL
    python tests/benchmarks/made_up_words.py choose --corpora DIR --speech DEV.jsonl.gz ...

`report` transcribes, as `asr transcribe` does, the noises of noise-rir, mixtures of them and
silence, then speech, clean and in noise, and counts the segments with words, those that are left
out, and those that are kept with a warning. `choose` prints the numbers of
asr/evidence/likeness.py.

Noises whose file name holds esc10-1 are the choosing half, as in speech_detection.py; the others
are the reported half, and alone are mixed with one another and with the speech of `report`. Speech
to choose on is of training and dev sets.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from speech_detection import echoing

from asr.audio.files import read_audio
from asr.audio.speech import segments
from asr.data.manifest import checked_cuts
from asr.evidence.likeness import Signs, measure_signs
from asr.evidence.noises import make_noise
from asr.scoring.alignment import align_words
from asr.use.recognizer import Recognizer, load_recognizer
from asr.use.transcribe import TranscribeOptions, transcribe
from asr.use.transcript import TranscribedSegment

RATE = 16000
SNRS = (None, 20.0, 10.0, 5.0)
Samples = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float64]


def noises(corpora: Path, *, is_choosing: bool) -> list[Samples]:
    """Returns the recordings of one half of the noises."""
    paths = sorted((corpora / "noise-rir/noise").glob("*.flac"))
    return [read_audio(path, RATE) for path in paths if ("esc10-1" in path.name) == is_choosing]


def mixtures(sounds: Sequence[Samples], minutes: int, draw: np.random.Generator) -> list[Samples]:
    """Returns minutes of sound, in each 24 noises at other times and levels."""
    found = []
    for _ in range(minutes):
        whole = np.zeros(60 * RATE, dtype=np.float32)
        for index in draw.choice(len(sounds), 24):
            sound, place = sounds[index][: 5 * RATE], int(draw.integers(0, len(whole) - RATE))
            sound = sound[: len(whole) - place]
            whole[place : place + len(sound)] += sound * 10 ** draw.uniform(-1, 0)
        found.append(whole / max(1.0, float(np.abs(whole).max())))
    return found


def in_noise(
    speech: Samples, sounds: Sequence[Samples], snr: float, draw: np.random.Generator
) -> Samples:
    """Returns speech with a noise so many dB below it, all of both counted."""
    long = [sound for sound in sounds if len(sound) > RATE]
    noise = np.resize(long[draw.integers(len(long))], len(speech))
    ratio = np.mean(speech**2) / max(1e-12, float(np.mean(noise**2)))
    return (speech + noise * np.sqrt(ratio) * 10 ** (-snr / 20)).astype(np.float32)


def utterances(manifest: Path, most: int, rate: int = RATE) -> list[tuple[Samples, str]]:
    """Returns waveforms and texts of a manifest, evenly chosen."""
    cuts = list(checked_cuts(manifest))
    chosen = cuts[:: -(-len(cuts) // most)]
    return [
        (one.resample(rate).load_audio()[0].astype(np.float32), one.supervisions[0].text)
        for one in chosen
    ]


def whispered(speech: Samples, draw: np.random.Generator) -> Samples:
    """Returns speech without a pitch: noise as loud in each band, but in low ones."""
    from scipy.signal import butter, sosfiltfilt

    slow, noise = butter(2, 40, fs=RATE, output="sos"), draw.standard_normal(len(speech))
    whole, edges = np.zeros(len(speech)), np.geomspace(120, 7500, 20)
    for low, high in pairwise(edges):
        band = butter(2, [low, high], "band", fs=RATE, output="sos")
        level = np.maximum(sosfiltfilt(slow, np.abs(sosfiltfilt(band, speech))), 0)
        whole += sosfiltfilt(band, noise) * level * (1.0 if low > 500 else 0.2)
    return (0.3 * whole / np.abs(whole).max()).astype(np.float32)


def telephoned(speech: Samples, draw: np.random.Generator) -> Samples:
    """Returns speech from 300 to 3,400 Hz."""
    from scipy.signal import butter, sosfiltfilt

    heard = sosfiltfilt(butter(4, [300, 3400], "band", fs=RATE, output="sos"), speech)
    return (heard + 1e-4 * draw.standard_normal(len(heard))).astype(np.float32)


def signs_of(waveforms: Sequence[Samples]) -> list[Signs]:
    """Returns the signs of each segment that a recognizer would get."""
    found = [one for x in waveforms for one in segments([x], RATE, max_seconds=8.0)]
    return [measure_signs(one.waveform, RATE) for one in found if len(one.waveform) > RATE // 10]


def variants(
    speech: list[Samples], corpora: Path, draw: np.random.Generator
) -> Iterator[tuple[float, list[Samples]]]:
    """Yields speech in each of its variants, with its weight."""
    sounds = noises(corpora, is_choosing=True)
    rooms = sorted((corpora / "noise-rir/rir").glob("sb-rir*.flac"))[:2]
    echoes = [read_audio(path, RATE) for path in rooms]
    yield 1.0, speech
    for snr, weight in ((20.0, 1.0), (10.0, 1.0), (5.0, 0.3)):
        yield weight, [in_noise(one, sounds, snr, draw) for one in speech]
    yield 0.2, [whispered(one, draw) for one in speech[::3]]
    yield 0.25, [telephoned(one, draw) for one in speech[::3]]
    yield 0.25, [echoing(one, echoes[n % len(echoes)]) for n, one in enumerate(speech[::3])]


def choose(arguments: argparse.Namespace) -> None:
    """Prints bounds, mean, deviation and weight of each sign, and the bias."""
    draw = np.random.default_rng(0)
    sounds = noises(arguments.corpora, is_choosing=True)
    made = [make_noise(number, seconds=3, sample_rate=RATE) for number in range(210)]
    rows: list[Signs] = []
    weights: list[float] = []
    truth: list[bool] = []

    def add(found: list[Signs], weight: float, *, is_speech: bool) -> None:
        rows.extend(found)
        weights.extend([weight / max(1, len(found))] * len(found))
        truth.extend([is_speech] * len(found))

    add(signs_of(sounds), 0.5, is_speech=False)
    add(signs_of(mixtures(sounds, 15, draw)), 0.3, is_speech=False)
    add(signs_of(made), 0.2, is_speech=False)
    for manifest in arguments.speech:
        speech = [waveform for waveform, _ in utterances(manifest, arguments.utterances)]
        for weight, heard in variants(speech, arguments.corpora, draw):
            share = weight / (4.0 * len(arguments.speech))
            add(signs_of(heard), share, is_speech=True)
    table, bias = fit(np.array(rows), np.array(truth), np.array(weights))
    for name, row in zip(Signs._fields, table, strict=True):
        print(f"    ({', '.join(f'{value:.4f}' for value in row)}),  # {name}")
    print(f"BIAS = {bias:.4f}")


def fit(
    rows: Matrix, truth: npt.NDArray[np.bool_], weights: Matrix, penalty: float = 1e-3
) -> tuple[Matrix, float]:
    """Returns a row a sign (bounds, mean, deviation, weight), and the bias, of a logistic fit."""
    from scipy.optimize import minimize
    from scipy.special import expit

    low, high = np.percentile(rows, [1, 99], axis=0)
    held = np.clip(rows, low, high)
    mean, deviation = held.mean(axis=0), held.std(axis=0)
    scaled = (held - mean) / deviation

    def cost(values: Matrix) -> tuple[float, Matrix]:
        logits = scaled @ values[1:] + values[0]
        slopes = weights * (expit(logits) - truth)
        total = weights @ (np.logaddexp(0, logits) - truth * logits)
        total += penalty * values[1:] @ values[1:]
        gradient = scaled.T @ slopes + 2 * penalty * values[1:]
        return float(total), np.concatenate([[slopes.sum()], gradient])

    values = minimize(cost, np.zeros(1 + rows.shape[1]), jac=True, method="L-BFGS-B").x
    return np.stack([low, high, mean, deviation, values[1:]], axis=1), float(values[0])


Hear = Callable[[Samples, int], list[TranscribedSegment]]


def hearing(recognizer: Recognizer, vad: str) -> Hear:
    """Returns what gives the segments of a waveform at a rate."""
    options = TranscribeOptions(recognizer.options, vad=vad)

    def hear(waveform: Samples, rate: int) -> list[TranscribedSegment]:
        found = transcribe(recognizer, waveform, options=options, sample_rate=rate)
        return list(found.segments)

    return hear


def counts(found: Sequence[TranscribedSegment]) -> tuple[int, int, int, int]:
    """Returns the segments, those left out, kept with a warning, and kept without."""
    kept = [one for one in found if one.line]
    left = sum("no speech:" in (one.warning or "") for one in found)
    return len(found), left, sum(bool(x.warning) for x in kept), sum(not x.warning for x in kept)


def report(arguments: argparse.Namespace) -> None:
    """Prints the rows of noise, and those of speech."""
    recognizer = load_recognizer(arguments.model, "cpu")
    hear, draw = hearing(recognizer, arguments.vad), np.random.default_rng(1)
    chosen, others = (noises(arguments.corpora, is_choosing=half) for half in (True, False))
    mixed = mixtures(others, arguments.minutes, draw)
    quiet = [np.zeros(30 * RATE, np.float32), 1e-4 * draw.standard_normal(30 * RATE)]
    kinds = {
        "choosing half": chosen,
        "reported half": others,
        f"its mixtures, {arguments.minutes} min": mixed,
        "silence, hiss": [one.astype(np.float32) for one in quiet],
    }
    print("| | segments | left out | words, with a warning | words, without | words |")
    print("|---|---|---|---|---|---|")
    for name, sounds in kinds.items():
        found = [one for sound in sounds for one in hear(sound, RATE)]
        words = sum(len(one.line.split()) for one in found)
        print(f"| {name} | {' | '.join(map(str, [*counts(found), words]))} |", flush=True)
    print("\n| speech | utterances | left out in part or whole | with a warning | WER | all kept |")
    print("|---|---|---|---|---|---|")
    heard = utterances(arguments.speech[0], arguments.utterances)
    for snr in SNRS:
        said = [(x if snr is None else in_noise(x, others, snr, draw), text) for x, text in heard]
        name = "clean" if snr is None else f"{snr:.0f} dB"
        print(f"| {name} | {' | '.join(_speech_row(recognizer, hear, said))} |", flush=True)


def _speech_row(
    recognizer: Recognizer, hear: Hear, said: Sequence[tuple[Samples, str]]
) -> list[str]:
    """Returns the cells of utterances in one noise; "all kept" is WER with nothing left out."""
    left = warned = words = errors = errors_kept = 0
    for waveform, text in said:
        reference = recognizer.tokenizer.normalize(text)
        found = hear(waveform, RATE)
        _, num_left, with_warning, _ = counts(found)
        left, warned = left + (num_left > 0), warned + (with_warning > 0)
        kept = [_as_heard(one) for one in found]
        words += len(reference.split())
        for texts, is_all in (([one.line for one in found], False), (kept, True)):
            steps = align_words(reference, " ".join(filter(None, texts))).steps
            wrong = sum(step[0] != "hit" for step in steps)
            errors, errors_kept = errors + wrong * (not is_all), errors_kept + wrong * is_all
    rates = [f"{100 * number / words:.1f} %" for number in (errors, errors_kept)]
    return [str(len(said)), str(left), str(warned), *rates]


def _as_heard(segment: TranscribedSegment) -> str:
    warning = segment.warning or ""
    return warning.split('("')[1].split('")')[0] if "no speech:" in warning else segment.line


def main() -> None:
    """Reports, or chooses."""
    parser = argparse.ArgumentParser()
    parser.add_argument("do", choices=["report", "choose"])
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--speech", type=Path, required=True, nargs="+")
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--vad", default="level")
    arguments = parser.parse_args()
    choose(arguments) if arguments.do == "choose" else report(arguments)


if __name__ == "__main__":
    main()
