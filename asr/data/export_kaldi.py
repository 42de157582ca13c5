"""A manifest as Kaldi reads it: wav.scp, text, utt2spk, spk2utt, reco2dur and segments.

Without reco2dur, lhotse takes a recording for up to a millisecond shorter than it is.
"""

import itertools
from collections import defaultdict
from collections.abc import Container, Iterable
from pathlib import Path
from typing import NamedTuple

from lhotse.utils import compute_num_samples

from asr.data.cut_audio import encode_wav16, fits_16_bits, plain_source
from asr.data.export_folder import Place, first_speaker, mono, plain_text
from asr.data.manifest import Cut
from asr.errors import DataError

KALDI_AUDIO = "WAV PCM_16"  # all that Kaldi reads without a command


class _KaldiLine(NamedTuple):
    """An utterance as Kaldi's files have it."""

    name: str
    recording: str
    start: str  # seconds
    end: str
    text: str
    speaker: str


class _Recording(NamedTuple):
    """A wav file, and how long it is."""

    path: Path
    seconds: str


def write_kaldi(cuts: Iterable[Cut], place: Place) -> None:
    """Writes wav.scp, text, utt2spk, spk2utt, reco2dur, and segments where there are parts.

    Kaldi reads 16-bit wav files; other audio is written as such, rounded where it has more bits.
    An utterance without a speaker is a speaker of its own, as Kaldi wants it.

    Raises:
        DataError: an id or a speaker has a space in it, or audio is too loud for 16 bits.
    """
    lines: list[_KaldiLine] = []
    recordings: dict[str, _Recording] = {}
    names: dict[Path, str] = {}  # of the recordings
    has_parts, num_rounded = False, 0
    for cut in cuts:
        speaker = first_speaker(cut) or cut.id
        _refuse_spaces(cut, speaker)
        source = plain_source(cut)
        if source and source.info.format == KALDI_AUDIO:
            place.report.num_named += 1
            path, wanted, num_samples = source.path, str(cut.recording.id), source.info.num_frames
            first = compute_num_samples(cut.start, cut.sampling_rate)
            has_parts |= not source.is_whole
        else:
            samples = mono(cut)
            num_rounded += not fits_16_bits(samples)
            content = encode_wav16(samples, cut.sampling_rate, name=f'utterance "{cut.id}"')
            path = place.final / place.add_audio(cut, content, ".wav")
            first, wanted, num_samples = 0, cut.id, cut.num_samples
        if path not in names:
            names[path] = _free_name("_".join(wanted.split()), recordings)
            recordings[names[path]] = _Recording(path, _seconds(num_samples, cut.sampling_rate))
        start, end = (_seconds(at, cut.sampling_rate) for at in (first, first + cut.num_samples))
        lines.append(_KaldiLine(cut.id, names[path], start, end, plain_text(cut), speaker))
    if num_rounded:
        place.report.notices.append(f"{num_rounded:,} utterances are rounded to 16 bits for Kaldi")
    if not has_parts:  # then a recording has the name of its utterance
        recordings = {line.name: recordings[line.recording] for line in lines}
    _write_kaldi_files(place, sorted(lines), recordings, has_parts=has_parts)


def _refuse_spaces(cut: Cut, speaker: str) -> None:
    for what, value in (("id", cut.id), ("speaker", speaker)):
        if not value or len(value.split()) > 1 or value != value.strip():
            raise DataError(
                f'utterance "{cut.id}": {what} "{value}" has a space; in Kaldi it must have '
                "none (rename it, or export to another format)"
            )


def _write_kaldi_files(
    place: Place, lines: list[_KaldiLine], recordings: dict[str, _Recording], *, has_parts: bool
) -> None:
    """Writes the files, in the order of code points, which is C's order of UTF-8."""
    by_speaker = defaultdict(list)
    for line in lines:
        by_speaker[line.speaker].append(line.name)
    files = {
        "wav.scp": [f"{name} {found.path}" for name, found in sorted(recordings.items())],
        "reco2dur": [f"{name} {found.seconds}" for name, found in sorted(recordings.items())],
        "text": [f"{line.name} {line.text}" for line in lines],
        "utt2spk": [f"{line.name} {line.speaker}" for line in lines],
        "spk2utt": [f"{name} {' '.join(found)}" for name, found in sorted(by_speaker.items())],
    }
    if has_parts:
        files["segments"] = [
            f"{line.name} {line.recording} {line.start} {line.end}" for line in lines
        ]
    for name, content in files.items():
        (place.folder / name).write_text("\n".join(content) + "\n", "utf-8")
    speakers = [line.speaker for line in lines]
    if speakers != sorted(speakers):
        place.report.notices.append(
            "utt2spk is not in the order of speakers, which Kaldi's own scripts want: ids should "
            "begin with their speaker"
        )


def _free_name(wanted: str, taken: Container[str]) -> str:
    names = itertools.chain([wanted], (f"{wanted}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)


def _seconds(sample: int, rate: int) -> str:
    """Returns when a sample is, to a nanosecond, so that it is met again.

    Kaldi and kaldiio multiply by the rate and drop what follows the point: where floating point
    falls short of the sample, the time is a nanosecond later.
    """
    seconds = f"{sample / rate:.9f}"
    if int(float(seconds) * rate) < sample:
        seconds = f"{sample / rate + 1e-9:.9f}"
    return seconds.rstrip("0").rstrip(".")
