"""Subtitles, tables and JSON, read back by other people's readers."""

import csv
import html
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from asr.errors import ConfigError
from asr.scoring.lines import Line
from asr.scoring.timed import read_ctm
from asr.use.cues import WriteOptions, cues_of, timed_words
from asr.use.subtitles import to_lrc, to_srt, to_vtt
from asr.use.transcript import TimedWord, TranscribedSegment, Transcript
from asr.use.transcript_json import to_json
from asr.use.transcript_tables import to_csv, to_ctm, to_tsv

WORDS = ["it", "was", "the", "best", "of", "times", "it", "was", "the", "worst", "of", "times"]
KOREAN = "오늘은 날씨가 아주 좋습니다 그래서 산책을 나갔습니다"
ODD = [
    "a ---> b", "x <y> & z &amp; w", "<i>now</i>", "1", "NOTE this", "STYLE", "[00:01.00] x",
    "<00:01.00> y", "{\\an8}up", 'say "it", he said', "=1+1", ";; no", "한국어 – café",
    "two\r\n\r\n00:01 --> 00:02\nlines", "tab\tbed",
]  # fmt: skip


def segment(number: int, start: float, text: str, **more: Any) -> TranscribedSegment:
    values: dict[str, Any] = {"score": -1.0, "avg_log_prob": -0.25, "ended": "eos"} | more
    return TranscribedSegment(number, start, start + 2.0, text, **values)


def spoken(number: int, start: float, words: list[str], **more: Any) -> TranscribedSegment:
    """Returns a segment whose words are said one after the other in 1.8 of its 2 s."""
    each = 1.8 / len(words)
    timed = tuple(
        TimedWord(word, start + 0.1 + each * place, start + 0.1 + each * (place + 1) - 0.01, 0.9)
        for place, word in enumerate(words)
    )
    return segment(number, start, " ".join(words), words=timed, **more)


TALK = Transcript(
    Path("talk.wav"),
    (spoken(0, 0.0, WORDS), segment(1, 2.5, " "), spoken(2, 3600.0, ["so", "on"])),
    4000.0, language="en",
)  # fmt: skip
STRANGE = Transcript(
    Path("odd name.wav"), tuple(segment(n, 2.0 * n, text) for n, text in enumerate(ODD)), 99.0
)
OPTIONS = [
    WriteOptions(),
    WriteOptions(max_line_width=16),
    WriteOptions(max_line_width=16, max_line_count=2),
    WriteOptions(max_words_per_line=3),
    WriteOptions(max_words_per_line=3, max_line_count=2),
    WriteOptions(highlight_words=True, max_line_width=20),
]


def words_said(transcript: Transcript) -> list[str]:
    return transcript.text.split()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_lines_hold_all_words_and_keep_to_what_was_asked(options: WriteOptions) -> None:
    cues = [cue for cue in cues_of(TALK, options) if not cue.spoken]
    if not options.highlight_words:
        assert [word.text for cue in cues for line in cue.lines for word in line] == words_said(
            TALK
        )
    for cue in cues:
        assert len(cue.lines) <= (options.max_line_count or 99)
        if options.max_words_per_line and not options.max_line_count:
            assert len(cue.lines) == 1
        for line in cue.lines:
            assert len(line) <= (options.max_words_per_line or 99)
            assert len(" ".join(word.text for word in line)) <= (options.max_line_width or 99)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_cues_follow_each_other_inside_their_segments(options: WriteOptions) -> None:
    end = 0.0
    for cue in cues_of(TALK, options):
        assert end <= cue.start_seconds <= cue.end_seconds
        assert any(
            one.start_seconds <= cue.start_seconds and cue.end_seconds <= one.end_seconds
            for one in TALK.segments
        )
        end = cue.end_seconds


def test_korean_lines_break_between_eojeol_and_a_long_one_stands_alone() -> None:
    talk = Transcript(None, (segment(0, 0.0, KOREAN),), 2.0)
    (cue,) = cues_of(talk, WriteOptions(max_line_width=9))
    lines = [" ".join(word.text for word in line) for line in cue.lines]
    assert lines == ["오늘은 날씨가", "아주 좋습니다", "그래서 산책을", "나갔습니다"]
    (cue,) = cues_of(talk, WriteOptions(max_line_width=3))
    assert [len(line) for line in cue.lines] == [1] * 7


def test_words_without_times_share_those_of_their_segment_by_their_letters() -> None:
    words = timed_words(segment(0, 10.0, "a bcd  ef"))
    assert [word.text for word in words] == ["a", "bcd", "ef"]
    assert [word.start_seconds for word in words] == pytest.approx([10, 10 + 4 / 9, 10 + 12 / 9])
    assert words[-1].end_seconds == pytest.approx(12.0)
    wrong = segment(0, 10.0, "a bcd ef", words=(TimedWord("a", 10.0, 11.0),))
    assert [word.text for word in timed_words(wrong)] == ["a", "bcd", "ef"]  # no word is lost


def test_cues_that_are_split_have_the_times_of_their_words() -> None:
    cues = [*cues_of(TALK, WriteOptions(max_words_per_line=6))]
    assert [len(cue.lines[0]) for cue in cues] == [6, 6, 2]
    assert cues[0].start_seconds == 0.0  # as the segment
    assert cues[0].end_seconds == pytest.approx(0.99)
    assert cues[1].start_seconds == pytest.approx(1.0)
    assert cues[1].end_seconds == 2.0


@pytest.mark.parametrize("talk", [TALK, STRANGE], ids=["talk", "odd"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_srt_is_read_back_by_srt_and_pysubs2(talk: Transcript, options: WriteOptions) -> None:
    srt = pytest.importorskip("srt", reason="srt is not installed: pip install '.[dev]'")
    pysubs2 = pytest.importorskip("pysubs2", reason="pysubs2 is not installed")
    cues, text = [*cues_of(talk, options)], to_srt(talk, options)
    assert text.count("-->") == len(cues)
    read = list(srt.parse(text, ignore_errors=False))
    other = pysubs2.SSAFile.from_string(text, format_="srt")
    assert [one.index for one in read] == [*range(1, len(cues) + 1)]
    for cue, one, two in zip(cues, read, other, strict=True):
        lines = [" ".join(word.text for word in line) for line in cue.lines]
        plain = re.sub("</?u>", "", one.content) if options.highlight_words else one.content
        assert plain.split("\n") == [
            line.replace("--->", "->").replace("-->", "->") for line in lines
        ]
        times = [round(1000 * time) for time in (cue.start_seconds, cue.end_seconds)]
        assert [round(one.start.total_seconds() * 1000), two.start] == [times[0]] * 2
        assert round(one.end.total_seconds() * 1000) == two.end == times[1]
    assert srt.compose(read, reindex=False) == text  # nothing that it would mend


@pytest.mark.parametrize("talk", [TALK, STRANGE], ids=["talk", "odd"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_vtt_is_read_back_by_webvtt_py(talk: Transcript, options: WriteOptions) -> None:
    webvtt = pytest.importorskip(
        "webvtt", reason="webvtt-py is not installed: pip install '.[dev]'"
    )
    cues, text = [*cues_of(talk, options)], to_vtt(talk, options)
    read = webvtt.from_string(text)
    assert text.count("-->") == len(cues)
    for cue, one in zip(cues, read, strict=True):
        lines = [" ".join(word.text for word in line) for line in cue.lines]
        assert html.unescape(re.sub("<[^>]*>", "", one.raw_text)).split("\n") == lines
        assert one.start_in_seconds == pytest.approx(cue.start_seconds, abs=1.0)
        assert bool(cue.spoken is not None) == ("<u>" in one.raw_text)


def test_a_cue_that_takes_no_time_takes_a_millisecond() -> None:
    talk = Transcript(None, (TranscribedSegment(0, 1.0, 1.0, "x", 0.0, 0.0, "eos"),), 2.0)
    assert "00:00:01,000 --> 00:00:01,001" in to_srt(talk)
    assert "00:01.000 --> 00:01.001" in to_vtt(talk)


def test_lrc_has_a_time_before_each_line_and_nothing_else_that_looks_like_one() -> None:
    assert to_lrc(TALK) == f"[00:00.00]{' '.join(WORDS)}\n[60:00.00]so on\n"
    timed = to_lrc(TALK, WriteOptions(word_timestamps=True)).splitlines()
    assert timed[1] == "[60:00.00]<60:00.10>so <60:01.00>on"
    for line, text in zip(to_lrc(STRANGE).splitlines(), ODD, strict=True):
        assert re.match(r"\[\d\d:\d\d\.\d\d\]", line)
        assert not re.search(r"[\[<]\d+:\d", line[10:])
        assert line[10:].replace(" ", "") == re.sub(r"\s", "", text)


def test_tables_are_read_back_as_they_were_said() -> None:
    texts = [" ".join(text.split()) for text in ODD]
    rows = list(csv.reader(io.StringIO(to_csv(STRANGE), newline="")))
    assert rows[0] == ["start", "end", "text"]
    assert [row[2] for row in rows[1:]] == texts
    assert rows[1][:2] == ["0", "2000"]
    assert [row.split("\t")[2] for row in to_tsv(STRANGE).splitlines()[1:]] == texts
    sure = Transcript(None, (segment(0, 0, "a", confidence=0.5), segment(1, 2, "b")), 4.0)
    rows = list(csv.reader(io.StringIO(to_csv(sure, WriteOptions(confidence=True)))))
    assert [row[3] for row in rows] == ["confidence", "0.500", ""]


def test_ctm_is_read_back_by_our_own_scoring() -> None:
    text = to_ctm(TALK, WriteOptions(confidence=True))
    assert "talk 1 0.100 0.140 it 0.900\n" in text
    read, notices = read_ctm([Line("a.ctm", line) for line in text.splitlines()])
    assert [word.text for word in read] == words_said(TALK)
    assert notices == []
    for line in to_ctm(STRANGE).splitlines():
        name, channel, start, length, word = line.split(" ")
        assert (name, channel) == ("odd_name", "1")
        assert float(start) >= 0 <= float(length)
        assert word


def test_a_name_that_begins_a_comment_of_ctm_does_not() -> None:
    talk = Transcript(Path(";;x.wav"), (segment(0, 0.0, "a"),), 2.0, channel=2)
    assert to_ctm(talk) == "_;;x 2 0.000 2.000 a\n"


WHISPER = {  # the fields of openai-whisper's json; written by us, not taken from a file of theirs
    "type": "object",
    "required": ["text", "segments", "language"],
    "properties": {
        "text": {"type": "string"},
        "language": {"type": ["string", "null"]},
        "segments": {
            "type": "array",
            "items": {
                "type": "object",
                "required": [
                    *("id", "seek", "start", "end", "text", "tokens", "temperature"),
                    *("avg_logprob", "compression_ratio", "no_speech_prob"),
                ],
                "properties": {
                    "id": {"type": "integer"},
                    "seek": {"type": "integer"},
                    "start": {"type": "number"},
                    "end": {"type": "number"},
                    "text": {"type": "string"},
                    "tokens": {"type": "array", "items": {"type": "integer"}},
                    "temperature": {"type": "number"},
                    "avg_logprob": {"type": "number"},
                    "compression_ratio": {"type": "number"},
                    "no_speech_prob": {"type": "number", "minimum": 0, "maximum": 1},
                    "words": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["word", "start", "end", "probability"],
                            "properties": {
                                "word": {"type": "string", "pattern": "^ "},
                                "start": {"type": "number"},
                                "end": {"type": "number"},
                                "probability": {"type": "number"},
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.mark.parametrize("talk", [TALK, STRANGE], ids=["talk", "odd"])
def test_json_has_what_whispers_has(talk: Transcript) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    whole = json.loads(to_json(talk, WriteOptions(word_timestamps=True)))
    jsonschema.validate(whole, WHISPER)
    assert [one["text"] for one in whole["segments"]] == [one.text for one in talk.segments]
    if talk is TALK:
        first = whole["segments"][0]["words"]
        assert "".join(word["word"] for word in first) == f" {' '.join(WORDS)}"
        assert first[0] == {"word": " it", "start": 0.1, "end": 0.24, "probability": 0.9}
        assert whole["language"] == "en"


def test_json_says_what_else_was_asked_for() -> None:
    more = {"confidence": 0.25, "nbest": (("a", -1.0), ("b", float("-inf")))}
    talk = Transcript(None, (segment(0, 0.0, "a", **more),), 2.0, channel=2, warnings=("w",))
    plain = json.loads(to_json(talk))
    assert (plain["channel"], plain["warnings"]) == (2, ["w"])
    assert not {"words", "confidence", "nbest"} & set(plain["segments"][0])
    full = json.loads(to_json(talk, WriteOptions(confidence=True, nbest=2)))["segments"][0]
    assert full["confidence"] == 0.25
    assert full["nbest"] == [{"text": "a", "score": -1.0}, {"text": "b", "score": None}]


def test_repetition_shows_as_whispers_compression_ratio() -> None:
    talk = Transcript(None, (segment(0, 0.0, "very " * 100),), 2.0)
    assert json.loads(to_json(talk))["segments"][0]["compression_ratio"] > 2.4


@pytest.mark.parametrize(
    "name", ["max_line_width", "max_line_count", "max_words_per_line", "nbest"]
)
def test_numbers_below_one_are_said(name: str) -> None:
    with pytest.raises(ConfigError, match=f"--{name} 0: must be at least 1"):
        WriteOptions(**{name: 0})


CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
PAGE = """<video muted><track id=t kind=subtitles default src="data:text/vtt;base64,%s"></video>
<pre id=out></pre><script>
const track = document.getElementById('t');
track.track.mode = 'hidden';
track.onload = () => {
  const div = document.createElement('div');
  document.getElementById('out').textContent = JSON.stringify([...track.track.cues].map(cue => {
    div.replaceChildren(cue.getCueAsHTML());
    return [Math.round(cue.startTime * 1000), Math.round(cue.endTime * 1000), div.textContent];
  }));
};
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to read a <track>")
def test_a_browsers_track_shows_every_cue_as_it_was_said(tmp_path: Path) -> None:
    import base64

    assert CHROMIUM is not None
    for talk, options in ((STRANGE, WriteOptions()), (TALK, OPTIONS[5])):
        data = base64.b64encode(to_vtt(talk, options).encode()).decode()
        (tmp_path / "page.html").write_text(PAGE % data, "utf-8")
        done = subprocess.run(
            [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu",
             "--virtual-time-budget=5000", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
             f"file://{tmp_path}/page.html"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        found = re.search(r"<pre id=\"out\">(.*?)</pre>", done.stdout, re.DOTALL)
        assert found, done.stderr
        read = json.loads(html.unescape(found[1]))
        cues = [*cues_of(talk, options)]
        assert [row[:2] for row in read] == [
            [round(1000 * cue.start_seconds), round(1000 * cue.end_seconds)] for cue in cues
        ]
        assert [row[2] for row in read] == [
            "\n".join(" ".join(word.text for word in line) for line in cue.lines) for cue in cues
        ]
