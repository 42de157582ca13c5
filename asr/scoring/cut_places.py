"""Where the utterances of a manifest lie in their recordings."""

from collections.abc import Collection
from pathlib import Path

from asr.data.manifest import Cut, parts, read_cuts
from asr.scoring.timed import Place
from asr.tables.speakers import UNKNOWN


def places_of_cuts(manifest: Path, names: Collection[str]) -> dict[str, Place]:
    """Returns where utterances lie, of those that are a part of one channel of one recording.

    Args:
        manifest: of cuts.
        names: of the utterances that are wanted.

    Raises:
        DataError: the file is missing or is not a manifest of cuts.
    """
    found = {cut.id: _place(cut) for cut in read_cuts(manifest) if cut.id in names}
    return {name: place for name, place in found.items() if place is not None}


def _place(cut: Cut) -> Place | None:
    own = parts(cut)
    if len(own) != 1 or own[0] is not cut or cut.recording is None:
        return None  # a mix: no time of one recording is its
    channels = cut.channel if isinstance(cut.channel, list) else [cut.channel]
    if len(channels) != 1:
        return None
    speakers = {item.speaker for item in cut.supervisions if item.speaker}
    speaker = speakers.pop() if len(speakers) == 1 else UNKNOWN
    end = cut.start + cut.duration
    return Place(cut.recording.id, str(channels[0] + 1), speaker, cut.start, end)
