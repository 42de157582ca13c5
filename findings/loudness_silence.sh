#!/usr/bin/env bash
# pyloudnorm turns a silent recording into numbers that are none, and a very quiet one into infinities.
#
# Expected: a recording without sound, brought to a loudness, stays silent or is refused.
# Seen with pyloudnorm 0.2.0: Meter.integrated_loudness of silence is minus infinity, and normalize.loudness to
# -23 LUFS makes NaN of each sample. It is minus infinity as well where sound is there, but no block of 0.4 s reaches the
# gate of -70 LUFS: noise of 1e-5 of full scale comes back as plus and minus infinity. numpy warns of an invalid value
# in the first case, and pyloudnorm of possible clipping in the second; the arrays are returned.
# One muted recording in a corpus then makes NaN of a batch's features, of statistics taken over all of it, or, in wav
# files of whole numbers, noise at full scale. Ask whether the loudness is finite before changing it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyloudnorm==0.2.0 numpy==2.4.6 scipy==1.17.1
cat > "$folder/silence.py" <<'PYTHON'
import sys
import warnings
from importlib.metadata import version

import numpy as np
import pyloudnorm

print(", ".join(f"{name} {version(name)}" for name in ("pyloudnorm", "numpy")))
RATE = 16000
noise = np.random.default_rng(1).standard_normal(2 * RATE)
recordings = {"silence": 0 * noise, "noise of 1e-5": 1e-5 * noise, "noise of 0.01": 0.01 * noise}
found = {}
for name, samples in recordings.items():
    loudness = pyloudnorm.Meter(RATE).integrated_loudness(samples)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        brought = pyloudnorm.normalize.loudness(samples, loudness, -23.0)
    found[name] = int(np.isnan(brought).sum()), int(np.isinf(brought).sum())
    print(f"{name}: {loudness:.1f} LUFS; afterwards {found[name][0]} NaN and {found[name][1]} infinite of {2 * RATE}")
    print("  warned:", sorted({str(one.message)[:70] for one in said}) or "nothing")
if found != {"silence": (2 * RATE, 0), "noise of 1e-5": (0, 2 * RATE), "noise of 0.01": (0, 0)}:
    sys.exit("this has changed: silence is expected to become NaN, and very quiet noise infinite")
PYTHON
"$folder/venv/bin/python" "$folder/silence.py"
