#!/usr/bin/env bash
# A part of an Opus file is not the same part of the whole, for seconds after a seek.
#
# Expected: RFC 7845 (section 4.6) asks for 80 ms of decoding ahead of a seek's target, so that samples
# read from there would be those of a reading from the start, at the latest 80 ms later.
# Seen with soundfile 0.14.0, which brings libsndfile 1.2.2: they differ for up to seconds, until the
# stream happens to change its mode, here by at most 0.027 of full scale. Ogg Vorbis, FLAC and wav give
# the same samples from the first one on. No error and no warning tells of it.
# Who trains on segments of long Opus recordings trains on slightly other samples than who cuts them
# out of the decoded whole; a model reads both alike, a test for equality does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.4.6 soundfile==0.14.0
cat > "$folder/seek.py" <<'PYTHON'
import io
import sys

import numpy as np
import soundfile

RATE = 16_000
print("soundfile", soundfile.__version__, "libsndfile", soundfile.__libsndfile_version__)
time = np.arange(40 * RATE) / RATE
noise = np.random.default_rng(0).standard_normal(len(time))
sound = 0.2 * np.sin(2 * np.pi * (200 + 5 * time) * time) * (1 + 0.5 * np.sin(7 * time)) + 0.02 * noise


def longest_difference(kind: str, subtype: str) -> float:
    """Returns for how many seconds after a seek samples differ from those of a whole reading."""
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, format=kind, subtype=subtype)
    file.seek(0)
    whole = soundfile.read(file, dtype="float32")[0]
    longest, largest, num_different, starts = 0, 0.0, 0, range(RATE // 2, 30 * RATE, 24_777)
    for start in starts:
        file.seek(0)
        part = soundfile.read(file, start=start, frames=9 * RATE, dtype="float32")[0]
        difference = np.abs(part - whole[start : start + len(part)])
        places = np.nonzero(difference)[0]
        num_different += len(places) > 0
        longest = max(longest, int(places[-1]) + 1 if len(places) else 0)
        largest = max(largest, float(difference.max()))
    print(
        f"{kind} {subtype}: {num_different} of {len(starts)} seeks differ, for up to "
        f"{longest / RATE:.3f} s, by at most {largest:.4f}"
    )
    return longest / RATE


others = [longest_difference(*form) for form in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"))]
opus = longest_difference("OGG", "OPUS")
if any(others) or opus <= 1.0:
    sys.exit("this has changed: Opus is expected to differ for more than 1 s, the others not at all")
PYTHON
"$folder/venv/bin/python" "$folder/seek.py"
