"""The formats of other tools: NeMo JSON lines, Kaldi, a Hugging Face audio folder, Lhotse Shar.

Where a format can name a stretch of a mono file, as NeMo and Kaldi can, the audio stays where it
is. A mix, a perturbed recording or one channel of several cannot be named so: its samples are
written, without loss wherever the format allows that. Several channels become their mean, as in
training; in Shar they stay.
"""

import json
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

from lhotse import fastcopy
from lhotse.audio import AudioSource, Recording
from lhotse.cut import MonoCut
from lhotse.shar.writers.cut import JsonlShardWriter
from lhotse.shar.writers.tar import TarWriter

from asr.data.cut_audio import (
    encode_flac,
    encode_wav,
    load_channels,
    plain_source,
)
from asr.data.cut_lines import is_mix
from asr.data.export_folder import (
    FILES_A_FOLDER,
    Place,
    first_language,
    first_speaker,
    mono,
    plain_text,
)
from asr.data.export_kaldi import write_kaldi
from asr.data.manifest import Cut
from asr.errors import DataError

# What pyarrow, which reads the table for the package datasets, takes for a time.
TIME = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d(:?\d\d){0,2}(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?)?")

UNPACKED = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "NIST")  # larger than FLAC


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
            row |= {"duration": cut.duration, "text": plain_text(cut)}
            row |= {"speaker": first_speaker(cut), "lang": first_language(cut)}
            known = {name: value for name, value in row.items() if value is not None}
            file.write(json.dumps(known, ensure_ascii=False) + "\n")


def write_huggingface(cuts: Iterable[Cut], place: Place) -> None:
    """Writes a Hugging Face audio folder: audio, and metadata.jsonl with file_name, transcription.

    Whole mono files are copied as they are; anything else is written as wav. A table in CSV would
    be read with "None" and "NA" as no text, and "007" as a number.
    """
    all_times = {"transcription", "id", "speaker"}  # columns of nothing but times
    with (place.folder / "metadata.jsonl").open("w", encoding="utf-8") as file:
        for cut in cuts:
            source = plain_source(cut)
            if source and source.is_whole:
                path = place.add_audio(cut, source.path, source.path.suffix)
            else:
                path = place.add_audio(cut, _wav(cut), ".wav")
            row = {
                "file_name": path.as_posix(),
                "transcription": plain_text(cut),
                "id": cut.id,
                "speaker": first_speaker(cut) or "",
                "language": first_language(cut) or "",
            }
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            all_times = {name for name in all_times if TIME.fullmatch(row[name])}
    place.report.notices += [
        f"every {name} is a date, which the package datasets reads as a time (change one of them)"
        for name in sorted(all_times)
    ]


def write_shar(cuts: Iterable[Cut], place: Place) -> None:
    """Writes Lhotse Shar: cuts, and beside them archives of their audio, a thousand in each.

    A whole file is stored as it is if it is compressed; any other audio as FLAC, or where that
    would lose anything as wav. A mix becomes a recording of its own.

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
            content, suffix = _packed(cut, place)
            stored = _stored(cut)
            about = json.dumps(stored.recording.to_dict(), ensure_ascii=False)
            archive.write(cut.id + suffix, BytesIO(content))
            archive.write(f"{cut.id}.json", BytesIO(about.encode()), count=False)
            table.write(stored)


def _packed(cut: Cut, place: Place) -> tuple[bytes, str]:
    """Returns what a file of a cut's audio holds, and the suffix of its name."""
    source = plain_source(cut)
    if source and source.is_whole and source.info.format.split()[0] not in UNPACKED:
        place.report.num_copied += 1
        return source.path.read_bytes(), source.path.suffix
    place.report.num_written += 1
    channels = load_channels(cut)
    if packed := encode_flac(channels, cut.sampling_rate):
        return packed, ".flac"
    return encode_wav(channels, cut.sampling_rate), ".wav"


def _stored(cut: Cut) -> Cut:
    """Returns the cut with all of its audio, and nothing else, in a recording in an archive."""
    mixed = is_mix(cut)
    channels = [0] if mixed else [*cut.channel] if isinstance(cut.channel, list) else [cut.channel]
    recording = Recording(
        id=cut.id if mixed else cut.recording.id,
        sources=[AudioSource(type="shar", channels=channels, source="")],
        sampling_rate=cut.sampling_rate,
        num_samples=cut.num_samples,
        duration=cut.duration,
        channel_ids=channels,
    )
    if not mixed:
        return fastcopy(cut, start=0.0, recording=recording)
    return MonoCut(cut.id, 0.0, cut.duration, 0, cut.supervisions, recording=recording)


def _wav(cut: Cut) -> bytes:
    return encode_wav(mono(cut), cut.sampling_rate)


FORMATS: dict[str, Callable[[Iterable[Cut], Place], None]] = {
    "nemo": write_nemo,
    "kaldi": write_kaldi,
    "huggingface": write_huggingface,
    "shar": write_shar,
}
