"""Many lines of speech into wav files, the same bytes each time.

What eSpeak NG says depends a little on everything it said before. So lines are spoken in blocks of
a fixed size, each by a process of its own that starts afresh: `python -m asr.recipes.speaking`,
with the block's lines as JSON on standard input and its numbers of samples as JSON on standard
output.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from asr.errors import AsrError, DataError
from asr.machine.cores import usable_cores
from asr.recipes.espeak import load_espeak

SAMPLE_RATE = 16_000  # Hz, of the wav files
LINES_PER_BLOCK = 250  # part of what decides the samples: changing it changes the corpus


class Line(NamedTuple):
    """One thing to say, how, and the wav file for it.

    Attributes:
        text: what to say.
        voice: eSpeak's name of it, such as `en-us+f2`.
        words_per_minute: speaking rate.
        pitch: 0 to 99, 50 is the voice's own.
        pitch_range: 0 to 99, 50 is the voice's own.
        path: the wav file.
    """

    text: str
    voice: str
    words_per_minute: int
    pitch: int
    pitch_range: int
    path: str


def speak_lines(lines: Sequence[Line], say: Callable[[str], None]) -> list[int]:
    """Returns the number of samples in each line's wav file: 16 bit, mono, 16 kHz.

    Raises:
        DataError: eSpeak NG is missing, refuses a voice or stops, or a file cannot be written.
    """
    blocks = [lines[at : at + LINES_PER_BLOCK] for at in range(0, len(lines), LINES_PER_BLOCK)]
    for folder in sorted({Path(line.path).parent for line in lines}):
        folder.mkdir(parents=True, exist_ok=True)
    num_samples: list[int] = []
    with ThreadPoolExecutor(usable_cores().number) as pool:
        try:
            for spoken in pool.map(_speak_block_apart, blocks):
                num_samples.extend(spoken)
                say(f"{len(num_samples)} of {len(lines)} utterances spoken")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return num_samples


def _speak_block_apart(block: Sequence[Line]) -> list[int]:
    """Returns what `_speak_block` returns, from a new process."""
    here = str(Path(__file__).resolve().parent.parent)
    search_path = os.pathsep.join(filter(None, (here, os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "asr.recipes.speaking"],
        input=json.dumps(block),
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": search_path, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )
    if done.returncode == 2:
        raise DataError(done.stderr.strip())
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2] or "no message"
        raise DataError(
            f"eSpeak NG stopped with status {done.returncode} ({last}) while "
            f'speaking {len(block)} lines from "{block[0].text}" on (run the command again)'
        )
    spoken: list[int] = json.loads(done.stdout)
    return spoken


def _speak_block(block: Sequence[Line]) -> list[int]:
    """Returns the number of samples of each line, after speaking all of them in this process."""
    import numpy as np
    import soundfile
    import soxr  # type: ignore[import-untyped, unused-ignore]

    espeak = load_espeak()
    num_samples = []
    for line in block:
        samples = espeak.speak(
            line.text,
            voice=line.voice,
            words_per_minute=line.words_per_minute,
            pitch=line.pitch,
            pitch_range=line.pitch_range,
        )
        # in floating point: 16-bit results of soxr were seen to differ by a step between runs
        resampled = soxr.resample(samples.astype(np.float32), espeak.sample_rate, SAMPLE_RATE)
        samples = np.clip(np.rint(resampled), -32768, 32767).astype(np.int16)
        try:
            soundfile.write(line.path, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
        except (OSError, soundfile.SoundFileError) as error:
            raise DataError(
                f"{line.path}: cannot be written: {error} (free some space or give another --out)"
            ) from error
        num_samples.append(len(samples))
    return num_samples


def _main() -> int:
    try:
        spoken = _speak_block([Line(*fields) for fields in json.load(sys.stdin)])
    except AsrError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(spoken))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
