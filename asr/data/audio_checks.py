"""What is wrong with an utterance's samples: clipping, silence, an offset, a file that differs."""

import math
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asr.audio.channels import levels_of
from asr.audio.files import audio_info
from asr.data.cut_audio import load_channels
from asr.data.exact import Channels
from asr.data.manifest import Cut, recordings
from asr.errors import DataError

CLIPPED_AT = 0.999  # of full scale: a sample at least this large counts as clipped
MOST_CLIPPED = 0.001  # share of the samples; normalised speech reaches full scale once or twice
FRAME_SECONDS = 0.025
SILENT_DB = -60.0  # of full scale; below it there is nothing to hear
QUIET_DB = 40.0  # below the loudest frame; speech does not go down so far
MOST_SILENT = 0.8  # share of the frames
MOST_OFFSET = 0.02  # of full scale


class Flaw(NamedTuple):
    """One thing that cannot be used, or looks wrong."""

    id: str
    what: str
    value: str
    rule: str


class Heard(NamedTuple):
    """What reading the audio of an utterance told."""

    flaws: list[Flaw]
    digest: int | None  # of the samples: equal ones are the same audio; None if not readable


def check_audio(cut: Cut) -> Heard:
    """Returns what is wrong with the audio of a cut, whose files are there."""
    flaws = [Flaw(cut.id, *found) for found in _check_files(cut)]
    if flaws:
        return Heard(flaws, None)  # lhotse would refuse it with other words
    try:
        channels = load_channels(cut)
    except DataError as error:
        return Heard([Flaw(cut.id, "unreadable audio", str(error), "must be readable")], None)
    flaws += [Flaw(cut.id, *found) for found in check_samples(channels, cut.sampling_rate)]
    digest = blake2b(channels.tobytes(), digest_size=8).digest()
    return Heard(flaws, int.from_bytes(digest, "little", signed=True))


def check_samples(channels: Channels, sample_rate: int) -> list[tuple[str, str, str]]:
    """Returns what is wrong with samples (C, N): what, value, rule of each thing."""
    num_bad = int((~np.isfinite(channels)).sum())
    if num_bad:
        return [("not finite", f"{num_bad} samples", "every sample must be a number")]
    found = []
    clipped = float((np.abs(channels) >= CLIPPED_AT).mean())
    if clipped > MOST_CLIPPED:
        rule = f"at most {MOST_CLIPPED:.1%} of samples at full scale ({CLIPPED_AT})"
        found.append(("clipping", f"{clipped:.2%}", rule))
    levels = levels_of([channels.T])
    for what, value in (("channels cancel", levels.cancel()), ("silent channel", levels.silent())):
        if value:
            found.append((what, value, "all channels must be heard in their mean"))
    offset = float(np.abs(channels.mean(axis=1, dtype=np.float64)).max())
    if offset > MOST_OFFSET:
        found.append(("offset", f"{offset:.3f}", f"mean at most {MOST_OFFSET} of full scale"))
    return found + _check_levels(channels.mean(axis=0), sample_rate)


def _check_levels(mono: npt.NDArray[np.float32], sample_rate: int) -> list[tuple[str, str, str]]:
    centred = mono - mono.mean(dtype=np.float64)
    level = _decibels(float(np.mean(centred**2)))
    if level < SILENT_DB:
        return [("silence", f"{level:.0f} dB", f"level at least {SILENT_DB:g} dB of full scale")]
    size = max(1, min(len(mono), round(FRAME_SECONDS * sample_rate)))
    frames = centred[: len(centred) // size * size].reshape(-1, size)  # (frames, samples)
    power = np.mean(frames**2, axis=1)
    loudest = _decibels(float(power.max()))
    quiet = float((power < 10 ** (max(SILENT_DB, loudest - QUIET_DB) / 10)).mean())
    if quiet <= MOST_SILENT:
        return []
    rule = (
        f"at most {MOST_SILENT:.0%} of frames of {FRAME_SECONDS * 1000:g} ms more than "
        f"{QUIET_DB:g} dB below the loudest, or below {SILENT_DB:g} dB"
    )
    return [("mostly silence", f"{quiet:.0%} of frames", rule)]


def _decibels(power: float) -> float:
    return 10 * math.log10(power) if power > 0 else -math.inf


def _check_files(cut: Cut) -> list[tuple[str, str, str]]:
    """Returns how the files of a cut differ from what the manifest says of them."""
    found = []
    for recording in recordings(cut):
        for source in recording.sources:
            if source.type != "file" or recording.transforms:
                continue  # a transform changes what the recording promises
            try:
                info = audio_info(source.source)
            except DataError as error:
                found.append(("unreadable audio", str(error), "must be readable"))
                continue
            if info.sample_rate != recording.sampling_rate:
                rule = f"the manifest says {recording.sampling_rate} Hz"
                found.append(("wrong rate", f"{info.sample_rate} Hz", rule))
            elif info.num_frames < recording.num_samples:
                rule = f"the manifest says {recording.duration:.3f} s"
                found.append(("shorter audio", f"{info.seconds:.3f} s", rule))
    return found
