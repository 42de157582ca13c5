import html
import json
import re
import subprocess
import sys
import tracemalloc
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr.config import SearchConfig
from asr.errors import ConfigError, DataError
from asr.use.heard import LIKE_HEARD_IN_NOISE
from asr.use.textgrid import to_textgrid
from asr.use.transcribe import TranscribeOptions, iter_segments, transcribe
from asr.use.transcript import TimedWord, TranscribedSegment, Transcript
from asr.use.writers import PLAIN, WRITERS, check_formats, write_transcript

RATE = 16000
SEARCH = SearchConfig()
OPTIONS = TranscribeOptions(SEARCH)


@dataclass(frozen=True)
class Said:
    text: str
    score: float = -2.0
    num_tokens: int = 4
    ended: str = "eos"
    nbest: tuple[tuple[str, float], ...] = ()
    confidence: float | None = None
    words: tuple[TimedWord, ...] = ()
    warnings: tuple[str, ...] = ()
    speech: float | None = None


class Listener:
    """Says how many tenths of a second it heard, and remembers what it was asked."""

    def __init__(self, max_seconds=10.0, ended="eos"):
        self.sample_rate = RATE
        self.max_seconds = max_seconds
        self.ended = ended
        self.batches = []

    def recognize(self, waveforms, options, **_):
        assert options is SEARCH
        assert all(waveform.dtype == np.float32 for waveform in waveforms)
        self.batches.append([len(waveform) / RATE for waveform in waveforms])
        return [Said(f"{len(waveform) // 1600}", ended=self.ended) for waveform in waveforms]


def burst(seconds, seed=0):
    noise = np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (0.1 * noise).astype(np.float32)


def speech(*seconds, pause=1.0):
    parts = [part for length in seconds for part in (np.zeros(int(pause * RATE)), burst(length))]
    return np.concatenate([*parts, np.zeros(int(pause * RATE))]).astype(np.float32)


def segment(number, start, end, text, **more):
    values = {"score": -1.0, "avg_log_prob": -0.25, "ended": "eos"} | more
    return TranscribedSegment(number, start, end, text, **values)


def transcript(*segments, path=Path("talk.wav")):
    return Transcript(path, segments, 4000.0)


def test_an_array_becomes_segments_with_times_in_order():
    found = transcribe(Listener(), speech(2, 5, 1), sample_rate=RATE, options=OPTIONS)
    times = [(one.start_seconds, one.end_seconds) for one in found.segments]
    expected = [(0.8, 3.2), (3.8, 9.2), (9.8, 11.2)]
    assert times == [pytest.approx(pair, abs=0.04) for pair in expected]
    assert [one.id for one in found.segments] == [0, 1, 2]
    assert found.seconds == 12.0
    assert found.path is None
    assert len(found.text.split()) == 3


def test_a_file_of_any_rate_and_channels_gives_what_its_samples_give(tmp_path):
    path = tmp_path / "a.flac"
    soundfile.write(path, np.stack([speech(2, 3)] * 2, axis=1), RATE, subtype="PCM_24")
    from_file = transcribe(Listener(), path, options=OPTIONS)
    from_array = transcribe(Listener(), speech(2, 3), sample_rate=RATE, options=OPTIONS)
    assert from_file.segments == from_array.segments
    assert from_file.path == path
    soundfile.write(path, speech(2, 3), 2 * RATE)
    assert transcribe(Listener(), str(path), options=OPTIONS).seconds == 4.0


@pytest.mark.parametrize("is_file", [True, False])
def test_channels_that_cancel_each_other_are_a_warning(tmp_path, is_file):
    path, samples = tmp_path / "a.wav", np.stack([speech(2), -speech(2)], axis=1)
    soundfile.write(path, samples, RATE)
    rate, name = (None, path) if is_file else (RATE, "waveform")
    heard = []
    found = transcribe(
        Listener(), path if is_file else samples, sample_rate=rate, options=OPTIONS,
        on_warning=heard.append,
    )  # fmt: skip
    assert found.segments == ()
    assert found.warnings == tuple(heard)
    assert heard[0].startswith(f"{name}: its 2 channels cancel each other, their mean is")


def test_words_heard_in_steady_noise_are_a_warning():
    (one,) = transcribe(Listener(), burst(5), sample_rate=RATE, options=OPTIONS).segments
    assert one.warning == "as loud all the time as noise is: its words may be made up"
    (one,) = transcribe(Listener(), speech(5), sample_rate=RATE, options=OPTIONS).segments
    assert one.warning is None


def test_silence_gives_no_segment_and_no_text():
    found = transcribe(Listener(), np.zeros(RATE * 3), sample_rate=RATE, options=OPTIONS)
    assert (found.segments, found.text, found.seconds) == ((), "", 3.0)


def test_no_waveform_is_longer_than_the_recognizer_was_trained_on():
    listener = Listener(max_seconds=6.0)
    transcribe(listener, speech(40, 3), sample_rate=RATE, options=OPTIONS)
    heard = [seconds for batch in listener.batches for seconds in batch]
    assert max(heard) <= 6.0
    assert sum(heard) >= 43.0


def test_batches_hold_like_lengths_and_at_most_batch_seconds_with_padding():
    listener = Listener()
    lengths = [1, 9, 2, 8, 1, 9, 2, 8, 3, 7] * 6
    found = transcribe(
        listener,
        speech(*lengths),
        sample_rate=RATE,
        options=TranscribeOptions(SEARCH, batch_seconds=30.0),
    )
    assert max(len(batch) * max(batch) for batch in listener.batches) <= 30.0
    assert max(len(batch) for batch in listener.batches) > 4
    assert [one.id for one in found.segments] == list(range(60))
    for one, length in zip(found.segments, lengths, strict=True):
        assert int(one.text) == pytest.approx(10 * length + 4, abs=1)
    starts = [one.start_seconds for one in found.segments]
    assert starts == sorted(starts)


def test_the_first_segment_comes_before_the_rest_is_recognized():
    listener = Listener()
    found = iter_segments(listener, speech(*[5] * 40), sample_rate=RATE, options=OPTIONS)
    first = next(found)
    assert first.start_seconds == pytest.approx(0.8, abs=0.04)
    assert sum(len(batch) for batch in listener.batches) == 2
    assert len(list(found)) == 39


def peak_bytes(path, listener):
    tracemalloc.start()
    found = transcribe(listener, path, options=TranscribeOptions(SEARCH, batch_seconds=20.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, len(found.segments)


def test_what_is_held_does_not_grow_with_the_audio(tmp_path):
    minutes = speech(4, 6, 9, 2, 8, 5, 9, 9)  # 61 s
    paths = [tmp_path / "4.wav", tmp_path / "16.wav"]
    for path, repeats in zip(paths, [4, 16], strict=True):
        soundfile.write(path, np.tile(minutes, repeats), RATE)
    peaks, numbers = zip(*[peak_bytes(path, Listener()) for path in paths], strict=True)
    assert numbers == (32, 128)
    assert peaks[1] < 1.05 * peaks[0]


@pytest.mark.parametrize(
    ("ended", "warning"),
    [("eos", None), ("length", "stopped at the length cap"), ("loop", "repeated itself")],
)
def test_a_hypothesis_that_did_not_end_by_itself_carries_a_warning(ended, warning):
    found = transcribe(Listener(ended=ended), speech(2), sample_rate=RATE, options=OPTIONS)
    assert [(one.ended, one.warning) for one in found.segments] == [(ended, warning)]


def test_a_segment_longer_than_any_trained_utterance_carries_a_warning():
    found = transcribe(Listener(max_seconds=0.5), speech(0.5), sample_rate=RATE, options=OPTIONS)
    assert "longer than any trained utterance (0.50 s)" in found.segments[0].warning


def test_the_average_log_prob_is_the_score_a_token():
    found = transcribe(Listener(), speech(2), sample_rate=RATE, options=OPTIONS)
    assert (found.segments[0].score, found.segments[0].avg_log_prob) == (-2.0, -0.5)


def test_an_array_without_its_rate_is_said():
    with pytest.raises(ConfigError, match="sample_rate None: must be given for an array"):
        transcribe(Listener(), burst(1), options=OPTIONS)


def test_a_rate_for_a_file_is_said():
    with pytest.raises(ConfigError, match="sample_rate 8000: must be given for an array only"):
        transcribe(Listener(), "a.wav", sample_rate=8000, options=OPTIONS)


def test_batches_of_no_length_are_said():
    with pytest.raises(ConfigError, match="batch_seconds 0: must be > 0"):
        iter_segments(
            Listener(),
            burst(1),
            sample_rate=RATE,
            options=TranscribeOptions(SEARCH, batch_seconds=0),
        )


def test_an_unknown_way_of_finding_speech_is_said_at_the_call():
    options = TranscribeOptions(SEARCH, vad="energy")
    with pytest.raises(ConfigError, match=r'vad "energy": must be one of level, silero, none$'):
        iter_segments(Listener(), burst(1), sample_rate=RATE, options=options)


def test_without_looking_for_speech_silence_is_recognized_too():
    options = TranscribeOptions(SEARCH, vad="none")
    found = transcribe(Listener(), np.zeros(RATE * 3), sample_rate=RATE, options=options)
    assert [(one.start_seconds, one.end_seconds) for one in found.segments] == [(0.0, 3.0)]


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        transcribe(Listener(), tmp_path / "none.wav", options=OPTIONS)


TALK = transcript(
    segment(0, 0.0, 2.0004, " Hello there "),
    segment(1, 2.5, 59.9996, "a --> b\tc"),
    segment(2, 60.0, 61.0, " ", warning="repeated itself", ended="loop"),
    segment(3, 3661.5, 3662.25, "안녕"),
)


def test_txt_is_one_segment_a_line():
    assert WRITERS["txt"](TALK, PLAIN) == "Hello there\na --> b c\n안녕\n"


def test_srt_counts_from_one_and_always_has_hours():
    assert WRITERS["srt"](TALK, PLAIN) == (
        "1\n00:00:00,000 --> 00:00:02,000\nHello there\n\n"
        "2\n00:00:02,500 --> 00:01:00,000\na -> b c\n\n"
        "3\n01:01:01,500 --> 01:01:02,250\n안녕\n\n"
    )


def test_vtt_has_hours_only_where_there_are_some():
    assert WRITERS["vtt"](TALK, PLAIN) == (
        "WEBVTT\n\n"
        "00:00.000 --> 00:02.000\nHello there\n\n"
        "00:02.500 --> 01:00.000\na --&gt; b c\n\n"
        "01:01:01.500 --> 01:01:02.250\n안녕\n\n"
    )


MARKUP = ["a ---> b ----> c", "x <y> & z &amp; w", "<i>now</i>", "less < more", "--> -->"]
MARKUP += [" two\r\nlines\n\nand\u2028more\x0b", "\ttab\tbed\x00\x1b", "half \ud83d x"]


def read_cues(text):
    """Returns times and text of each cue as a player splits them: at blank lines and arrows."""
    blocks = text.strip("\n").split("\n\n")
    cues = [block.partition(" --> ") for block in blocks if "-->" in block]
    assert text.count("-->") == len(cues)
    return [end.partition("\n")[2] for _, _, end in cues]


def test_markup_in_a_text_neither_ends_a_cue_nor_vanishes():
    talk = transcript(*(segment(n, 2.0 * n, 2.0 * n + 1, text) for n, text in enumerate(MARKUP)))
    lines = [" ".join(text.replace("\x00", " ").replace("\x1b", " ").split()) for text in MARKUP]
    lines[-1] = "half \ufffd x"
    vtt = read_cues(WRITERS["vtt"](talk, PLAIN))
    assert [html.unescape(text) for text in vtt] == lines
    assert not any(re.search(r"[<>]|&(?!amp;|lt;|gt;)", text) for text in vtt)
    srt = read_cues(WRITERS["srt"](talk, PLAIN))
    assert srt[0] == "a -> b -> c"
    assert srt[1:4] == lines[1:4]
    assert srt[4] == "-> ->"
    assert WRITERS["txt"](talk, PLAIN).split("\n") == [*lines, ""]
    rows = [line.split("\t") for line in WRITERS["tsv"](talk, PLAIN).split("\n")[1:-1]]
    assert [row[2] for row in rows] == lines
    assert {len(row) for row in rows} == {3}
    whole = json.loads(WRITERS["json"](talk, PLAIN).encode("utf-8"))
    assert [row["text"] for row in whole["segments"]] == MARKUP
    assert whole["text"] == " ".join(lines)


def test_tsv_has_whole_milliseconds_and_no_tab_in_a_text():
    assert WRITERS["tsv"](TALK, PLAIN) == (
        "start\tend\ttext\n0\t2000\tHello there\n2500\t60000\ta --> b c\n3661500\t3662250\t안녕\n"
    )


def test_json_keeps_every_segment_with_its_warning():
    whole = json.loads(WRITERS["json"](TALK, PLAIN))
    assert whole["text"] == "Hello there a --> b c 안녕"
    assert whole["duration"] == 4000.0
    assert [row["id"] for row in whole["segments"]] == [0, 1, 2, 3]
    assert whole["segments"][2] == {
        "id": 2,
        "seek": 6000,
        "start": 60.0,
        "end": 61.0,
        "text": " ",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": -0.25,
        "compression_ratio": 0.1111,
        "no_speech_prob": 0.0,
        "score": -1.0,
        "ended": "loop",
        "warning": "repeated itself",
    }


def test_json_says_how_probable_it_is_that_no_speech_is_heard():
    rows = [
        segment(0, 0, 1, "a", speech=0.75),
        segment(1, 1, 2, "b"),
        segment(2, 2, 3, "", speech=0),
    ]
    found = json.loads(WRITERS["json"](transcript(*rows), PLAIN))["segments"]
    assert [row["no_speech_prob"] for row in found] == [0.25, 0.0, 1.0]


@pytest.mark.parametrize("audio", [None, 5, {"path": "a.wav"}, {1}])
def test_what_is_no_audio_is_refused_by_its_type(audio):
    with pytest.raises(
        ConfigError, match=f"audio is of type {type(audio).__name__}: must be a path"
    ):
        transcribe(Listener(), audio, options=OPTIONS)


def test_a_rate_that_is_no_number_is_refused():
    with pytest.raises(ConfigError, match="sample_rate '8000': must be a number of Hz"):
        transcribe(Listener(), speech(1), sample_rate="8000", options=OPTIONS)


def test_json_writes_an_infinite_score_as_null():
    text = WRITERS["json"](transcript(segment(0, 0, 1, "a", score=float("-inf"))))
    assert json.loads(text)["segments"][0]["score"] is None


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_writes_a_transcript_without_segments(name):
    empty = {"txt": "", "srt": "", "vtt": "WEBVTT\n\n", "tsv": "start\tend\ttext\n"}
    empty |= {"ctm": "", "lrc": "", "csv": "start,end,text\n"}
    empty |= {"textgrid": to_textgrid(transcript())}  # shown in test_use_textgrid.py
    text = WRITERS[name](transcript(), PLAIN)
    bare = '{"text": "", "segments": [], "language": null, "duration": 4000.0, "warnings": []}\n'
    assert text == empty.get(name, bare)


def test_files_are_named_after_the_audio_and_nothing_else_is_left(tmp_path):
    written = write_transcript(TALK, tmp_path / "out" / "deep", ["srt", "txt", "srt"])
    assert [path.name for path in written] == ["talk.srt", "talk.txt"]
    assert sorted(path.name for path in (tmp_path / "out" / "deep").iterdir()) == [
        "talk.srt",
        "talk.txt",
    ]
    assert written[1].read_text(encoding="utf-8") == WRITERS["txt"](TALK, PLAIN)


def test_all_stands_for_every_format(tmp_path):
    written = write_transcript(transcript(path=None), tmp_path, ["all"])
    endings = [*[*WRITERS][:-1], "TextGrid"]
    assert [path.name for path in written] == [f"transcript.{ending}" for ending in endings]


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_a_folder_that_cannot_be_written_is_said(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot be written .*choose another one"):
        write_transcript(TALK, tmp_path / name, ["txt"])


def test_a_full_disk_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    write_transcript(TALK, tmp_path, ["txt"])

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asr.files.os.fsync", full)
    with pytest.raises(DataError, match=r"talk\.txt: cannot be written \(No space left on device"):
        write_transcript(transcript(segment(0, 0, 1, "new")), tmp_path, ["txt"])
    assert [path.name for path in tmp_path.iterdir()] == ["talk.txt"]
    assert (tmp_path / "talk.txt").read_text(encoding="utf-8").startswith("Hello there")


def test_an_unknown_format_is_said_with_the_known_ones():
    with pytest.raises(
        ConfigError,
        match='"doc": must be one of txt, vtt, srt, tsv, json, ctm, lrc, csv, textgrid, all',
    ):
        check_formats(["txt", "doc"])


def test_transcribing_loads_nothing_that_it_does_not_need() -> None:
    code = (
        "import sys, asr.cli.app, asr.use.recognizer, asr.use.many, asr.use.writers\n"
        "names = ('lhotse', 'librosa', 'matplotlib', 'lightning_fabric', 'tensorboard', 'jiwer')\n"
        "names += ('av', 'rich.progress')\n"
        "print([name for name in names if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Saying(Listener):
    """Says one thing of everything, and remembers whether words were asked for."""

    def __init__(self, said):
        super().__init__()
        self.said, self.asked = said, []

    def recognize(self, waveforms, options, **more):
        self.asked.append(more)
        return [self.said for _ in waveforms]


def test_words_are_asked_for_only_if_wanted_and_are_timed_from_the_recordings_start():
    words = (TimedWord("go", 0.1, 0.4, 0.9), TimedWord("on", 0.4, 99.0, 0.5))
    listener = Saying(Said("go on", words=words, confidence=0.8))
    options = TranscribeOptions(SEARCH, word_times=True)
    (one,) = transcribe(listener, speech(2), sample_rate=RATE, options=options).segments
    assert listener.asked == [{"words": True}]
    assert [word.text for word in one.words] == ["go", "on"]
    assert one.words[0].start_seconds == pytest.approx(one.start_seconds + 0.1)
    assert one.words[1].end_seconds == one.end_seconds  # never past its end
    assert one.confidence == 0.8
    transcribe(listener, speech(2), sample_rate=RATE, options=OPTIONS)
    assert listener.asked[-1] == {}


def test_signs_of_the_recognizer_are_warnings_of_the_segment():
    listener = Saying(Said("a", warnings=("low confidence", "odd")))
    (one,) = transcribe(listener, speech(2), sample_rate=RATE, options=OPTIONS).segments
    assert one.warning == "low confidence; odd"


def test_segments_that_overlap_are_joined_by_times_that_are_asked_for_and_not_given_out():
    listener = Saying(Said("go on", words=(TimedWord("go", 0, 1), TimedWord("on", 1, 2))))
    listener.max_seconds = 6.0
    found = transcribe(listener, burst(20), sample_rate=RATE, options=OPTIONS)
    assert len(found.segments) > 2
    assert all(more == {"times": True} for more in listener.asked)
    assert all(one.words == () for one in found.segments)
    asked = replace(OPTIONS, word_times=True)
    found = transcribe(listener, burst(20), sample_rate=RATE, options=asked)
    assert any(one.words for one in found.segments)


def test_steady_sound_with_a_text_improbable_as_in_noise_has_none():
    listener = Saying(Said("made up", warnings=(LIKE_HEARD_IN_NOISE,)))
    (one,) = transcribe(listener, burst(5), sample_rate=RATE, options=OPTIONS).segments
    assert one.text == ""
    assert str(one.warning).startswith("no speech: as loud all the time as noise is")
    assert '("made up")' in str(one.warning)
    (one,) = transcribe(listener, speech(2), sample_rate=RATE, options=OPTIONS).segments
    assert one.text == "made up"
