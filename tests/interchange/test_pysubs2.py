import html
import json

import pytest
from interchange.hard_texts import LINES, transcript_of
from interchange.peer import Peer
from interchange.transcripts import CUES, TRANSCRIPT

from asr.use.writers import PLAIN, WRITERS

PYSUBS2 = Peer("pysubs2")


def theirs(text, form):
    import pysubs2

    cues = pysubs2.SSAFile.from_string(text, format_=form)
    return [[c.start / 1000, c.end / 1000, c.text, c.plaintext] for c in cues]


@pytest.mark.row(
    "pysubs2",
    "reads ours",
    "srt: times (ms), text; <b> becomes {\\b1}, plain text is without it and without {a}",
)
def test_pysubs2_reads_our_srt() -> None:
    found = PYSUBS2.call(theirs, WRITERS["srt"](TRANSCRIPT, PLAIN), "srt")
    assert [cue[:2] for cue in found] == [cue[:2] for cue in CUES]
    texts = [text.replace("<b>", r"{\b1}").replace("</b>", r"{\b0}") for _, _, text in CUES]
    assert [cue[2] for cue in found] == texts
    plain = [text.replace("<b>yes</b>", "yes").replace("{a}", "") for _, _, text in CUES]
    assert [cue[3] for cue in found] == plain


@pytest.mark.row(
    "pysubs2", "reads ours", "WebVTT: times (ms), text; &amp; &lt; &gt; stay as they are"
)
def test_pysubs2_reads_our_vtt() -> None:
    found = PYSUBS2.call(theirs, WRITERS["vtt"](TRANSCRIPT, PLAIN), "vtt")
    assert [cue[:3] for cue in found] == [[a, b, html.escape(c, quote=False)] for a, b, c in CUES]


@pytest.mark.row("pysubs2", "reads ours", "srt: cues that are numbers, or marks of WebVTT")
def test_pysubs2_reads_cues_that_look_like_marks() -> None:
    found = PYSUBS2.call(theirs, WRITERS["srt"](transcript_of(LINES, 20.0), PLAIN), "srt")
    assert [cue[3] for cue in found] == [" ".join(line.split()) for line in LINES]


@pytest.mark.row("pysubs2", "reads ours", "json, by its reader of Whisper's: times (ms), text")
def test_pysubs2_reads_our_json_as_whispers() -> None:
    def from_whisper(result):
        import pysubs2

        cues = pysubs2.load_from_whisper(result)
        return [[c.start / 1000, c.end / 1000, c.text] for c in cues]

    found = PYSUBS2.call(from_whisper, json.loads(WRITERS["json"](TRANSCRIPT, PLAIN)))
    assert found == CUES
