"""The formats of other tools: NeMo JSON lines, Kaldi, a Hugging Face audio folder, Lhotse Shar.

Where a format can name a stretch of a mono file, as NeMo and Kaldi can, the audio stays where it
is. A mix, a perturbed recording or one channel of several cannot be named so: its samples are
written, without loss wherever the format allows that. Several channels become their mean, as in
training; in Shar they stay.
"""

import csv
import itertools
import json
import re
import shutil
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from lhotse import fastcopy
from lhotse.audio import AudioSource, Recording
from lhotse.cut import MonoCut
from lhotse.shar.writers.cut import JsonlShardWriter
from lhotse.shar.writers.tar import TarWriter

from asr.data.cut_audio import (
    encode_wav,
    encode_wav16,
    fits_16_bits,
    load_channels,
    plain_source,
)
from asr.data.exact import Channels
from asr.data.manifest import Cut, cut_text
from asr.errors import DataError
from asr.text.normalizers import get_normalizer

FILES_A_FOLDER = 1000  # of audio, and utterances a shard
KALDI_AUDIO = "WAV PCM_16"  # all that Kaldi reads without a command
_NO_FILE_NAME = re.compile(r'[/\\:*?"<>|\x00-\x1f]')


@dataclass
class ExportReport:
    """What was written.

    Attributes:
        num_utterances: all of the manifest.
        num_named: utterances whose audio stays where it is.
        num_copied: whole files that were copied.
        num_written: utterances whose samples were written.
        notices: what the user should know, one sentence each.
    """

    num_utterances: int = 0
    num_named: int = 0
    num_copied: int = 0
    num_written: int = 0
    notices: list[str] = field(default_factory=list)

    def describe_audio(self) -> str:
        """Returns where the audio is, for a person."""
        ways = {
            "named where it is": self.num_named,
            "copied": self.num_copied,
            "written anew": self.num_written,
        }
        return "audio: " + ", ".join(f"{count:,} {way}" for way, count in ways.items() if count)


class Place:
    """The folder under way, and the audio in it.

    Args:
        folder: where it is made.
        final: what it will be called.
        report: counts what is done with audio.
    """

    def __init__(self, folder: Path, final: Path, report: ExportReport) -> None:
        self.folder, self.final, self.report = folder, final, report
        self._num_files = 0
        self._names: set[str] = set()

    def add_audio(self, cut: Cut, content: bytes | Path, suffix: str) -> Path:
        """Returns the path within the folder at which audio was put: bytes, or a copied file."""
        path = self.folder / self._new_path(cut, suffix)
        if isinstance(content, Path):
            shutil.copyfile(content, path)
            self.report.num_copied += 1
        else:
            path.write_bytes(content)
            self.report.num_written += 1
        return path.relative_to(self.folder)

    def _new_path(self, cut: Cut, suffix: str) -> Path:
        part = Path("audio") / f"{self._num_files // FILES_A_FOLDER:04d}"
        if self._num_files % FILES_A_FOLDER == 0:
            (self.folder / part).mkdir(parents=True)
            self._names.clear()
        self._num_files += 1
        name = _NO_FILE_NAME.sub("_", unicodedata.normalize("NFC", cut.id)).strip(" .")[:80]
        if not name or name.casefold() in self._names:
            name += f"-{self._num_files}"
        self._names.add(name.casefold())
        return part / (name + suffix)


def write_nemo(cuts: Iterable[Cut], place: Place) -> None:
    """Writes manifest.jsonl: audio_filepath, duration, text; offset for a part of a recording.

    A path is absolute where the audio stays, and else relative to the manifest.
    """
    with (place.folder / "manifest.jsonl").open("w", encoding="utf-8") as file:
        for cut in cuts:
            source = plain_source(cut)
            row: dict[str, Any] = {"id": cut.id}
            if source:
                place.report.num_named += 1
                row["audio_filepath"] = str(source.path)
                if not source.is_whole:
                    row["offset"] = cut.start
            else:
                row["audio_filepath"] = str(place.add_audio(cut, _wav(cut), ".wav"))
            row |= {"duration": cut.duration, "text": _text(cut)}
            row |= {"speaker": _speaker(cut), "lang": _language(cut)}
            known = {name: value for name, value in row.items() if value is not None}
            file.write(json.dumps(known, ensure_ascii=False) + "\n")


def write_huggingface(cuts: Iterable[Cut], place: Place) -> None:
    """Writes a Hugging Face audio folder: audio, and metadata.csv with file_name, transcription.

    Whole mono files are copied as they are; anything else is written as wav.
    """
    with (place.folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file_name", "transcription", "id", "speaker", "language"])
        for cut in cuts:
            source = plain_source(cut)
            if source and source.is_whole:
                path = place.add_audio(cut, source.path, source.path.suffix)
            else:
                path = place.add_audio(cut, _wav(cut), ".wav")
            known = (cut.id, _speaker(cut) or "", _language(cut) or "")
            table.writerow([path.as_posix(), _text(cut), *known])


class _KaldiLine(NamedTuple):
    """An utterance as Kaldi's files have it."""

    name: str
    recording: str
    start: float  # seconds
    end: float
    text: str
    speaker: str


def write_kaldi(cuts: Iterable[Cut], place: Place) -> None:
    """Writes wav.scp, text, utt2spk, spk2utt, and segments where there are parts of recordings.

    Kaldi reads 16-bit wav files; other audio is written as such, rounded where it has more bits.
    An utterance without a speaker is a speaker of its own, as Kaldi wants it.

    Raises:
        DataError: an id or a speaker has a space in it, or audio is too loud for 16 bits.
    """
    lines: list[_KaldiLine] = []
    recordings: dict[str, Path] = {}
    names: dict[Path, str] = {}  # of the recordings
    has_parts, num_rounded = False, 0
    for cut in cuts:
        speaker = _speaker(cut) or cut.id
        for what, value in (("id", cut.id), ("speaker", speaker)):
            if not value or len(value.split()) > 1 or value != value.strip():
                raise DataError(
                    f'utterance "{cut.id}": {what} "{value}" has a space; in Kaldi it must have '
                    "none (rename it, or export to another format)"
                )
        source = plain_source(cut)
        if source and source.info.format == KALDI_AUDIO:
            place.report.num_named += 1
            path, start, wanted = source.path, float(cut.start), str(cut.recording.id)
            has_parts |= not source.is_whole
        else:
            samples = _mono(cut)
            num_rounded += not fits_16_bits(samples)
            content = encode_wav16(samples, cut.sampling_rate, name=f'utterance "{cut.id}"')
            path = place.final / place.add_audio(cut, content, ".wav")
            start, wanted = 0.0, cut.id
        if path not in names:
            names[path] = _free_name("_".join(wanted.split()), recordings)
            recordings[names[path]] = path
        end = start + float(cut.duration)
        lines.append(_KaldiLine(cut.id, names[path], start, end, _text(cut), speaker))
    if num_rounded:
        place.report.notices.append(f"{num_rounded:,} utterances are rounded to 16 bits for Kaldi")
    if not has_parts:  # then a recording has the name of its utterance
        recordings = {line.name: recordings[line.recording] for line in lines}
    _write_kaldi_files(place, sorted(lines), recordings, has_parts=has_parts)


def _write_kaldi_files(
    place: Place, lines: list[_KaldiLine], recordings: dict[str, Path], *, has_parts: bool
) -> None:
    """Writes the files, in the order of code points, which is C's order of UTF-8."""
    by_speaker = defaultdict(list)
    for line in lines:
        by_speaker[line.speaker].append(line.name)
    files = {
        "wav.scp": [f"{name} {path}" for name, path in sorted(recordings.items())],
        "text": [f"{line.name} {line.text}" for line in lines],
        "utt2spk": [f"{line.name} {line.speaker}" for line in lines],
        "spk2utt": [f"{name} {' '.join(found)}" for name, found in sorted(by_speaker.items())],
    }
    if has_parts:
        files["segments"] = [
            f"{line.name} {line.recording} {_seconds(line.start)} {_seconds(line.end)}"
            for line in lines
        ]
    for name, content in files.items():
        (place.folder / name).write_text("\n".join(content) + "\n", "utf-8")
    speakers = [line.speaker for line in lines]
    if speakers != sorted(speakers):
        place.report.notices.append(
            "utt2spk is not in the order of speakers, which Kaldi's own scripts want: ids should "
            "begin with their speaker"
        )


def write_shar(cuts: Iterable[Cut], place: Place) -> None:
    """Writes Lhotse Shar: cuts, and beside them archives of their audio, a thousand in each.

    A whole file is stored as it is, any other audio as wav; a mix becomes a recording of its own.

    Raises:
        DataError: an id is no path within an archive.
    """
    pattern = str(place.folder).replace("%", "%%")
    with (
        JsonlShardWriter(f"{pattern}/cuts.%06d.jsonl.gz", FILES_A_FOLDER) as table,
        TarWriter(f"{pattern}/recording.%06d.tar", FILES_A_FOLDER) as archive,
    ):
        for cut in cuts:
            if cut.id.startswith("/") or str(PurePosixPath(cut.id)) != cut.id:
                raise DataError(
                    f'utterance "{cut.id}": the id must be a path within an archive, such as a or '
                    "a/b (rename it, or export to another format)"
                )
            source = plain_source(cut)
            if source and source.is_whole:
                content, suffix = source.path.read_bytes(), source.path.suffix
                place.report.num_copied += 1
            else:
                content, suffix = encode_wav(load_channels(cut), cut.sampling_rate), ".wav"
                place.report.num_written += 1
            stored = _stored(cut)
            about = json.dumps(stored.recording.to_dict(), ensure_ascii=False)
            archive.write(cut.id + suffix, BytesIO(content))
            archive.write(f"{cut.id}.json", BytesIO(about.encode()), count=False)
            table.write(stored)


def _stored(cut: Cut) -> Cut:
    """Returns the cut with all of its audio, and nothing else, in a recording in an archive."""
    is_mix = hasattr(cut, "tracks")
    channels = [0] if is_mix else [*cut.channel] if isinstance(cut.channel, list) else [cut.channel]
    recording = Recording(
        id=cut.id if is_mix else cut.recording.id,
        sources=[AudioSource(type="shar", channels=channels, source="")],
        sampling_rate=cut.sampling_rate,
        num_samples=cut.num_samples,
        duration=cut.duration,
        channel_ids=channels,
    )
    if not is_mix:
        return fastcopy(cut, start=0.0, recording=recording)
    return MonoCut(cut.id, 0.0, cut.duration, 0, cut.supervisions, recording=recording)


FORMATS: dict[str, Callable[[Iterable[Cut], Place], None]] = {
    "nemo": write_nemo,
    "kaldi": write_kaldi,
    "huggingface": write_huggingface,
    "shar": write_shar,
}


def _text(cut: Cut) -> str:
    return cut_text(cut, get_normalizer("none").apply)


def _speaker(cut: Cut) -> str | None:
    return next((item.speaker for item in cut.supervisions if item.speaker), None)


def _language(cut: Cut) -> str | None:
    return next((item.language for item in cut.supervisions if item.language), None)


def _mono(cut: Cut) -> Channels:
    return load_channels(cut).mean(axis=0, keepdims=True)


def _wav(cut: Cut) -> bytes:
    return encode_wav(_mono(cut), cut.sampling_rate)


def _free_name(wanted: str, taken: Container[str]) -> str:
    names = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _seconds(value: float) -> str:
    """Returns seconds to a nanosecond, so that every sample is met again."""
    return f"{value:.9f}".rstrip("0").rstrip(".")
