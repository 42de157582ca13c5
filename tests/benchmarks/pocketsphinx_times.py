"""Says when each word begins, as PocketSphinx's forced alignment with its own English model has it.

    echo '["utterance.wav", "SHE HAD YOUR DARK SUIT"]' | python pocketsphinx_times.py

A line of JSON each way; seconds, or null where it finds no alignment or does not know a word. It
runs in an environment of its own: tests/benchmarks/pocketsphinx.txt.
"""

import json
import re
import sys

import soundfile
from pocketsphinx import Decoder


def main() -> None:
    """Answers line by line."""
    decoder = Decoder(samprate=16000, bestpath=False, loglevel="FATAL")
    for line in sys.stdin:
        path, text = json.loads(line)
        samples, rate = soundfile.read(path, dtype="int16")
        assert rate == 16000
        print(json.dumps(starts_of(decoder, samples.tobytes(), text.lower())), flush=True)


def starts_of(decoder: Decoder, samples: bytes, text: str) -> list[float] | None:
    """Returns the second in which each word of a text begins."""
    try:
        decoder.set_align_text(text)
    except RuntimeError:  # a word that its dictionary lacks
        return None
    decoder.start_utt()
    decoder.process_raw(samples, full_utt=True)
    decoder.end_utt()
    found = [
        (re.sub(r"\(\d+\)$", "", segment.word), segment.start_frame / 100)
        for segment in decoder.seg() or ()
        if segment.word[0] not in "<["
    ]
    same = [word for word, _ in found] == text.split()
    return [start for _, start in found] if same else None


if __name__ == "__main__":
    main()
