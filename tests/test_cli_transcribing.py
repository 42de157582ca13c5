"""asr transcribe end to end, on a model of a tiny language of tones."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import Done, error_of, run, tone, write_manifest

from asr.cli.transcribe_options import without_values
from asr.use.unfinished import JOURNAL_FILE
from asr.use.writers import WRITERS

MODEL = Path(__file__).parent / "fixtures" / "before_rooms" / "model"
RATE = 8000


def say(path: Path, text: str, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(text, rate), rate)
    return path


def transcribe(*arguments: str | Path) -> Done:
    done = run("transcribe", *arguments, "--model", MODEL)
    assert "Traceback" not in done.stderr
    return done


def said_in(folder: Path) -> dict[str, str]:
    """Returns the text of each .txt below a folder, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8").strip()
        for path in sorted(folder.rglob("*.txt"))
    }


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """Returns a folder of recordings in folders, two of one name, and what is none."""
    folder = tmp_path / "talks"
    say(folder / "ann" / "one.wav", "abdc")
    say(folder / "ann" / "two.flac", "dcab")
    say(folder / "ben" / "one.wav", "bacd")
    say(folder / ".hidden" / "x.wav", "abc")
    say(folder / "._one.wav", "abc")
    (folder / "notes.txt").write_text("no audio")
    (folder / "old.vox").write_bytes(b"abc")
    return folder


def test_a_folder_keeps_its_folders_and_says_what_it_holds(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = transcribe(talks, "-o", out)
    assert done.returncode == 0
    assert said_in(out) == {"ann/one.txt": "abdc", "ann/two.txt": "dcab", "ben/one.txt": "bacd"}
    assert f"{talks}: 3 recordings (1 .flac, 2 .wav)" in done.stderr
    notice = "samples without a header and are not read (1 .vox; --raw RATE says what they are)"
    assert f"1 files are {notice}: old.vox" in done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["ann", "ben"]


def test_an_empty_argument_is_not_the_folder_that_one_is_in() -> None:
    line = error_of("transcribe", "", "--model", MODEL)
    assert '"": names nothing; must be a file, a folder, a pattern or -' in line


def test_samples_without_a_header_lead_to_raw_and_standard_input_to_no_file(tmp_path: Path) -> None:
    (tmp_path / "call.raw").write_bytes(bytes(range(256)) * 20)
    line = error_of("transcribe", tmp_path / "call.raw", "--model", MODEL)
    assert "must be said to be some: asr transcribe --raw RATE" in line
    (tmp_path / "call.wav").write_bytes(bytes(range(256)) * 20)
    line = error_of("transcribe", tmp_path / "call.wav", "--model", MODEL)
    assert "convert it: ffmpeg -i FILE FILE.wav" in line


def test_a_recording_without_speech_is_said_to_be_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "still.wav", np.zeros(RATE), RATE)
    done = transcribe(tmp_path / "still.wav")
    assert (done.returncode, done.stdout) == (0, "")
    assert "still.wav: no speech was heard in it, its transcript is empty" in done.stderr


def test_a_pattern_keeps_the_folders_that_it_leaves_open(talks: Path, tmp_path: Path) -> None:
    assert transcribe(talks / "**" / "one.wav", "-o", tmp_path / "out").returncode == 0
    assert said_in(tmp_path / "out") == {"ann/one.txt": "abdc", "ben/one.txt": "bacd"}
    line = error_of("transcribe", talks / "*.mp9", "--model", MODEL)
    assert f"{talks}/*.mp9: matches no file; must match one" in line


def test_a_manifest_gives_a_transcript_an_utterance(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "data", "dev", ["abdc", "bacd"])
    assert transcribe(manifest, "-o", tmp_path / "out").returncode == 0
    assert said_in(tmp_path / "out") == {"dev-000.txt": "abdc", "dev-001.txt": "bacd"}


def test_files_folders_and_manifests_are_given_at_once(talks: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "data", "dev", ["cabd"])
    extra = say(tmp_path / "extra.wav", "dabc")
    done = transcribe(extra, talks / "ann", manifest, talks / "ann" / "one.wav", extra)
    assert done.stdout.splitlines() == ["dabc", "abdc", "dcab", "cabd"]
    assert done.stderr.count("named twice; transcribed once") == 2
    assert f"{extra}:" in done.stderr.splitlines()


def test_what_is_piped_in_is_transcribed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = say(tmp_path / "a.flac", "abdc").read_bytes()
    for name, piped, options in (
        ("a.flac", data, []),
        ("raw", (tone("abdc") * 32767).astype("<i2").tobytes(), ["--raw", "8000"]),
    ):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(piped)))
        assert transcribe("-", *options).stdout == "abdc\n", name
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert transcribe("-", "-o", tmp_path / "out").returncode == 0
    assert said_in(tmp_path / "out") == {"stdin.txt": "abdc"}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    line = error_of("transcribe", "-", "--model", MODEL)
    assert line.startswith("asr: standard input: empty (0 bytes)")


def test_a_terminal_is_no_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    assert "-: standard input is a terminal" in error_of("transcribe", "-", "--model", MODEL)


def test_samples_without_a_header_are_read_where_their_rate_is_said(tmp_path: Path) -> None:
    samples = np.stack([tone("abdc"), np.zeros(4 * RATE // 5, np.float32)], axis=1)
    (tmp_path / "talks").mkdir()
    (tmp_path / "talks" / "a.pcm").write_bytes((samples * 32767).astype(">i2").tobytes())
    form = ["--raw", "8000", "--raw_format", "s16be", "--raw-channels", "2", "--channels", "1"]
    assert transcribe(tmp_path / "talks", *form).stdout == "abdc\n"
    line = error_of("transcribe", tmp_path / "talks" / "a.pcm", "--model", MODEL)
    assert "not audio that libsndfile reads" in line
    wav = say(tmp_path / "b.wav", "bacd")
    assert transcribe(wav, "--raw", "16000").stdout == "bacd\n"  # it has a header, which counts


def test_each_channel_of_a_call_gets_a_transcript(tmp_path: Path) -> None:
    call = np.stack([tone("abdc"), tone("bacd")], axis=1)
    soundfile.write(tmp_path / "call.wav", call, RATE)
    out = tmp_path / "out"
    done = transcribe(
        tmp_path / "call.wav", "--channels", "each", "-f", "txt", "-f", "ctm", "-o", out
    )
    assert done.returncode == 0
    assert said_in(out) == {"call.ch1.txt": "abdc", "call.ch2.txt": "bacd"}
    assert (out / "call.ch2.ctm").read_text("utf-8").startswith("call.ch2 2 0.")
    assert transcribe(tmp_path / "call.wav", "--channels", "2").stdout == "bacd\n"
    line = error_of("transcribe", tmp_path / "call.wav", "--model", MODEL, "--channels", "3")
    assert "has 2 of the channels, --channels 3 is not among them" in line


def test_channels_that_cancel_or_are_silent_are_noticed(tmp_path: Path) -> None:
    sound = tone("abdc")
    soundfile.write(tmp_path / "inverted.wav", np.stack([sound, -sound], axis=1), RATE)
    soundfile.write(tmp_path / "half.wav", np.stack([sound, 0 * sound], axis=1), RATE)
    done = transcribe(tmp_path / "inverted.wav", tmp_path / "half.wav")
    assert "its 2 channels cancel each other" in done.stderr
    assert "channel 2 of 2 is silent (the mean of all is heard)" in done.stderr
    done = transcribe(tmp_path / "half.wav", "--channels", "each")
    assert "channel 2 of 2 is silent\n" in done.stderr


def test_clips_alone_are_transcribed_at_the_times_of_the_whole(tmp_path: Path) -> None:
    path = say(tmp_path / "a.wav", "abdc   bacd   dcab")
    for options, expected in (
        (["--clip_timestamps", "0,0.8,1.4,2.2"], ["abdc", "bacd"]),
        (["--clip_timestamps", "2.8"], ["dcab"]),
        (["--offset", "1.4", "--duration", "0.8"], ["bacd"]),
        (["--duration", "0.8"], ["abdc"]),
    ):
        segments = json.loads(transcribe(path, "-f", "json", *options).stdout)["segments"]
        assert [segment["text"] for segment in segments] == expected
        assert [segment["id"] for segment in segments] == [*range(len(segments))]
        if expected[-1] == "bacd":
            assert segments[-1]["start"] == pytest.approx(1.4, abs=0.05)
            assert segments[-1]["end"] == pytest.approx(2.2, abs=0.05)
    line = error_of("transcribe", path, "--model", MODEL, "--offset", "9")
    assert "a.wav: nothing is heard from 9 s on" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--clip_timestamps", "1,x"], '--clip_timestamps "1,x": must be seconds'),
        (["--clip_timestamps", "2,1"], "must rise"),
        (["--clip_timestamps", "nan"], "--clip_timestamps nan: must be seconds, 0 or more"),
        (["--clip_timestamps", "1,2", "--offset", "1"], "without --offset and --duration"),
        (["--offset=-1"], "--offset -1: must be seconds, 0 or more"),
        (["--duration", "0"], "--duration 0: must be seconds above 0"),
        (["--channels", "left"], '--channels "left": must be mix, each or the number'),
        (["--channels", "0"], '--channels "0": must be'),
        (["--channels", "²"], '--channels "²": must be'),
        (["--raw", "10"], "--raw 10: must be a rate of 1000 to 768000 Hz"),
        (["--raw_format", "u8"], "must come with --raw RATE"),
        (["--max_line_width", "0"], "--max_line_width 0: must be at least 1"),
        (["--max_line_count", "2"], "--max_line_count 2: must come with --max_line_width"),
        (["--nbest", "0"], "--nbest 0: must be at least 1"),
        (["--nbest", "3"], "--nbest 3: must be at most the beam's 1 (--beam-size 3)"),
        (["--compute_type", "int4"], '"int4": must be default, auto, float32, bfloat16 or int8'),
        (["--batch_seconds", "nan"], "--batch-seconds nan: must be > 0"),
        (["--quiet", "--verbose"], "--quiet: must be given without --verbose"),
        (["--overwrite"], "need --output-dir"),
        (["--overwrite", "--skip_existing", "-o", "x"], "must be given without --overwrite"),
        (["-f", "srt", "-f", "vtt"], "--output-format srt, vtt: needs --output-dir"),
    ],
)
def test_options_that_cannot_be_are_said(tmp_path: Path, options: list[str], message: str) -> None:
    path = say(tmp_path / "a.wav", "abdc")
    assert message in error_of("transcribe", path, "--model", MODEL, *options)


def test_subtitles_of_several_files_are_not_printed_in_a_row(talks: Path) -> None:
    line = error_of("transcribe", talks / "ann", "--model", MODEL, "-f", "srt", "--quiet")
    assert "srt: 2 transcripts cannot be printed in a row; needs --output-dir" in line
    rows = transcribe(talks / "ann", "-f", "json").stdout.splitlines()
    assert [json.loads(row)["text"] for row in rows] == ["abdc", "dcab"]


def test_options_are_understood_as_whisper_spells_them(tmp_path: Path) -> None:
    path = say(tmp_path / "a.wav", "abdc   bacd")
    out = tmp_path / "out"
    done = transcribe(
        path, "--output_dir", out, "--output_format", "all", "--word_timestamps", "True",
        "--highlight_words", "False", "--max_line_width", "10", "--beam_size", "4", "--nbest", "3",
        "--verbose", "False", "--language", "xx", "--confidence",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    endings = {name: name for name in WRITERS} | {"textgrid": "TextGrid"}
    written = sorted(path.name for path in out.iterdir())
    assert written == sorted(f"a.{ending}" for ending in endings.values())
    whole = json.loads((out / "a.json").read_text("utf-8"))
    assert whole["language"] == "xx"
    assert [len(segment["nbest"]) for segment in whole["segments"]] == [3] * len(whole["segments"])
    assert whole["segments"][0]["nbest"][0]["text"] == whole["segments"][0]["text"]
    assert all("words" in one and "confidence" in one for one in whole["segments"])
    table = list(csv.DictReader((out / "a.csv").read_text("utf-8").splitlines()))
    assert " ".join(row["text"] for row in table) == whole["text"]
    assert f"written: {out / 'a.txt'}, .vtt, .srt" in done.stderr


def test_a_flag_may_be_followed_by_true_or_false() -> None:
    given = ["--word_timestamps", "True", "--quiet=True", "--verbose", "False", "x", "--overwrite"]
    assert without_values(given) == ["--word_timestamps", "--quiet", "x", "--overwrite"]
    assert without_values(["--quiet", "--", "--quiet", "True"]) == [
        "--quiet",
        "--",
        "--quiet",
        "True",
    ]
    assert without_values(["--model", "True", "--set=a=True"]) == [
        "--model",
        "True",
        "--set=a=True",
    ]


def test_what_is_asked_for_and_not_known_is_said_once(talks: Path, tmp_path: Path) -> None:
    path = talks / "ann"
    done = transcribe(path, "-f", "ctm", "--confidence", "-o", tmp_path / "out")
    has_words = "words have no times of their own here" in done.stderr
    assert done.stderr.count("words have no times of their own here") <= 1
    assert done.stderr.count("confidence stays empty") <= 1
    assert has_words or "0." in (tmp_path / "out" / "one.ctm").read_text("utf-8")


def test_quiet_says_errors_alone_and_verbose_every_segment(talks: Path, tmp_path: Path) -> None:
    (talks / "bad.wav").write_bytes(b"no audio")
    done = transcribe(talks, "-o", tmp_path / "out", "--quiet")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 2
    assert done.stderr.startswith(f"asr: {talks / 'bad.wav'}: not audio")
    assert "1 of 4 files failed" in done.stderr
    done = transcribe(talks / "ben", "--verbose")
    assert f"{talks / 'ben' / 'one.wav'} [0:00 --> 0:01] bacd" in done.stderr.splitlines()


def test_recordings_alike_but_for_the_ending_keep_it(tmp_path: Path) -> None:
    say(tmp_path / "in" / "a.wav", "abdc")
    say(tmp_path / "in" / "a.flac", "bacd")
    done = transcribe(tmp_path / "in", "-o", tmp_path / "out")
    assert said_in(tmp_path / "out") == {"a.flac.txt": "bacd", "a.wav.txt": "abdc"}
    assert "called alike but for the ending: their transcripts keep it" in done.stderr


def test_files_of_one_name_in_two_folders_are_refused_before_any_work(
    talks: Path, tmp_path: Path
) -> None:
    files = [talks / "ann" / "one.wav", talks / "ben" / "one.wav"]
    line = error_of("transcribe", *files, "--model", MODEL, "-o", tmp_path / "out")
    assert "both would be written to" in line
    assert "name the folder above both" in line
    assert not (tmp_path / "out").exists()


def test_existing_files_are_written_over_or_left_as_asked(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert transcribe(talks, "-o", out).returncode == 0
    (out / "ann" / "one.txt").write_text("mine")
    (out / "ben" / "one.txt").unlink()
    done = transcribe(talks, "-o", out, "--skip_existing")
    assert "2 of 3 have their files and are left out" in done.stderr
    assert said_in(out) == {"ann/one.txt": "mine", "ann/two.txt": "dcab", "ben/one.txt": "bacd"}
    assert transcribe(talks, "-o", out).returncode == 0  # a run that ended begins anew
    assert said_in(out)["ann/one.txt"] == "abdc"
    assert not (out / JOURNAL_FILE).exists()


def test_a_textgrid_that_exists_is_known_by_its_own_ending(talks: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert transcribe(talks, "-o", out, "-f", "textgrid").returncode == 0
    path = out / "ann" / "one.TextGrid"
    assert 'text = "abdc"' in path.read_text("utf-8")
    path.unlink()
    done = transcribe(talks, "-o", out, "-f", "textgrid", "--skip_existing")
    assert "2 of 3 have their files and are left out" in done.stderr
    assert path.is_file()


def test_a_textgrid_of_mp3_files_says_once_that_praat_reads_them_otherwise(tmp_path: Path) -> None:
    talks, out = tmp_path / "talks", tmp_path / "out"
    for name in ("a.mp3", "b.mp3"):
        say(talks / name, "ab")
    done = transcribe(talks, "-o", out, "-f", "textgrid")
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stderr.split())
    assert said.count("Praat plays .mp3 files") == 1, said
    assert "show it with a wav file (ffmpeg -i FILE.mp3 FILE.wav)" in said
    assert "Praat" not in transcribe(talks, "-o", tmp_path / "srt", "-f", "srt").stderr


def test_a_run_that_was_stopped_goes_on_with_the_same_command(tmp_path: Path) -> None:
    folder, out = tmp_path / "talks", tmp_path / "out"
    for number in range(40):
        say(folder / f"{number:03d}.wav", "abdc")
    command = [sys.executable, "-m", "asr.cli", "transcribe", str(folder), "-o", str(out)]
    command += ["--model", str(MODEL), "--threads", "1"]
    slow = (
        "import signal, sys, time, asr.use.writers as w, asr.cli\n"
        # A shell has its jobs in the background ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "old = w.write_transcript\n"
        "def slowly(*a, **k):\n    time.sleep(0.2)\n    return old(*a, **k)\n"
        "w.write_transcript = slowly\n"
        "sys.argv = ['asr', *sys.argv[1:]]\nasr.cli.main()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *command[3:]], stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 60
    while len(said_in(out)) < 5 and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "the same command goes on with the rest" in stderr
    assert "Traceback" not in stderr
    before = said_in(out)
    assert 5 <= len(before) < 40
    assert set(before.values()) == {"abdc"}
    kept = min(before)
    (out / kept).write_text("kept")
    done = transcribe(folder, "-o", out, "--threads", "1")
    assert done.returncode == 0
    # The last one may have been stopped between its file and the note that it is done.
    kinds = [f"{len(before) - fewer} of 40 were done before (--overwrite" for fewer in (0, 1)]
    assert any(kind in done.stderr for kind in kinds)
    assert len(said_in(out)) == 40
    assert said_in(out)[kept] == "kept"
    assert not [path for path in out.iterdir() if path.name.startswith(".")]


def test_a_run_that_was_stopped_in_a_long_recording_goes_on_in_its_middle(tmp_path: Path) -> None:
    long, out = tmp_path / "long.wav", tmp_path / "out"
    words = [np.pad(tone("abdc", RATE), (0, RATE)) for _ in range(40)]
    soundfile.write(long, np.concatenate(words) * np.linspace(0.5, 1, 40 * len(words[0])), RATE)
    stopping = (
        "import sys, asr.cli\nfrom asr.use.recognizer import Recognizer\n"
        "old, heard, most = Recognizer.recognize, [], int(sys.argv.pop(1))\n"
        "def recognize(self, waveforms, *a, **k):\n"
        "    heard.extend(waveforms)\n"
        "    if len(heard) > most: raise KeyboardInterrupt\n"
        "    return old(self, waveforms, *a, **k)\n"
        "Recognizer.recognize = recognize\n"
        "try: asr.cli.main()\nfinally: print(len(heard))"
    )

    def heard(most: int, folder: Path) -> int:
        command = [sys.executable, "-c", stopping, str(most), "transcribe", str(long), "-o"]
        command += [str(folder), "--model", str(MODEL), "--batch-seconds", "4", "-f", "json"]
        return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False).stdout)

    whole = heard(1000, tmp_path / "whole")
    first = heard(whole // 2, out)
    assert not (out / "long.json").exists()
    assert heard(1000, out) < whole - first // 2
    assert (out / "long.json").read_bytes() == (tmp_path / "whole" / "long.json").read_bytes()
    assert not (out / JOURNAL_FILE).exists()


def test_another_recording_of_a_manifest_or_of_standard_input_is_transcribed(
    tmp_path: Path,
) -> None:
    manifest, out = write_manifest(tmp_path / "data", "dev", ["abdc", "bacd"]), tmp_path / "out"
    first, second = sorted((tmp_path / "data").rglob("*.wav"))
    kept = second.read_bytes()
    second.unlink()
    assert transcribe(manifest, "-o", out).returncode == 2
    assert [*said_in(out).values()] == ["abdc"]
    second.write_bytes(kept)
    again = transcribe(manifest, "-o", out)
    assert "1 of 2 were done before" in again.stderr
    second.unlink()
    shutil.rmtree(out)
    assert transcribe(manifest, "-o", out).returncode == 2
    second.write_bytes(kept)
    first.write_bytes(kept)
    os.utime(first, (1, 1))
    assert transcribe(manifest, "-o", out).returncode == 0
    assert [*said_in(out).values()] == ["bacd", "bacd"]


def test_a_stopped_run_counts_for_its_own_command_and_recordings_alone(
    talks: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    (talks / "bad.wav").write_bytes(b"no audio")  # so that the run is not at its end
    assert transcribe(talks, "-o", out).returncode == 2
    assert (out / JOURNAL_FILE).is_file()
    done = transcribe(talks, "-o", out)
    assert "3 of 3 were done before" in done.stderr
    say(talks / "ann" / "one.wav", "dada")
    os.utime(talks / "ann" / "one.wav", (1, 1))
    assert "2 of 3 were done before" in transcribe(talks, "-o", out).stderr
    assert said_in(out)["ann/one.txt"] == "dada"
    assert "were done before" not in transcribe(talks, "-o", out, "--beam-size", "2").stderr
    assert "were done before" not in transcribe(talks, "-o", out, "--overwrite").stderr


def test_a_fault_found_late_says_that_what_was_printed_is_a_part(tmp_path: Path) -> None:
    samples = np.tile(tone("abdc" + "    "), 40)
    samples[-1] = np.nan
    soundfile.write(tmp_path / "late.wav", samples, RATE, subtype="FLOAT")
    done = transcribe(tmp_path / "late.wav")
    assert done.returncode == 2
    assert done.stdout
    assert done.stderr.rstrip().endswith("; what was printed of it is only its beginning")


def test_many_bad_files_among_many_are_named_and_the_others_done(tmp_path: Path) -> None:
    folder, out = tmp_path / "talks", tmp_path / "out"
    for number in range(60):
        path = say(folder / f"{number:02d}.flac", "abdc")
        if number % 3 == 0:
            path.write_bytes(path.read_bytes()[:-200])
    done = transcribe(folder, "-o", out)
    assert done.returncode == 2
    assert len(said_in(out)) == 40
    assert set(said_in(out).values()) == {"abdc"}
    named = [line for line in done.stderr.splitlines() if "cut short or damaged" in line]
    assert len(named) == 20
    assert "20 of 60 files failed" in done.stderr
    assert "; 40 are done" in done.stderr


def test_a_compute_type_is_that_of_the_encoder_and_the_decoder(tmp_path: Path) -> None:
    path = say(tmp_path / "a.wav", "abdc")
    for kind in ("auto", "float32", "bfloat16"):
        assert transcribe(path, "--compute_type", kind).stdout.splitlines() == ["abdc"]
    line = error_of("transcribe", path, "--model", MODEL, "--compute_type", "int8")
    assert "int8: must be auto, float32 or bfloat16 (encoder.hidden_dim = " in line
