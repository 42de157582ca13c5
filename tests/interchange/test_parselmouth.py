from pathlib import Path

import pytest
from interchange.hard_texts import TALK, TIERS
from interchange.peer import Peer

from asr.use.writers import write_transcript

PARSELMOUTH = Peer("parselmouth")


@pytest.mark.row(
    "parselmouth",
    "reads ours",
    "TextGrid, by Praat 6.1.38 itself: length, tiers, times and text of each interval",
)
def test_praat_reads_our_textgrid(tmp_path: Path) -> None:
    def theirs(path):
        import parselmouth
        from parselmouth.praat import call

        grid = parselmouth.read(path)
        tiers = {}
        for tier in range(1, 1 + call(grid, "Get number of tiers")):
            places = range(1, 1 + call(grid, "Get number of intervals", tier))
            asked = ("Get start time of interval", "Get end time of interval")
            tiers[call(grid, "Get tier name", tier)] = [
                [
                    *(round(call(grid, what, tier, place), 9) for what in asked),
                    call(grid, "Get label of interval", tier, place),
                ]
                for place in places
            ]
        return [parselmouth.PRAAT_VERSION, call(grid, "Get total duration"), tiers]

    [path] = write_transcript(TALK, tmp_path, ["textgrid"])
    assert PARSELMOUTH.call(theirs, path) == ["6.1.38", 9.5, TIERS]
