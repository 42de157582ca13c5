"""The command line end to end, on a model of a tiny language of tones."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import Done, error_of, random_texts, run, tiny_config, tone, write_manifest

import asr
from asr.config import dump_config
from asr.errors import DataError, ModelError
from asr.use.decode import decode_manifest
from asr.use.recognizer import load_recognizer


def run_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does."""
    command = [sys.executable, "-m", "asr.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a corpus, a configuration and a model trained by the command."""
    folder = tmp_path_factory.mktemp("home")
    train = write_manifest(folder / "data", "train", random_texts(40, seed=1))
    dev = write_manifest(folder / "data", "dev", random_texts(6, seed=2))
    config = tiny_config(data={"train": str(train), "dev": str(dev)})
    (folder / "config.yaml").write_text(dump_config(config))
    done = run("train", folder / "config.yaml", "--out", folder / "exp", "--set", "train.epochs=1")
    assert done.returncode == 0, done.stderr
    assert re.search(r"epoch 1/1 loss [\d.]+ ctc [\d.]+ dev CER [\d.]+% WER", done.stderr)
    soundfile.write(folder / "a.wav", tone("abdc"), 8000)
    return folder


def test_decode_writes_every_utterance_and_score_reports_it(home: Path) -> None:
    done = run("decode", home / "data/dev.jsonl.gz", "--model", home / "exp", "--out", home / "d")
    assert done.returncode == 0, done.stderr
    assert re.search(r"6 utterances, .*real-time factor 0\.\d+", done.stderr)
    rows = [json.loads(line) for line in (home / "d/hyp.jsonl").read_text().splitlines()]
    assert [row["id"] for row in rows] == [f"dev-{index:03d}" for index in range(6)]
    keys = {"id", "reference", "hypothesis", "score", "nbest", "ended", "seconds", "normalizer"}
    keys |= {"speaker", "num_tokens", "manifest", "audio", "start"}
    assert all(set(row) - {"warnings"} == keys | {"confidence"} for row in rows)
    assert [row["reference"] for row in rows] == random_texts(6, seed=2)
    done = run("score", home / "d")
    assert done.returncode == 0, done.stderr
    report = json.loads((home / "d/report.json").read_text())
    assert report["wer"] > 0
    assert (home / "d/report.md").is_file()
    only = run("score", home / "d", "--only", "cer").stdout
    assert only == f"{100 * report['cer']:.2f} %\n"
    assert run("score", home / "d", "--note", "seen before").returncode == 0
    assert "seen before" in (home / "d/report.md").read_text()
    both = f"CER {100 * report['cer']:.2f} % WER {100 * report['wer']:.2f} %\n"
    assert run("score", home / "d", "--only", "cer,wer").stdout == both
    assert run("score", home / "d", "--only", "cer", "--only", "wer").stdout == both
    assert "known: wer, cer" in error_of(
        "score", home / "d", "--only", "cer,per", "--out", home / "e"
    )
    assert "without it --note" in error_of("score", home / "d", "--only", "cer", "--note", "seen")
    unused = run("score", home / "d", "--only", "cer", "--out", home / "e")
    assert (unused.returncode, unused.stdout) == (0, only)
    assert f"nothing is written to {home / 'e'}" in unused.stderr
    assert not (home / "e").exists()
    done = run("score", home / "d", "--cuts", home / "data/dev.jsonl.gz")
    assert done.returncode == 0, done.stderr
    some = json.loads((home / "d/dev/report.json").read_text())
    assert (some["wer"], some["num_utterances"]) == (report["wer"], 6)


def test_a_beam_returns_as_many_hypotheses_as_asked_for(home: Path) -> None:
    arguments = ["decode", home / "data/dev.jsonl.gz", "--model", home / "exp", "--out", home / "b"]
    done = run(*arguments, "--beam-size", "4", "--set", "search.num_best=3")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (home / "b/hyp.jsonl").read_text().splitlines()]
    assert {len(row["nbest"]) for row in rows} == {3}
    assert all(row["nbest"][0]["text"] == row["hypothesis"] for row in rows)


@pytest.mark.parametrize("rate", [8000, 48000])
@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3"])
def test_transcribe_takes_any_format_rate_and_channels(
    home: Path, tmp_path: Path, rate: int, kind: str
) -> None:
    stereo = np.stack([tone("abdc", rate)] * 2, axis=1)
    soundfile.write(tmp_path / f"x.{kind}", stereo, rate)
    model = load_recognizer(home / "exp")
    transcript = asr.load_model(home / "exp").transcribe(tmp_path / f"x.{kind}")
    assert model.sample_rate == 8000
    assert transcript.seconds == pytest.approx(0.8, abs=0.15)


def test_transcribe_writes_all_formats_and_prints_text(home: Path, tmp_path: Path) -> None:
    done = run("transcribe", home / "a.wav", "--model", home / "exp", "-f", "all", "-o", tmp_path)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [
        f"a.{kind}"
        for kind in ("TextGrid", "csv", "ctm", "json", "lrc", "srt", "tsv", "txt", "vtt")
    ]
    text = run_process("transcribe", home / "a.wav", "--model", home / "exp").stdout
    assert text == (tmp_path / "a.txt").read_text()


def test_several_formats_may_be_asked_for(home: Path, tmp_path: Path) -> None:
    both = ["transcribe", home / "a.wav", "--model", home / "exp", "-f", "srt", "-f", "json"]
    assert run(*both, "-o", tmp_path).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.srt"]
    assert "--output-format srt, json: needs --output-dir" in error_of(*both)


def test_bad_files_among_many_are_named_and_the_others_are_done(home: Path, tmp_path: Path) -> None:
    names = ["0.mp3", "1.wav", "2.mp3", "3.mp3"]
    for name in names:
        soundfile.write(tmp_path / name, tone("abdc"), 8000)
    late = np.tile(tone("abdc"), 5)
    late[-1] = np.nan  # is found when it is read to its end
    soundfile.write(tmp_path / "1.wav", late, 8000, subtype="FLOAT")
    (tmp_path / "2.mp3").write_bytes(b"")  # is found at once
    files = [tmp_path / name for name in [*names, "gone.wav"]]
    out = tmp_path / "out"
    done = run("transcribe", *files, "--model", home / "exp", "-f", "json", "-o", out)
    assert done.returncode == 2
    assert sorted(path.name for path in out.glob("[!.]*")) == ["0.json", "3.json"]
    lines = [line for line in done.stderr.splitlines() if line.startswith("asr: ")]
    assert [Path(line.split(": ")[1]).name for line in lines[:3]] == ["2.mp3", "gone.wav", "1.wav"]
    assert lines[3].startswith("asr: 3 of 5 files failed, for the reasons above: ")
    assert lines[3].endswith("; 2 are done (mend these and give them alone)")
    done = run("transcribe", files[2], files[4], "--model", tmp_path / "no-model")
    assert "asr: 2 of 2 files failed" in done.stderr
    assert "no-model" not in done.stderr


def test_the_library_transcribes_files_and_samples_alike(home: Path) -> None:
    model = asr.load_model(home / "exp")
    samples, rate = soundfile.read(home / "a.wav")
    assert model.transcribe(home / "a.wav").text == model.transcribe(samples, rate).text
    found = [model.transcribe(samples, rate, beam_size=size).segments[0] for size in (3, 1)]
    beamed, greedy = (part.score / (len(part.text) + 1) for part in found)  # as search ranks them
    assert beamed >= greedy - 1e-6


def test_an_utterance_too_short_for_a_frame_still_has_its_line(home: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "short", ["ab", "c"])
    soundfile.write(tmp_path / "short-001.wav", np.zeros(60), 8000)
    import gzip

    with gzip.open(manifest, "rt") as file:
        rows = [json.loads(line) for line in file]
    rows[1]["duration"] = rows[1]["recording"]["duration"] = 60 / 8000
    rows[1]["recording"]["num_samples"] = 60
    rows[1]["supervisions"][0]["duration"] = 60 / 8000
    with gzip.open(manifest, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    summary = decode_manifest(load_recognizer(home / "exp"), manifest, folder=tmp_path / "out")
    assert summary.num_utterances == 2
    assert len((tmp_path / "out/hyp.jsonl").read_text().splitlines()) == 2


def test_decoding_does_not_depend_on_how_utterances_are_batched(home: Path, tmp_path: Path) -> None:
    results = []
    for seconds in (5.0, 50.0):
        recognizer = load_recognizer(home / "exp")
        data = recognizer.config.data.model_copy(update={"batch_seconds": seconds})
        recognizer.config = recognizer.config.model_copy(update={"data": data})
        decode_manifest(recognizer, home / "data/dev.jsonl.gz", folder=tmp_path)
        rows = [json.loads(line) for line in (tmp_path / "hyp.jsonl").read_text().splitlines()]
        results.append([(row["id"], row["hypothesis"]) for row in rows])
    assert results[0] == results[1]


def bad_audio(folder: Path, name: str) -> Path:
    """Returns a file with something wrong about it."""
    path = folder / f"{name}.wav"
    good = tone("ab")
    if name == "empty":
        path.write_bytes(b"")
    elif name == "truncated":
        soundfile.write(path, good, 8000)
        path.write_bytes(path.read_bytes()[:1500])
    elif name == "text":
        path.write_text("this is no audio")
    elif name == "silent":
        soundfile.write(path, good[:0], 8000)
    elif name == "nan":
        good[5] = np.nan
        soundfile.write(path, good, 8000, subtype="FLOAT")
    return path


@pytest.mark.parametrize("name", ["missing", "empty", "truncated", "text", "silent", "nan"])
def test_bad_audio_is_one_clear_line_and_leaves_nothing(
    home: Path, tmp_path: Path, name: str
) -> None:
    path = bad_audio(tmp_path, name)
    out = tmp_path / "out"
    line = error_of("transcribe", path, "--model", home / "exp", "-f", "srt", "-o", out)
    assert path.name in line
    assert not out.exists() or not list(out.iterdir())


def test_bad_manifests_are_one_clear_line(home: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "m", ["ab", "cd"])
    manifest.write_bytes(2 * manifest.read_bytes())
    arguments = ["decode", manifest, "--model", home / "exp", "--out", tmp_path / "out"]
    line = error_of(*arguments)
    assert '"m-000"' in line
    assert "the id occurs twice" in line
    assert not (tmp_path / "out/hyp.jsonl").exists()


def test_wrong_settings_are_one_clear_line(home: Path, tmp_path: Path) -> None:
    train = ["train", home / "config.yaml", "--out", tmp_path / "exp", "--set"]
    assert 'unknown key "train.epoch"' in error_of(*train, "train.epoch=3")
    assert "known: none, dot, scaled_dot" in error_of(*train, "attention={type: dto}")
    assert "known: lstm" in error_of(*train, "encoder.cell=gru2")
    assert not (tmp_path / "exp" / "config.yaml").exists()
    assert 'recipe "libri": unknown' in error_of("prepare", "libri", "--out", tmp_path / "x")
    assert "either a folder, or both" in error_of("score")
    pair = ["--ref", "a.txt", "--hyp", "b.txt", "--cuts", "c.jsonl.gz"]
    assert "--cuts goes with a folder" in error_of("score", *pair)


def test_a_device_that_is_not_there_is_one_clear_line(home: Path, tmp_path: Path) -> None:
    arguments = ["transcribe", home / "a.wav", "--model", home / "exp", "--device"]
    assert 'device "tpu": unknown; known: auto, cpu, cuda' in error_of(*arguments, "tpu")
    if not torch.cuda.is_available():
        assert 'device "cuda": there is none here' in error_of(*arguments, "cuda")
        settings = ["--set", "train.accelerator=cuda"]
        arguments = ["train", home / "config.yaml", "--out", tmp_path / "exp", *settings]
        assert 'device "cuda": there is none here' in error_of(*arguments)


def test_samples_out_of_all_bounds_end_a_search_all_the_same(home: Path) -> None:
    loud = np.full(4000, 1e30, dtype=np.float32)
    for beam_size in (1, 4):
        transcript = asr.load_model(home / "exp").transcribe(loud, 8000, beam_size=beam_size)
        assert all(np.isfinite(segment.score) for segment in transcript.segments)


def test_a_bad_model_folder_is_one_clear_line(home: Path, tmp_path: Path) -> None:
    arguments = ["transcribe", home / "a.wav", "--model"]
    assert "no such model folder" in error_of(*arguments, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "has no config.yaml" in error_of(*arguments, tmp_path / "empty")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_an_output_that_cannot_be_written_is_one_clear_line(home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    manifest = home / "data/dev.jsonl.gz"
    line = error_of("decode", manifest, "--model", home / "exp", "--out", tmp_path / "file" / "x")
    assert "cannot be written" in line
    line = error_of("train", home / "config.yaml", "--out", tmp_path / "file" / "x")
    assert "cannot be written" in line


def test_transcripts_with_unknown_characters_are_counted_and_said(
    home: Path, tmp_path: Path
) -> None:
    manifest = write_manifest(tmp_path, "dev", ["abq"])
    settings = ["--set", f"data.dev={manifest}", "--set", "train.epochs=1"]
    done = run("train", home / "config.yaml", "--out", tmp_path / "exp", *settings)
    assert done.returncode == 0, done.stderr
    assert "dev: 1 tokens are unknown to the tokenizer (UNK)" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_says_how_to_continue(home: Path, tmp_path: Path, number: int) -> None:
    settings = ["--set", "train.epochs=50", "--set", "data.num_workers=1"]
    command = [sys.executable, "-m", "asr.cli", "train", str(home / "config.yaml")]
    command += ["--out", str(tmp_path / "exp"), *settings]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    log = tmp_path / "exp/training/log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, number)  # as a terminal and a cluster do: the loaders get it too
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert re.search(r"stopped: saved at step \d+; run the same command again", errors)
    assert (tmp_path / "exp/training/state.pt").is_file()


LM_SETTINGS = ("train.epochs=2", "train.num_lanes=2", "model.hidden_dim=16", "model.num_layers=1")


def train_lm(home: Path, out: Path, *settings: str) -> Done:
    """Trains a small language model over the recognizer's tokens, from its transcripts."""
    (home / "lm.yaml").write_text("model: {cell: lstm, embedding_dim: 8}\n")
    files = ["--text", home / "data/train.jsonl.gz", "--dev", home / "data/dev.jsonl.gz"]
    arguments = ["train-lm", home / "lm.yaml", "--out", out, *files, "--tokenizer", home / "exp"]
    for setting in settings:
        arguments += ["--set", setting]
    return run(*arguments)


@pytest.mark.parametrize("settings", [LM_SETTINGS, ("type=ngram", "order=3")])
def test_a_language_model_is_trained_measured_and_sampled(
    home: Path, tmp_path: Path, settings: tuple[str, ...]
) -> None:
    done = train_lm(home, tmp_path / "lm", *settings)
    assert done.returncode == 0, done.stderr
    assert "done: " in done.stderr
    text = tmp_path / "text.txt"
    text.write_text("\n".join(random_texts(6, seed=2)) + "\n")
    measured = []
    for file in (text, home / "data/dev.jsonl.gz"):
        done = run("perplexity", file, "--lm", tmp_path / "lm", "--device", "cpu")
        assert done.returncode == 0, done.stderr
        measured.append(dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines()))
    assert measured[0] == measured[1]
    num_characters = sum(len(line) + 1 for line in random_texts(6, seed=2))
    assert measured[0]["tokens, EOS counted"] == str(num_characters)
    assert measured[0]["of them unknown (UNK)"] == "0"
    dev = json.loads((tmp_path / "lm/metrics.json").read_text())["dev"]
    assert float(measured[0]["perplexity per token"]) == pytest.approx(
        dev["token_perplexity"], rel=1e-3
    )
    arguments = ["sample-lm", "--lm", tmp_path / "lm", "--num", "3", "--prompt", "ab"]
    texts = run(*arguments, "--max-tokens", "5").stdout.splitlines()
    assert len(texts) == 3
    assert all(text.startswith("ab") and len(text) <= 7 for text in texts)
    assert texts == run(*arguments, "--max-tokens", "5").stdout.splitlines()


def test_mistakes_about_language_models_are_one_clear_line(home: Path, tmp_path: Path) -> None:
    (home / "lm.yaml").write_text("")
    train = ["train-lm", home / "lm.yaml", "--out", tmp_path / "lm"]
    assert "data.text: no text to train on; name files by --text" in error_of(*train)
    train += ["--text", home / "data/train.jsonl.gz"]
    assert "data.dev: no dev text; name a file by --dev" in error_of(*train)
    train += ["--dev", tmp_path / "none.txt"]
    assert "none.txt: no such text; give a file" in error_of(*train)
    assert 'unknown key "train.epoch"' in error_of(*train, "--set", "train.epoch=3")
    assert not (tmp_path / "lm").exists()
    for command in (["perplexity", home / "lm.yaml"], ["sample-lm"]):
        line = error_of(*command, "--lm", home / "exp")
        assert "is a recognizer's folder, not a language model's" in line
        line = error_of(*command, "--lm", tmp_path / "none")
        assert "no such language model" in line
        line = error_of(*command, "--lm", home / "exp", "--device", "tpu")
        assert 'device "tpu": unknown; known: auto, cpu, cuda' in line


def test_a_language_models_training_stops_at_a_signal(home: Path, tmp_path: Path) -> None:
    (home / "lm.yaml").write_text("train: {epochs: 10000}\nmodel: {hidden_dim: 8}\n")
    command = [sys.executable, "-m", "asr.cli", "train-lm", str(home / "lm.yaml")]
    command += ["--out", str(tmp_path / "lm"), "--text", str(home / "data/train.jsonl.gz")]
    command += ["--dev", str(home / "data/dev.jsonl.gz")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "lm/training/log.jsonl"
    deadline = time.monotonic() + 60
    while not (log.exists() and log.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert re.search(r"stopped: saved at step \d+; run the same command again", errors)


def test_doctor_finds_what_is_there() -> None:
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stderr
    names = {row["name"] for row in json.loads(done.stdout)}
    assert any("torch" in name for name in names)
    assert run("doctor").returncode == 0


def test_help_and_version_answer_without_heavy_imports() -> None:
    started = time.monotonic()
    assert run_process("--version").stdout == f"asr {asr.__version__}\n"
    assert "transcribe" in run("--help").stdout
    assert "transcribe" in run().stdout + run().stderr
    code = (
        "import sys, asr.cli.app, asr.text.reading_korean as korean\n"
        "heavy = {'torch', 'lhotse', 'librosa', 'rich.console'} & set(sys.modules)\n"
        "print(sorted(heavy), korean._rules.cache_info().misses)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[] 0\n"
    assert time.monotonic() - started < 60


def test_a_traceback_is_shown_on_request(tmp_path: Path) -> None:
    arguments = ["decode", "x", "--model", tmp_path / "none", "--out", tmp_path]
    done = run_process("--traceback", *arguments)
    assert "Traceback" in done.stderr
    assert "ModelError" in done.stderr


def test_the_library_raises_what_the_command_prints(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        asr.load_model(tmp_path / "none")
    with pytest.raises(DataError, match=r"gone\.wav"):
        asr.load_model(home / "exp").transcribe(tmp_path / "gone.wav")


CHOICES = {
    "train": (
        "encoder.cell=lstm   one of lstm, gru, rnn_tanh, rnn_relu",
        "decoder.start=zeros   one of zeros, copy, bridge, random",
        "multi_head: Several heads of another mechanism",
        "attention.feedback=previous",
        "  bridge: One fully connected layer, with tanh",
        "  jamo: One token a jamo",
        "precision=32-true   one of auto, 32-true, bf16-mixed",
        # What each means, from the comments beside or above it, and from docstrings.
        "train.learning_rate=0.001   # the peak\n",
        "decoder.attends=after   one of after, before   # The cell: its query is the state of this",
        "decoder.input_feeding=true   # the context known by then enters the cell\n",
        "search.loop_repeats=8   # the same few tokens so often in a row end a hypothesis\n",
        "attention.sharpness=10.0   # s at the start; it is learnt.",
        "attention.filter_width=101   # filters over a (rows of F), of so many frames, odd.",
        "attention.first=zeros   # the previous alignment before the first step: `zeros`, or",
        "attention.num_heads=4   # how many; query_dim and value_dim must be multiples of it.",
    ),
    "train-lm": (
        "type=rnn   one of rnn, ngram\n",
        "train.bptt_steps=64   # tokens a lane between two updates\n",
        "model.cell=lstm   one of lstm, gru, rnn_tanh, rnn_relu",
        "model.tied=true   # Whether the output has the embedding's weights (Press and Wolf 2017)",
    ),
}


@pytest.mark.parametrize("command", CHOICES)
def test_the_choices_of_a_configuration_are_listed_from_the_code(command: str) -> None:
    done = run(command, "--help-config")
    assert done.returncode == 0
    for line in CHOICES[command]:
        assert line in done.stdout
    assert ("spec_augment" in done.stdout) == (command == "train")


def test_an_alignment_is_drawn(home: Path, tmp_path: Path) -> None:
    cuts = home / "data" / "dev.jsonl.gz"
    model = ("--model", home / "exp")
    done = run("draw-alignment", cuts, *model, "--out", tmp_path / "a" / "b.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a" / "b.png").read_bytes().startswith(b"\x89PNG")
    done = run("draw-alignment", cuts, *model, "--out", tmp_path / "c.svg", "--hypothesis")
    assert done.returncode == 0, done.stderr
    assert "<svg" in (tmp_path / "c.svg").read_text()
    message = error_of(
        "draw-alignment", cuts, *model, "--out", tmp_path / "d.png", "--id", "nobody"
    )
    assert "has no utterance 'nobody'; it has" in message


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.epochs=7", r"only search.* can be set for a trained model"),
        ("search.max_tokens=1000000000", "max_tokens = 1000000000: Input should be less than"),
        ("search.length_bonus=1e308", "length_bonus = '1e308': Input should be less than"),
        ("search.length_power=1000", "length_power = 1000: Input should be less than"),
        ("search.attention_window=[9, 0]", "attention could never move on"),
    ],
)
def test_a_search_setting_out_of_bounds_is_refused(
    home: Path, tmp_path: Path, setting: str, message: str
) -> None:
    cuts = home / "data" / "dev.jsonl.gz"
    arguments = ("decode", cuts, "--model", home / "exp", "--out", tmp_path / "out")
    assert message in error_of(*arguments, "--set", setting)


def test_a_search_file_that_sets_nothing_is_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "search.yaml").write_text("")
    cuts = home / "data" / "dev.jsonl.gz"
    arguments = ("decode", cuts, "--model", home / "exp", "--out", tmp_path / "out")
    message = error_of(*arguments, "--search", tmp_path / "search.yaml")
    assert "sets nothing under `search:`" in message
