from pathlib import Path

import pytest
from interchange.hard_texts import TALK, TIERS, transcript_of
from interchange.peer import Peer

from asr.use.writers import write_transcript

TEXTGRID = Peer("textgrid")
BRACKETS = ("item [2]:", "intervals [2]:", "ooTextFile short")


def theirs(path):
    import textgrid

    grid = textgrid.TextGrid.fromFile(path)
    tiers = {tier.name: [[one.minTime, one.maxTime, one.mark] for one in tier] for tier in grid}
    return [grid.minTime, grid.maxTime, tiers]


@pytest.mark.row(
    "textgrid",
    "reads ours",
    "TextGrid: names and end of the tiers, times and text of each interval, quotes, Korean",
)
def test_textgrid_reads_our_textgrid(tmp_path: Path) -> None:
    [path] = write_transcript(TALK, tmp_path, ["textgrid"])
    assert TEXTGRID.call(theirs, path) == [0.0, 9.5, TIERS]


@pytest.mark.row("textgrid", "reads ours", "TextGrid: texts that look like its own lines")
def test_textgrid_reads_texts_that_look_like_lines_of_a_textgrid(tmp_path: Path) -> None:
    [path] = write_transcript(transcript_of(BRACKETS, 5.0), tmp_path, ["textgrid"])
    _, _, tiers = TEXTGRID.call(theirs, path)
    assert [text for _, _, text in tiers["segments"] if text] == list(BRACKETS)
