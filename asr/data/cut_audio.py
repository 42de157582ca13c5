"""The audio of a cut: loaded, found on the disk, and written without loss."""

import io
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import soundfile

from asr.audio.files import AudioInfo, audio_info
from asr.data.cut_lines import is_mix
from asr.data.exact import Channels, exact
from asr.data.manifest import Cut, audio_names, is_whole
from asr.errors import DataError, in_short

EXTRA_INFO = "[extra info]"  # what lhotse puts between an error and the call that raised it
FULL_SCALE = 32768  # of 16-bit samples
MOST_FLAC_CHANNELS, MOST_FLAC_HZ = 8, 655_350


class PlainSource(NamedTuple):
    """The one mono file, as it lies on the disk, that a cut is a stretch of."""

    path: Path
    info: AudioInfo
    is_whole: bool  # the cut is all of the file


def load_channels(cut: Cut) -> Channels:
    """Returns a cut's samples (C, N), all of them, as transcribing reads them.

    Raises:
        DataError: the audio cannot be read, or is shorter than the manifest says.
    """
    try:
        channels: Channels = exact(cut).load_audio()
        if channels.shape[-1] != cut.num_samples:
            raise ValueError(f"{channels.shape[-1]} of {cut.num_samples} samples are there")
    except Exception as error:  # lhotse and libsndfile raise many kinds
        sources = ", ".join(audio_names(cut))
        raise DataError(
            f'utterance "{cut.id}": {sources} cannot be read ({_reason(error)}); replace '
            "the file or remove the utterance from the manifest"
        ) from None
    return channels


def _reason(error: Exception) -> str:
    """Returns what an error says, without the call that lhotse writes behind it."""
    said = str(error).split(EXTRA_INFO)[0].strip()
    return in_short(DataError(said) if said else error)


def plain_source(cut: Cut) -> PlainSource | None:
    """Returns the file that a cut plays as it stands; None where there is no such file.

    There is none for a mix, a perturbed or resampled recording, one of several channels or files,
    one that is not a file, and one whose file is not as the manifest says.

    Raises:
        DataError: the file is missing, damaged, or not audio.
    """
    recording = None if is_mix(cut) else cut.recording
    if recording is None or recording.transforms or len(recording.sources) != 1:
        return None
    (source,) = recording.sources
    if source.type != "file":
        return None
    status = Path(source.source).stat()
    info = _header(str(source.source), status.st_size, status.st_mtime_ns)
    promised = (1, recording.sampling_rate, recording.num_samples)
    if (info.num_channels, info.sample_rate, info.num_frames) != promised:
        return None
    return PlainSource(Path(source.source).absolute(), info, is_whole(cut))


@lru_cache(maxsize=1000)  # the parts of a recording mostly come one after the other
def _header(path: str, *_stamp: int) -> AudioInfo:
    return audio_info(path)


def encode_flac(channels: Channels, sample_rate: int) -> bytes | None:
    """Returns a FLAC file of samples (C, N), of 16 or 24 bits; None where it would lose some."""
    if len(channels) > MOST_FLAC_CHANNELS or sample_rate > MOST_FLAC_HZ:
        return None
    for bits in (16, 24):
        scaled = channels.astype(np.float64) * 2 ** (bits - 1)
        rounded = np.rint(scaled)
        if np.array_equal(scaled, rounded) and (np.abs(rounded + 0.5) < 2 ** (bits - 1)).all():
            samples = (rounded * 2 ** (32 - bits)).astype(np.int32)
            return _encode(samples, sample_rate, f"PCM_{bits}", kind="FLAC")
    return None


def fits_16_bits(channels: Channels) -> bool:
    """Returns whether 16-bit samples tell samples (C, N) exactly."""
    scaled = channels.astype(np.float32) * FULL_SCALE  # exact: a power of two
    return np.array_equal(scaled, np.rint(scaled)) and _in_range(scaled)


def encode_wav(channels: Channels, sample_rate: int) -> bytes:
    """Returns a wav file of samples (C, N): 16-bit where that loses nothing, else 32-bit float."""
    if fits_16_bits(channels):
        return encode_wav16(channels, sample_rate, name="waveform")
    return _encode(channels, sample_rate, "FLOAT")


def encode_wav16(channels: Channels, sample_rate: int, *, name: str) -> bytes:
    """Returns a 16-bit wav file of samples (C, N), rounded where 16 bits cannot tell them.

    Raises:
        DataError: a sample is beyond full scale or no number; `name` says of what.
    """
    scaled = np.rint(channels.astype(np.float32) * FULL_SCALE)
    if not _in_range(scaled):
        peak = float(np.abs(channels).max())
        raise DataError(
            f"{name}: its peak is {peak:.3f} of full scale; 16-bit samples must be below 1 "
            "(make it quieter, or export to a format that takes 32-bit samples: nemo, huggingface)"
        )
    return _encode(scaled.astype(np.int16), sample_rate, "PCM_16")


def _in_range(scaled: Channels) -> bool:
    """Returns whether all samples, times FULL_SCALE, are in the range of 16 bits; NaN is not."""
    return bool(((scaled >= -FULL_SCALE) & (scaled < FULL_SCALE)).all())


def _encode(
    samples: npt.NDArray[np.generic], sample_rate: int, subtype: str, *, kind: str = "WAV"
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples.T, sample_rate, format=kind, subtype=subtype)
    return file.getvalue()
