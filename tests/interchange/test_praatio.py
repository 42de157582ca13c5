from pathlib import Path

import pytest
from interchange.hard_texts import TALK, TIERS
from interchange.peer import Peer

from asr.use.writers import write_transcript

PRAATIO = Peer("praatio")


@pytest.mark.row(
    "praatio",
    "reads ours",
    "TextGrid: names and end of the tiers, times and text of each interval, quotes, Korean",
)
def test_praatio_reads_our_textgrid(tmp_path: Path) -> None:
    def theirs(path):
        from praatio import textgrid

        grid = textgrid.openTextgrid(path, includeEmptyIntervals=True, reportingMode="error")
        tiers = {name: list(map(list, grid.getTier(name).entries)) for name in grid.tierNames}
        return [grid.minTimestamp, grid.maxTimestamp, tiers]

    [path] = write_transcript(TALK, tmp_path, ["textgrid"])
    assert PRAATIO.call(theirs, path) == [0.0, 9.5, TIERS]
