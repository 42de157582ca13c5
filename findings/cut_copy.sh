#!/usr/bin/env bash
# A piece cut out of a recording with ffmpeg's -c copy is another piece in Ogg Vorbis, and unreadable to libsndfile in FLAC.
#
# Expected: "-ss 5 -t 4 -c copy" keeps whole packets, so the piece begins within a packet of second 5 and
# lasts 4 s, as it does in wav and mp3; its header tells its own length.
# Seen with ffmpeg 7.0.2 (imageio-ffmpeg 0.6.0): in Ogg Vorbis it begins where a page does, up to 0.9 s early,
# and says that it lasts 4 s. libsndfile 1.2.2 (soundfile 0.14.0) reads the first 4 s of it, so that the last 0.9 s
# of what was wanted are gone; ffmpeg and PyAV 18.1.0 read 4.9 s of the same file. Neither warns. In FLAC the piece
# keeps the length of the whole in its header, 20 s, which PyAV repeats, and libsndfile refuses to read it.
# Whoever cuts utterances out of long recordings so has words in the text that are not in the audio, and
# others in the audio. Cut by decoding: leave out -c copy.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  av==18.1.0 imageio-ffmpeg==0.6.0 numpy==2.4.6 soundfile==0.14.0
cat > "$folder/cut.py" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import soundfile

RATE, START, LENGTH = 16_000, 5, 4
folder = Path(sys.argv[1])
print("ffmpeg", imageio_ffmpeg.get_ffmpeg_version(), "soundfile", soundfile.__version__,
      soundfile.__libsndfile_version__, "PyAV", av.__version__)
noise = np.cumsum(np.random.default_rng(0).standard_normal(20 * RATE))
sound = noise - np.convolve(noise, np.ones(40) / 40, "same")
sound *= 0.8 / np.abs(sound).max()


def ffmpeg(*options: str | Path) -> bytes:
    """Runs it and returns what it wrote to its standard output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, options)]
    return subprocess.run(command, check=True, capture_output=True).stdout


def begins(samples: np.ndarray) -> float:
    """Returns at which second of the whole the piece begins."""
    size = 2**19
    spectra = np.conj(np.fft.rfft(samples, size)) * np.fft.rfft(sound, size)
    return int(np.argmax(np.fft.irfft(spectra / (np.abs(spectra) + 1e-9), size))) / RATE


def read_by_libsndfile(path: Path) -> tuple[float, float] | str:
    """Returns where the piece begins and how long it is, in seconds; or what was said."""
    try:
        samples, rate = soundfile.read(path)
    except soundfile.LibsndfileError as error:
        return str(error)
    assert rate == RATE
    return round(begins(samples), 1), round(len(samples) / RATE, 1)


def read_by_ffmpeg(path: Path) -> tuple[float, float]:
    """The same by ffmpeg."""
    samples = np.frombuffer(ffmpeg("-i", path, "-ar", RATE, "-f", "s16le", "-"), "<i2") / 32768
    return round(begins(samples), 1), round(len(samples) / RATE, 1)


soundfile.write(folder / "whole.wav", sound, RATE)
SEEN = {  # libsndfile's and ffmpeg's begin and length; the header's length by PyAV
    "wav": ((5.0, 4.0), (5.0, 4.0), 4.0),
    "mp3": ((5.0, 4.0), (5.0, 4.0), 4.0),
    "ogg": ((4.1, 4.0), (4.1, 4.9), 4.0),
    "flac": ("Internal psf_fseek() failed.", (5.0, 4.0), 20.0),
}
found = {}
for kind in SEEN:
    whole, piece = folder / f"whole.{kind}", folder / f"piece.{kind}"
    if kind != "wav":
        ffmpeg("-i", folder / "whole.wav", *(["-c:a", "libvorbis"] if kind == "ogg" else []), whole)
    ffmpeg("-ss", START, "-t", LENGTH, "-i", whole, "-c", "copy", piece)
    with av.open(str(piece)) as container:
        says = round(container.duration / 1e6, 1)
    found[kind] = (read_by_libsndfile(piece), read_by_ffmpeg(piece), says)
    print(f"{kind}: begins at and lasts, by libsndfile: {found[kind][0]}, by ffmpeg: {found[kind][1]} s; says {says} s")
if found != SEEN:
    sys.exit(f"this has changed: {SEEN} is expected")
PYTHON
"$folder/venv/bin/python" "$folder/cut.py" "$folder"
