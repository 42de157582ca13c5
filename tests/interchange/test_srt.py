import pytest
from interchange.peer import Peer
from interchange.transcripts import CUES, TRANSCRIPT

from asr.use.cues import WriteOptions
from asr.use.writers import WRITERS

SRT = Peer("srt")


@pytest.mark.row("srt", "reads ours", "number, times (ms) and text of each cue, Korean, arrows, &")
def test_srt_reads_our_cues() -> None:
    def theirs(text):
        import srt

        return [
            [c.index, c.start.total_seconds(), c.end.total_seconds(), c.content]
            for c in srt.parse(text)
        ]

    text = WRITERS["srt"](TRANSCRIPT, WriteOptions())
    assert SRT.call(theirs, text) == [[n + 1, *cue] for n, cue in enumerate(CUES)]
