"""The audio of KsponSpeech: raw PCM, which no reader knows for audio, and its copies in FLAC.

A copy is written whole or not at all, so a run that was interrupted goes on where it stopped.
"""

import io
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import soundfile

from asr.errors import DataError
from asr.files import whole_file
from asr.machine.cores import usable_cores
from asr.recipes.manifests import read_header

SAMPLE_RATE = 16000  # Hz
BYTES_PER_SAMPLE = 2
MOST_THREADS = 8
SLICE = 1024  # files in the hands of the threads at a time
SAY_EVERY = 20  # slices
LIKELY_SIZE = 0.55  # of a copy, as a share of its PCM
LEAST_SIZE = 0.4
WAY_OUT = "free some space or give another --out; the copies that are written are kept"
WAV = b"RIFF"  # the first bytes of a file that has a header after all

Done = TypeVar("Done")


class Recording(NamedTuple):
    """One audio file of the corpus."""

    path: str
    num_bytes: int
    copy_path: str  # of its copy in FLAC; empty where the file is read as it is


class Audio(NamedTuple):
    """A file that can be read, of 16 kHz and one channel."""

    path: str
    num_samples: int
    has_half_sample: bool = False  # at the end of its PCM, and left off


def make_readable(
    recordings: Sequence[Recording], folder: Path, say: Callable[[str], None]
) -> list[Audio | str]:
    """Returns for each recording, in order, a file that can be read, or what is wrong with it.

    Args:
        recordings: PCM is copied, unless its copy is there, as long, and not older.
        folder: that all the copies go to.
        say: called with each line of progress.

    Raises:
        DataError: the copies do not fit on the disk, or cannot be written.
    """
    found = _in_threads(_find, recordings, lambda _: None)
    missing = [number for number, audio in enumerate(found) if audio is None]
    if missing:
        todo = [recordings[number] for number in missing]
        _announce(todo, folder, say)
        copies = _in_threads(
            _copy, todo, lambda count: say(f"{count:,} of {len(todo):,} recordings copied")
        )
        for number, audio in zip(missing, copies, strict=True):
            found[number] = audio
    return [audio for audio in found if audio is not None]


def _in_threads(
    work: Callable[[Recording], Done], recordings: Sequence[Recording], say: Callable[[int], None]
) -> list[Done]:
    done: list[Done] = []
    with ThreadPoolExecutor(min(MOST_THREADS, usable_cores().number)) as pool:
        for start in range(0, len(recordings), SLICE):
            done += pool.map(work, recordings[start : start + SLICE])
            if (start // SLICE + 1) % SAY_EVERY == 0:
                say(len(done))
    return done


def _find(recording: Recording) -> Audio | str | None:
    """Returns the readable file if it is there, or what is wrong; None where it is to be made."""
    try:
        if not recording.copy_path:
            return Audio(recording.path, _num_samples_of_file(Path(recording.path)))
        num_samples = _num_samples(recording)
    except DataError as error:
        return str(error)
    try:
        if os.stat(recording.copy_path).st_mtime_ns < os.stat(recording.path).st_mtime_ns:
            return None  # of other PCM, replaced since
        info = soundfile.info(recording.copy_path)
    except (OSError, soundfile.SoundFileError):
        return None
    if (info.frames, info.samplerate) != (num_samples, SAMPLE_RATE):
        return None  # of another corpus
    return Audio(recording.copy_path, num_samples, _has_half_sample(recording))


def _num_samples(recording: Recording) -> int:
    path = Path(recording.path)
    try:
        with open(path, "rb") as file:
            start = file.read(len(WAV))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if start == WAV:
        return _num_samples_of_file(path)
    if recording.num_bytes < BYTES_PER_SAMPLE:
        raise DataError(f"{path}: {recording.num_bytes} bytes; must hold samples of two bytes")
    return recording.num_bytes // BYTES_PER_SAMPLE


def _has_half_sample(recording: Recording) -> bool:
    return recording.num_bytes % BYTES_PER_SAMPLE != 0


def _num_samples_of_file(path: Path) -> int:
    header = read_header(path)
    if header.sample_rate != SAMPLE_RATE:
        raise DataError(f"{path}: {header.sample_rate} Hz; must be {SAMPLE_RATE}")
    return header.num_samples


def _copy(recording: Recording) -> Audio | str:
    """Returns the copy, made now, or what is wrong with the recording."""
    try:
        samples = _samples(Path(recording.path).read_bytes())
    except (OSError, soundfile.SoundFileError) as error:
        return f"{recording.path}: cannot be read: {error}"
    flac = io.BytesIO()
    soundfile.write(flac, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    # Not durable: there are hundreds of thousands, and the next run looks at each again.
    with whole_file(Path(recording.copy_path), DataError, way_out=WAY_OUT, durable=False) as file:
        file.write(flac.getbuffer())
    return Audio(recording.copy_path, len(samples), _has_half_sample(recording))


def _samples(data: bytes) -> npt.NDArray[np.int16]:
    if data.startswith(WAV):
        read: npt.NDArray[np.int16] = soundfile.read(io.BytesIO(data), dtype="int16")[0]
        return read
    return np.frombuffer(data, "<i2", count=len(data) // BYTES_PER_SAMPLE)


def _announce(todo: Sequence[Recording], folder: Path, say: Callable[[str], None]) -> None:
    """Says what is copied and how much room it takes; raises where that cannot fit."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise DataError(
            f"{folder}: cannot be written: {error.strerror or error} (give another --out)"
        ) from error
    num_bytes = sum(recording.num_bytes for recording in todo)
    sizes = (
        f"{len(todo):,} recordings, {_gigabytes(num_bytes)} of PCM, are copied to {folder} as "
        f"FLAC, which takes about {_gigabytes(LIKELY_SIZE * num_bytes)}; "
        f"{_gigabytes(free)} are free"
    )
    if LEAST_SIZE * num_bytes > free:
        raise DataError(f"{sizes} (free some space or give another --out)")
    say(sizes)


def _gigabytes(num_bytes: float) -> str:
    return f"{num_bytes / 1e9:.1f} GB"
