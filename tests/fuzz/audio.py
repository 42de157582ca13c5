"""Audio files, damaged: read in all their length, the same by every way of reading, or refused."""

from pathlib import Path

import numpy as np
import soundfile
from damage import damage
from trying import Attempt, Verdict

from asr.audio.files import audio_info, read_audio
from asr.data.cut_audio import load_channels
from asr.errors import DataError
from asr.recipes.manifests import make_cut, read_any_header

RATE, SECONDS = 16000, 2.3
# suffix: container, coding and options of libsndfile
KINDS = {
    "pcm16.wav": ("WAV", "PCM_16", {}),
    "pcm24.wav": ("WAV", "PCM_24", {}),
    "float.wav": ("WAV", "FLOAT", {}),
    "mulaw.wav": ("WAV", "ULAW", {}),
    "adpcm.wav": ("WAV", "IMA_ADPCM", {}),
    "extensible.wav": ("WAVEX", "PCM_16", {}),
    "rf64.wav": ("RF64", "PCM_16", {}),
    "x.w64": ("W64", "PCM_16", {}),
    "x.caf": ("CAF", "PCM_16", {}),
    "x.aiff": ("AIFF", "PCM_16", {}),
    "x.au": ("AU", "PCM_16", {}),
    "x.sph": ("NIST", "PCM_16", {}),
    "x.flac": ("FLAC", "PCM_16", {}),
    "vorbis.ogg": ("OGG", "VORBIS", {}),
    "x.opus": ("OGG", "OPUS", {}),
    "cbr.mp3": ("MP3", "MPEG_LAYER_III", {"bitrate_mode": "CONSTANT"}),
    "vbr.mp3": ("MP3", "MPEG_LAYER_III", {"bitrate_mode": "VARIABLE"}),
}


def make_originals(folder: Path) -> None:
    """Writes one file of each kind: noise that is loud at its end, so that a lost end shows."""
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(SECONDS * RATE))
    noise[-2000:] *= 3
    for name, (container, subtype, options) in KINDS.items():
        soundfile.write(folder / name, noise, RATE, format=container, subtype=subtype, **options)


def attempt(given: Attempt) -> Verdict:
    """Damages one file, and reads it as `transcribe`, `prepare` and `decode` do."""
    original = given.originals / given.rng.choice(list(KINDS))
    data, what = damage(original.read_bytes(), given.rng)
    path = given.folder / original.name.replace(".", f"-{what}.")
    path.write_bytes(data)
    about = f"{original.name} {what}"
    try:
        rate = audio_info(path).sample_rate
        heard = read_audio(path, rate)
    except DataError as refusal:
        return Verdict("refused" if str(path) in str(refusal) else "traceback", about)
    truth = audio_info(original)
    if len(heard) < truth.num_frames and not _is_undetectable(original.name, what, data):
        return Verdict("lost data", f"{about}: {len(heard)} of {truth.num_frames} samples")
    header = read_any_header(path)
    if header.num_samples != len(heard):
        return Verdict(
            "wrong success", f"{about}: prepared {header.num_samples}, {len(heard)} read"
        )
    cut = make_cut("u", header._replace(num_channels=1), text="a", speaker="s", language="en")
    if not np.array_equal(load_channels(cut).mean(axis=0), heard):
        return Verdict("wrong success", f"{about}: decode hears other samples than transcribe")
    return Verdict("right", about)


def _is_undetectable(name: str, what: str, data: bytes) -> bool:
    return False
