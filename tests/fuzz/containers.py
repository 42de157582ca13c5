"""Recordings that FFmpeg's libraries read, damaged: heard in all their length, or refused.

An amr, aac or ts is frames one after another, and an end between two of them cannot be seen.
"""

from pathlib import Path

import numpy as np
from damage import damage
from trying import Attempt, Verdict

from asr.audio.files import read_audio
from asr.errors import DataError

RATE, SECONDS = 16000, 2.3
KINDS = {  # name -> coding, rate, format, options
    "x.m4a": ("aac", RATE, None, {}),
    "fast.m4a": ("aac", RATE, None, {"movflags": "faststart"}),
    "fragments.mp4": ("aac", RATE, "mp4", {"movflags": "frag_keyframe+empty_moov"}),
    "x.webm": ("libopus", 48000, None, {}),
    "x.mka": ("aac", RATE, "matroska", {}),
    "x.aac": ("aac", RATE, "adts", {}),
    "x.amr": ("libopencore_amrnb", 8000, None, {}),
    "x.3gp": ("libopencore_amrnb", 8000, None, {}),
    "x.avi": ("aac", 44100, None, {}),
    "x.flv": ("aac", 44100, None, {}),
    "x.ts": ("aac", RATE, "mpegts", {}),
    "x.wv": ("wavpack", 44100, None, {}),
}
WITHOUT_LENGTH = ("x.aac", "x.amr", "x.ts")
LOST_SECONDS = 0.4  # of a container whose times are rounded, and whose frames are long


def make_originals(folder: Path) -> None:
    """Writes one file of each kind: noise that is loud at its end."""
    import av

    for name, (coding, rate, form, options) in KINDS.items():
        noise = 0.1 * np.random.default_rng(0).standard_normal((1, round(SECONDS * rate)))
        with av.open(str(folder / name), "w", format=form, container_options=options) as out:
            track = out.add_stream(coding, rate=rate, layout="mono")
            frame = av.AudioFrame.from_ndarray(noise.astype(np.float32), "fltp", "mono")
            frame.sample_rate, frame.pts = rate, 0
            out.mux(track.encode(frame))
            out.mux(track.encode(None))


def attempt(given: Attempt) -> Verdict:
    """Damages one file, and reads it."""
    name = given.rng.choice(list(KINDS))
    data, what = damage((given.originals / name).read_bytes(), given.rng)
    path = given.folder / f"damaged-{name}"
    path.write_bytes(data)
    about = f"{name} {what}"
    try:
        seconds = len(read_audio(path, RATE)) / RATE
    except DataError as refusal:
        return Verdict("refused" if str(path) in str(refusal) else "traceback", about)
    if seconds < SECONDS - LOST_SECONDS and name not in WITHOUT_LENGTH:
        return Verdict("lost data", f"{about}: {seconds:.2f} of {SECONDS} s")
    return Verdict("right", about)
