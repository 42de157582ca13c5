"""How far are word times from those of synthesised speech, and which cap makes them best?

    python tests/benchmarks/word_times.py MODEL DEV.jsonl.gz [--caps 0 0.04 0.08 0.12 0.2]

The texts of a synthetic manifest are spoken by eSpeak NG once more, which says when words begin
(its word events; where it leaves one out, as the first of a Korean sentence, the word is not
counted). Times are those of the spoken text, forced, so that the recognizer's errors do not count.
The cap (MOST_SECONDS in asr/evidence/words.py) is chosen on a dev set.
"""

import argparse
import ctypes
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import soxr
import torch

from asr.data.manifest import checked_cuts
from asr.evidence import words as of_words
from asr.evidence.places import Place, align_by_ctc
from asr.recipes.espeak import load_espeak
from asr.recognition import encode_padded
from asr.use.recognizer import Recognizer, load_recognizer

WORD_EVENT = 1


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


@torch.inference_mode()
def place(recognizer: Recognizer, sound: npt.NDArray[np.float32], text: str) -> Any:
    """Returns tokens, their places, and how many frames there are; None without a path."""
    tokens = recognizer.tokenizer.encode(text)
    waveforms, lengths = torch.from_numpy(sound)[None], torch.tensor([len(sound)])
    encoded = encode_padded(recognizer.model, waveforms, lengths, options=recognizer.options)
    log_probs = recognizer.model.ctc(encoded.values)[0].log_softmax(dim=-1)
    places: list[Place] | None = align_by_ctc(log_probs, tokens)
    return None if places is None else (tokens, places, len(log_probs))


def main() -> None:
    """Prints a row a cap."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("cuts", type=Path)
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--caps", type=float, nargs="+", default=[0, 0.04, 0.08, 0.12, 0.2])
    arguments = parser.parse_args()
    recognizer, speaker = load_recognizer(arguments.model, "cpu"), Speaker()
    cuts = list(checked_cuts(arguments.cuts))
    spoken = []
    for cut in cuts[:: max(1, len(cuts) // arguments.utterances)][: arguments.utterances]:
        text = recognizer.tokenizer.normalize(cut.supervisions[0].text)
        voice = "+".join(cut.supervisions[0].speaker.rsplit("-", 1))
        sound, starts = speaker.speak(text, voice, recognizer.sample_rate)
        found = place(recognizer, sound, text)
        if found is not None:
            spoken.append((found, len(sound) / recognizer.sample_rate, starts))
    print("| cap (s) | words | median error (ms) | 90 of 100 below (ms) | mean lateness (ms) |")
    print("|---|---|---|---|---|")
    for cap in arguments.caps:
        errors = []
        with mock.patch.object(of_words, "MOST_SECONDS", cap):
            for (tokens, places, num_frames), seconds, starts in spoken:
                words = of_words.spelt_words(recognizer.tokenizer, tokens)
                times = of_words.word_times(words, places, num_frames=num_frames, seconds=seconds)
                pairs = zip(times, starts, strict=True)
                errors += [start - known for (start, _), known in pairs if known is not None]
        late = np.array(errors) * 1000
        size = np.abs(late)
        cells = [np.median(size), np.percentile(size, 90), late.mean()]
        row = [f"{cap:g}", str(len(late)), *(f"{value:.0f}" for value in cells)]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
