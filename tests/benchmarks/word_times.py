"""How far are word times from those of synthesised speech, and which cap makes them best?

    python tests/benchmarks/word_times.py MODEL DEV.jsonl.gz [--caps 0 0.04 0.08 0.12 0.2]
    make .venv-peers/pocketsphinx/installed
    python tests/benchmarks/word_times.py MODEL TEST.jsonl.gz --beside pocketsphinx

Real read English is measured against the forced alignment of PocketSphinx, which has an acoustic
model and a pronunciation dictionary of its own. The last two columns are of the places that
attention has, which count where a model has no CTC head.

The texts of a synthetic manifest are spoken by eSpeak NG once more, which says when words begin
(its word events; where it leaves one out, as the first of a Korean sentence, the word is not
counted). Times are those of the spoken text, forced, so that the recognizer's errors do not count.
The cap (MOST_SECONDS in asr/evidence/words.py) is chosen on a dev set.
"""

import argparse
import ctypes
import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch

from asr.data.manifest import checked_cuts
from asr.evidence import words as of_words
from asr.evidence.places import Place, align_by_attention, place_tokens
from asr.recipes.espeak import load_espeak
from asr.recognition import encode_padded
from asr.text.tokenizer import BOS
from asr.use.recognizer import Recognizer, load_recognizer

WORD_EVENT = 1
PEERS = Path(__file__).parents[2] / ".venv-peers"


class Event(ctypes.Structure):
    """espeak_EVENT of eSpeak NG's speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


class Speaker:
    """eSpeak NG with its word events."""

    def __init__(self) -> None:
        self.espeak: Any = load_espeak()
        self.events: list[tuple[int, int]] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event)
        )
        self.callback = kind(self._take)
        library = self.espeak._library
        library.espeak_SetSynthCallback.argtypes = [kind]
        library.espeak_SetSynthCallback(self.callback)

    def _take(self, samples: Any, count: int, events: Any) -> int:
        place = 0
        while events and events[place].type != 0:
            one = events[place]
            if one.type == WORD_EVENT:
                self.events.append((one.text_position - 1, one.sample))
            place += 1
        if samples and count > 0:
            self.espeak._chunks.append(np.ctypeslib.as_array(samples, shape=(count,)).copy())
        return 0

    def speak(self, text: str, voice: str, rate: int) -> tuple[npt.NDArray[np.float32], list[Any]]:
        """Returns sound (N,), and the second in which each word begins; None where it is unsaid."""
        self.events.clear()
        sound = self.espeak.speak(text, voice=voice, words_per_minute=160, pitch=50, pitch_range=50)
        known = {place: sample / self.espeak.sample_rate for place, sample in self.events}
        starts, place = [], 0
        for word in text.split():
            starts.append(known.get(place))
            place += len(word) + 1
        heard = soxr.resample(sound.astype(np.float32) / 32768, self.espeak.sample_rate, rate)
        return heard, starts


class Spoken(NamedTuple):
    """One utterance, and when its words begin."""

    sound: npt.NDArray[np.float32]
    text: str
    starts: list[float | None]


class Placed(NamedTuple):
    """Where the tokens of an utterance lie."""

    tokens: list[int]
    by_ctc: list[Place]
    by_attention: list[Place]
    num_frames: int
    seconds: float
    starts: list[float | None]  # of its words, as they are known


def synthesised(recognizer: Recognizer, cuts: list[Any]) -> Iterator[Spoken]:
    """Yields the texts of cuts, spoken once more by eSpeak NG."""
    speaker = Speaker()
    for cut in cuts:
        text = recognizer.tokenizer.normalize(cut.supervisions[0].text)
        voice = "+".join(cut.supervisions[0].speaker.rsplit("-", 1))
        sound, starts = speaker.speak(text, voice, recognizer.sample_rate)
        yield Spoken(sound, text, starts)


def recorded(recognizer: Recognizer, cuts: list[Any]) -> Iterator[Spoken]:
    """Yields cuts with PocketSphinx's times; says how many it could not align."""
    script = Path(__file__).with_name("pocketsphinx_times.py")
    command = [PEERS / "pocketsphinx/bin/python", script]
    process = subprocess.Popen(command, stdin=-1, stdout=-1, text=True)
    assert process.stdin
    assert process.stdout
    missed = 0
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        for cut in cuts:
            text = recognizer.tokenizer.normalize(cut.supervisions[0].text)
            sound = cut.resample(recognizer.sample_rate).load_audio()[0].astype(np.float32)
            at_16000 = soxr.resample(sound, recognizer.sample_rate, 16000)
            soundfile.write(file.name, at_16000, 16000, subtype="PCM_16")
            print(json.dumps([file.name, text]), file=process.stdin, flush=True)
            starts = json.loads(process.stdout.readline())
            missed += starts is None
            if starts is not None:
                yield Spoken(sound, text, starts)
    print(f"{missed} of {len(cuts)} utterances are not aligned by PocketSphinx")


@torch.inference_mode()
def place(recognizer: Recognizer, spoken: Spoken) -> Placed | None:
    """Returns where the tokens of a text lie, forced; None where CTC has no path."""
    tokens = recognizer.tokenizer.encode(spoken.text)
    waveforms = torch.from_numpy(spoken.sound)[None]
    lengths = torch.tensor([len(spoken.sound)])
    model = recognizer.model
    encoded = encode_padded(model, waveforms, lengths, options=recognizer.options)
    log_probs = model.ctc(encoded.values)[0].log_softmax(dim=-1)
    by_ctc = place_tokens(log_probs, tokens, model.units)
    if by_ctc is None:
        return None
    alignments = model.decoder(torch.tensor([[BOS, *tokens]]), model.prepare(encoded))[1]
    by_attention = align_by_attention(alignments[0, : len(tokens)])
    seconds = len(spoken.sound) / recognizer.sample_rate
    return Placed(tokens, by_ctc, by_attention, len(log_probs), seconds, spoken.starts)


def errors_of(recognizer: Recognizer, placed: list[Placed], field: str) -> npt.NDArray[Any]:
    """Returns how much later words begin than is known, in ms, by CTC or by attention."""
    errors = []
    for one in placed:
        words = of_words.spelt_words(recognizer.tokenizer, one.tokens)
        places = getattr(one, field)
        times = of_words.word_times(words, places, num_frames=one.num_frames, seconds=one.seconds)
        pairs = zip(times, one.starts, strict=True)
        errors += [start - known for (start, _), known in pairs if known is not None]
    return np.array(errors) * 1000


def main() -> None:
    """Prints a row a cap."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("cuts", type=Path)
    parser.add_argument("--beside", choices=["espeak", "pocketsphinx"], default="espeak")
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--caps", type=float, nargs="+", default=[0, 0.04, 0.08, 0.12, 0.2])
    arguments = parser.parse_args()
    recognizer = load_recognizer(arguments.model, "cpu")
    cuts = list(checked_cuts(arguments.cuts))
    cuts = cuts[:: max(1, len(cuts) // arguments.utterances)][: arguments.utterances]
    known = (synthesised if arguments.beside == "espeak" else recorded)(recognizer, cuts)
    placed = [one for one in (place(recognizer, spoken) for spoken in known) if one is not None]
    print(f"{len(placed)} utterances; CTC finds no path for the others that are aligned")
    print("| cap (s) | words | median (ms) | 90 of 100 below | late by | attention | 90 of 100 |")
    print("|---|---|---|---|---|---|---|")
    for cap in arguments.caps:
        with mock.patch.object(of_words, "MOST_SECONDS", cap):
            late = errors_of(recognizer, placed, "by_ctc")
            looked = np.abs(errors_of(recognizer, placed, "by_attention"))
        size = np.abs(late)
        cells = [np.median(size), np.percentile(size, 90), late.mean()]
        cells += [np.median(looked), np.percentile(looked, 90)]
        row = [f"{cap:g}", str(len(late)), *(f"{value:.0f}" for value in cells)]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
