"""From a line of a manifest to a cut: data, checked, and never a program.

Lhotse would run a command that a recording names as its source, or fetch an address. Here nothing
but a file is a source, or in a shard a part of its archive, in a cut and in all that it holds, and
what nobody here reads, as `custom`, stays the plain data that it is.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lhotse.audio import AudioSource, Recording
from lhotse.augmentation import AudioTransform
from lhotse.cut import MixedCut, MonoCut, MultiCut, PaddingCut
from lhotse.cut.mixed import MixTrack
from lhotse.features.base import Features
from lhotse.supervision import AlignmentItem, SupervisionSegment
from pydantic import ValidationError

from asr.data.cut_types import CUT_ENTRY
from asr.data.json_lines import read_json_lines
from asr.data.line_errors import MEND, WAYS_OUT, explain, named, refuse_source, short
from asr.data.members import Member, MemberSource
from asr.errors import DataError, in_short

Cut = Any  # lhotse's MonoCut, MultiCut or MixedCut
Entry = dict[str, Any]  # as JSON has it

ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|pipe:")
UNKNOWN_KEY = re.compile(r"unexpected keyword argument '(.*)'")


class _EntryError(Exception):
    """What is wrong with an entry; its second argument is the way out."""


class CutLines:
    """The cuts of a manifest, read anew each time that they are gone through.

    Args:
        path: JSON lines, plain or packed by gzip.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Cut]:
        """Yields cuts.

        Raises:
            DataError: the file cannot be read, or a line is no cut or holds what is not allowed.
        """
        for number, line in read_json_lines(self.path):
            yield read_cut(line, f"{self.path} line {number}")


def is_mix(cut: Cut) -> bool:
    """Returns whether a cut is made of several; one whose `custom` has tracks is not."""
    return isinstance(cut, MixedCut)


def read_cut(line: bytes, where: str, *, member: Member | None = None) -> Cut:
    """Returns the cut of a line.

    Args:
        line: JSON.
        where: it stands, for messages.
        member: of an archive, that holds its audio; None: its audio is in files.

    Raises:
        DataError: it is no cut, or holds what is not allowed.
    """
    try:
        entry = CUT_ENTRY.validate_json(line)
    except ValidationError as error:
        reason, way_out = explain(line, error)
        raise DataError(f"{where}{named(line)}: {reason} ({way_out})") from None
    name = entry["id"]
    try:
        return _mixed_cut(entry) if entry["type"] == "MixedCut" else _data_cut(entry, member)
    except _EntryError as error:
        reason, way_out = error.args
    except Exception as error:  # lhotse raises many kinds
        unknown = UNKNOWN_KEY.search(str(error))
        what = f'unknown key "{unknown[1]}"' if unknown else in_short(error)
        reason, way_out = f"is not a cut as lhotse has them: {what}", MEND
    raise DataError(f'{where} utterance "{name}": {reason} ({way_out})')


def _data_cut(entry: Entry, member: Member | None = None) -> Cut:
    kind = entry.pop("type", None)
    _check_plain(entry.get("custom"))
    if recording := entry.get("recording"):
        entry["recording"] = _recording(recording, member)
    if features := entry.get("features"):
        _check_plain(features)
        entry["features"] = Features(**features)
    entry["supervisions"] = [_supervision(one) for one in entry.get("supervisions", ())]
    if kind == "MultiCut":
        channel = entry["channel"]
        entry["channel"] = [channel] if isinstance(channel, int) else channel
        cut = MultiCut(**entry)
    else:
        cut = MonoCut(**entry)
    if recording:
        _check_channels(cut)
    return cut


def _check_channels(cut: Cut) -> None:
    wanted = {cut.channel} if isinstance(cut.channel, int) else {*cut.channel}
    recording = cut.recording
    if not recording.transforms:
        held = [channel for source in recording.sources for channel in source.channels]
        if len({*held}) < len(held):
            raise _EntryError(f'recording "{recording.id}": a channel comes twice', MEND)
    else:
        held = recording.channel_ids
    if missing := wanted - {*held}:
        raise _EntryError(f"channel {min(missing)} is not in its recording, which has {held}", MEND)


def _recording(entry: Entry, member: Member | None) -> Recording:
    name = f'recording "{entry["id"]}": its source'
    for source in entry["sources"]:
        if source["type"] == "shar" and member is None:
            raise _EntryError(*refuse_source(name, "shar"))
        if source["type"] == "file" and not source["source"]:
            raise _EntryError(f"{name} is empty; must not be", MEND)
        _check_path(source["source"], name)
    entry["sources"] = [_source(source, member) for source in entry["sources"]]
    if transforms := entry.get("transforms"):
        entry["transforms"] = _transforms(transforms)
    return Recording(**entry)


def _source(entry: Entry, member: Member | None) -> AudioSource:
    if entry["type"] == "file" or member is None:
        return AudioSource.from_dict(entry)
    return MemberSource("shar", entry["channels"], str(member.archive), None, member=member)


def _transforms(entries: list[Entry]) -> list[AudioTransform]:
    _check_plain(entries)  # a room's impulse response is a recording
    return [AudioTransform.from_dict(entry) for entry in entries]


def _supervision(entry: Entry) -> SupervisionSegment:
    if entry.get("custom"):
        _check_plain(entry["custom"])
    if alignment := entry.get("alignment"):
        entry["alignment"] = {
            kind: [AlignmentItem.deserialize(item) for item in items]
            for kind, items in alignment.items()
        }
    return SupervisionSegment(**entry)


def _mixed_cut(entry: Entry) -> MixedCut:
    tracks = [_track(track) for track in entry["tracks"]]
    if reference := entry.get("snr_reference"):
        tracks.append(_track({**reference, "is_snr_reference": True, "mute": True}))
    _check_tracks([track.cut for track in tracks])
    transforms = entry.get("transforms")
    return MixedCut(entry["id"], tracks, _transforms(transforms) if transforms else None)


def _check_tracks(cuts: list[Cut]) -> None:
    """Refuses a mix with a part that is not heard, or at another rate, which lhotse adds as is."""
    padding = [cut for cut in cuts if isinstance(cut, PaddingCut)]
    spoken = [cut for cut in cuts if not isinstance(cut, PaddingCut)]
    heard = [cut for cut in spoken if cut.recording is not None]
    if heard and len(heard) < len(spoken):
        raise _EntryError("a track has no recording, and another has one", MEND)
    rates = {cut.sampling_rate for cut in [*heard, *padding]}
    if heard and len(rates) > 1:
        given = " and ".join(f"{rate} Hz" for rate in sorted(rates))
        raise _EntryError(f"its tracks are at {given}; must be at one rate", MEND)


def _track(entry: Entry) -> MixTrack:
    kind, inner = entry.pop("type"), entry.pop("cut")
    inner["type"] = kind
    if kind == "PaddingCut":
        _check_plain(inner.get("custom"))
        del inner["type"]
        return MixTrack(PaddingCut(**inner), **entry)
    return MixTrack(_data_cut(inner), **entry)


def _check_plain(value: Any) -> None:
    """Refuses a recording of anything but files, and a place that is no path, however deep."""
    if isinstance(value, list):
        for item in value:
            _check_plain(item)
    elif isinstance(value, dict):
        sources = value.get("sources")
        for source in sources if isinstance(sources, list) else []:
            if isinstance(source, dict) and "type" in source:
                name = f"recording {short(value.get('id'))}: its source"
                if source["type"] != "file":
                    raise _EntryError(*refuse_source(name, source["type"]))
                _check_path(str(source.get("source")), name)
        for key in ("storage_path", "storage_key"):
            if isinstance(value.get(key), str):
                _check_path(value[key], f"its {key}")
        for item in value.values():
            _check_plain(item)


def _check_path(path: str, what: str) -> None:
    if ADDRESS.match(path):
        raise _EntryError(f"{what} {short(path)} is an address; must be a file", WAYS_OUT["url"])
    if path.strip().startswith("|") or path.strip().endswith("|"):
        raise _EntryError(f"{what} {short(path)} is a command; must be a file", WAYS_OUT["command"])
    if "\0" in path:
        raise _EntryError(f"{what} {short(path)} holds a NUL; no file is called so", MEND)
