import html

import pytest
from interchange.hard_texts import LINES, transcript_of
from interchange.peer import Peer
from interchange.transcripts import CUES, TRANSCRIPT

from asr.use.writers import PLAIN, WRITERS, WriteOptions

WEBVTT = Peer("webvtt")


def theirs(text, form):
    import io

    import webvtt

    read = {"vtt": webvtt.from_buffer, "srt": lambda file: webvtt.from_buffer(file, format="srt")}
    cues = read[form](io.StringIO(text))
    return [
        [c.start_time.in_seconds() + c.start_time.milliseconds / 1000, c.end, c.text, c.raw_text]
        for c in cues
    ]


def _clock(seconds: float) -> str:
    whole = round(1000 * seconds)
    minutes, rest = divmod(whole, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


@pytest.mark.row(
    "webvtt", "reads ours", "WebVTT: times (ms), text, Korean; &amp; &lt; &gt; stay as they are"
)
def test_webvtt_reads_our_vtt() -> None:
    found = WEBVTT.call(theirs, WRITERS["vtt"](TRANSCRIPT, PLAIN), "vtt")
    wanted = [[a, _clock(b), html.escape(c, quote=False)] for a, b, c in CUES]
    assert [cue[:3] for cue in found] == wanted


@pytest.mark.row("webvtt", "reads ours", "WebVTT: one underlined word a cue, as text and as marks")
def test_webvtt_reads_words_that_are_underlined() -> None:
    text = WRITERS["vtt"](TRANSCRIPT, WriteOptions(highlight_words=True))
    found = [cue[2:] for cue in WEBVTT.call(theirs, text, "vtt") if "3:30" in cue[2]]
    said = "it's 3:30 {a} [b]"
    words = said.split()
    marked = [" ".join([*words[:n], f"<u>{words[n]}</u>", *words[n + 1 :]]) for n in range(4)]
    # Between words nothing is underlined.
    assert [raw for _, raw in found] == [
        marked[0], said, marked[1], said, marked[2], said, marked[3],
    ]  # fmt: skip
    assert {plain for plain, _ in found} == {said}


@pytest.mark.row("webvtt", "reads ours", "WebVTT: cues that are numbers, or marks of WebVTT")
def test_webvtt_reads_cues_that_look_like_marks() -> None:
    found = WEBVTT.call(theirs, WRITERS["vtt"](transcript_of(LINES, 20.0), PLAIN), "vtt")
    lines = [html.escape(" ".join(line.split()), quote=False) for line in LINES]
    assert [cue[2] for cue in found] == lines
