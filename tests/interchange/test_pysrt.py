import pytest
from interchange.hard_texts import LINES, transcript_of
from interchange.peer import Peer
from interchange.transcripts import CUES, TRANSCRIPT

from asr.use.writers import PLAIN, WRITERS

PYSRT = Peer("pysrt")


def theirs(text):
    import pysrt

    cues = pysrt.from_string(text, error_handling=pysrt.ERROR_RAISE)
    return [[c.index, c.start.ordinal / 1000, c.end.ordinal / 1000, c.text] for c in cues]


@pytest.mark.row("pysrt", "reads ours", "number, times (ms) and text of each cue, Korean, tags, &")
def test_pysrt_reads_our_cues() -> None:
    text = WRITERS["srt"](TRANSCRIPT, PLAIN)
    assert PYSRT.call(theirs, text) == [[n + 1, *cue] for n, cue in enumerate(CUES)]


@pytest.mark.row("pysrt", "reads ours", "cues that are numbers, or marks of WebVTT")
def test_pysrt_reads_cues_that_look_like_marks() -> None:
    found = PYSRT.call(theirs, WRITERS["srt"](transcript_of(LINES, 20.0), PLAIN))
    # A transcript's line has one kind of blank, so that a no-break space is one of them.
    assert [cue[3] for cue in found] == [" ".join(line.split()) for line in LINES]
