#!/usr/bin/env bash
# pedalboard reads mp3 files 69 ms late and 80 ms too long, where other readers give back what was written.
#
# Expected: an encoder of mp3 notes in the file how much silence it put before and after the sound, and readers
# take that away: ten seconds come back as ten seconds, each sample in its place.
# Seen with pedalboard 0.9.26: ten seconds at 16 kHz, written by libsndfile 1.2.2 (soundfile 0.14.0), begin 69 ms
# late and have 1,280 samples more; soundfile and miniaudio 1.71 read the same file to the sample. FLAC and wav are
# right in all three. Nothing warns.
# Who augments a corpus of mp3 (Common Voice) with it, beside times of words from elsewhere, is seven frames off. Read
# with soundfile and give pedalboard's effects the samples.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  miniaudio==1.71 numpy==2.4.6 pedalboard==0.9.26 soundfile==0.14.0
cat > "$folder/late.py" <<'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import miniaudio
import numpy as np
import soundfile
from pedalboard.io import AudioFile

RATE, SIZE = 16_000, 2**19
folder = Path(sys.argv[1])
print(*(f"{name} {version(name)}" for name in ("pedalboard", "miniaudio", "soundfile")), soundfile.__libsndfile_version__)
noise = np.cumsum(np.random.default_rng(0).standard_normal(10 * RATE))
sound = noise - np.convolve(noise, np.ones(40) / 40, "same")
sound = (0.7 * sound / np.abs(sound).max()).astype("f4")


def away(samples: np.ndarray) -> tuple[int, int]:
    """Returns how many samples late the sound is, and how many more there are."""
    spectra = np.conj(np.fft.rfft(sound, SIZE)) * np.fft.rfft(samples, SIZE)
    late = int(np.argmax(np.fft.irfft(spectra / (np.abs(spectra) + 1e-9), SIZE)))
    return (late if late < SIZE // 2 else late - SIZE), len(samples) - len(sound)


def by_pedalboard(path: Path) -> np.ndarray:
    """Returns the samples."""
    with AudioFile(str(path)) as file:
        return file.read(file.frames)[0]


def by_miniaudio(path: Path) -> np.ndarray:
    """Returns the samples."""
    kind = miniaudio.SampleFormat.FLOAT32
    return np.frombuffer(miniaudio.decode_file(str(path), kind, 1, RATE).samples, "f4")


found = {}
for kind in ("mp3", "flac", "wav"):
    soundfile.write(path := folder / f"sound.{kind}", sound, RATE)
    read = (by_pedalboard(path), by_miniaudio(path), soundfile.read(path)[0])
    found[kind] = [away(samples) for samples in read]
    print(f"{kind}: samples late and more, by pedalboard, miniaudio, soundfile: {found[kind]}")
right = [(0, 0)] * 3
if found != {"mp3": [(1105, 1280), (0, 0), (0, 0)], "flac": right, "wav": right}:
    sys.exit("this has changed: mp3 is expected 1105 samples late and 1280 longer by pedalboard alone")
PYTHON
"$folder/venv/bin/python" "$folder/late.py" "$folder"
