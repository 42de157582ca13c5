"""`asr adapt`, as a user types it: a folder of recordings, a model, a verdict."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile
from conftest import Done, random_texts, run, stop_after, tiny_config, tone, write_manifest
from lhotse import CutSet
from shards import write_shards
from test_training_initial import make_model

import asr.train
from asr.config import load_config
from asr.data import list_parts
from asr.errors import ConfigError
from asr.text.tokenizer import CharacterTokenizer, train_tokenizer
from asr.train import train
from asr.use.adapt import BEFORE, compare_both, conclusion
from asr.use.adapt_settings import (
    SAID_ELSEWHERE,
    Amount,
    Asked,
    adapted_config,
    find_old_data,
    longest_seconds,
    scale_of,
)
from asr.use.adapt_texts import fit_texts

QUICK = ("--set", "train.epochs=1", "--set", "train.warmup_steps=1", "--device", "cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    search = {"beam_size": 1, "max_tokens": 10}
    return make_model(tmp_path_factory.mktemp("models") / "model", search=search)


def write_recordings(folder: Path, speakers: tuple[str, ...], count: int) -> Path:
    """Writes twenty recordings and so on, each with its text beside it."""
    for number, speaker in enumerate(speakers):
        (folder / speaker).mkdir(parents=True)
        for index, text in enumerate(random_texts(count, number)):
            path = folder / speaker / f"r{number}-{index:02d}.wav"
            soundfile.write(path, tone(text, seed=index), 8000)
            path.with_suffix(".txt").write_text(text + "\n")
    return folder


@pytest.fixture(scope="module")
def twenty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recordings(tmp_path_factory.mktemp("own") / "own", ("anna", "ben"), 10)


def adapted(model: Path, data: Path, out: Path, *more: str | Path) -> Done:
    return run("adapt", model, "--data", data, "--out", out, *QUICK, *more)


@pytest.fixture(scope="module")
def done(model: Path, twenty: Path, tmp_path_factory: Any) -> tuple[Done, Path]:
    out = tmp_path_factory.mktemp("new") / "new"
    return adapted(model, twenty, out), out


def test_twenty_recordings_of_two_speakers_make_a_model_and_a_verdict(
    done: tuple[Done, Path], model: Path
) -> None:
    printed, out = done
    assert printed.returncode == 3, printed.stderr
    assert "cannot tell" in printed.stdout
    assert f"kept in {out} all the same" in printed.stdout.replace("\n", " ")
    assert "10 of 20 recordings, all of 1 of 2 speakers" in printed.stderr
    assert "no old data are mixed in" in printed.stderr
    assert "numbers by part:" in printed.stderr
    assert "CER before: " in printed.stdout
    assert "CER after: " in printed.stdout
    for name in ("before", "after"):
        assert len((out / "held_out" / name / "hyp.jsonl").read_text().splitlines()) == 10
        assert (out / "held_out" / name / "decode.json").is_file()
    assert json.loads((out / "held_out/compare.json").read_text())["rate"] == "wer"
    ids = {
        name: {cut.id for cut in CutSet.from_file(out / "data" / f"{name}.jsonl.gz")}
        for name in ("train", "dev", "held_out")
    }
    assert sum(map(len, ids.values())) == len(set().union(*ids.values())) == 20
    config, ancestor = load_config(out / "config.yaml"), load_config(model / "config.yaml")
    for section in ("features", "tokenizer", "encoder", "attention", "decoder", "search"):
        assert getattr(config, section) == getattr(ancestor, section)
    card = (out / "README.md").read_text("utf-8")
    assert f"`{model}`, weights with SHA-256 " in card


def test_both_models_are_searched_as_the_user_says(
    model: Path, twenty: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    assert adapted(model, twenty, out, "--set", "search.beam_size=3").returncode == 3
    for name in ("before", "after"):
        told = json.loads((out / "held_out" / name / "decode.json").read_text())
        assert told["search"]["beam_size"] == 3, name


def test_the_same_command_again_changes_nothing_and_says_the_same(
    done: tuple[Done, Path], model: Path, twenty: Path
) -> None:
    printed, out = done
    before = (out / "model.safetensors").read_bytes()
    again = adapted(model, twenty, out)
    assert again.returncode == 3
    assert "is trained already" in again.stderr
    assert again.stdout == printed.stdout
    assert (out / "model.safetensors").read_bytes() == before


def test_an_interrupted_adaptation_goes_on_to_the_same_model(
    done: tuple[Done, Path],
    model: Path,
    twenty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "new"
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 2)
        stopped = adapted(model, twenty, out)
    assert stopped.returncode == 143
    assert "stopped: " in stopped.stderr
    assert not (out / "held_out/after").exists()
    assert adapted(model, twenty, out).returncode == 3
    after = [(folder / "held_out/after/hyp.jsonl").read_text() for folder in (out, done[1])]
    texts = [[json.loads(line)["hypothesis"] for line in text.splitlines()] for text in after]
    assert texts[0] == texts[1]


def test_recordings_of_one_speaker_are_enough_and_it_is_said(model: Path, tmp_path: Path) -> None:
    data = write_recordings(tmp_path / "own", ("",), 8)
    done = adapted(model, data, tmp_path / "new")
    assert done.returncode == 3, done.stderr
    assert "by recording, as no speaker is named" in done.stderr


def test_a_manifest_and_a_folder_of_manifests_are_taken(model: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "data", "train", random_texts(6, 1))
    assert adapted(model, manifest, tmp_path / "new").returncode == 3
    write_manifest(tmp_path / "data", "test", random_texts(3, 2))
    done = adapted(model, tmp_path / "data", tmp_path / "other")
    assert done.returncode == 3, done.stderr
    assert "the 3 recordings of the data's test" in done.stderr


def test_old_data_are_mixed_in(model: Path, twenty: Path, tmp_path: Path) -> None:
    old = write_manifest(tmp_path / "old", "train", random_texts(30, 9))
    done = adapted(model, twenty, tmp_path / "new", "--replay", old)
    assert done.returncode == 3, done.stderr
    assert f"old data of {old} are mixed in" in done.stderr
    assert " old utterances (" in done.stderr


def test_a_model_s_own_data_are_taken_where_they_are_known_to_be_the_same(tmp_path: Path) -> None:
    texts = random_texts(5, 1)
    manifest = write_manifest(tmp_path / "d", "train", texts)
    config = tiny_config(data={"train": str(manifest), "dev": str(manifest)}, train={"epochs": 1})
    train(config, tmp_path / "old")
    tokenizer = CharacterTokenizer("abcd", normalizer="none")
    found, line = find_old_data(tmp_path / "old", config, tokenizer)
    assert found == manifest
    assert "its own, are mixed in" in line
    write_manifest(tmp_path / "d", "train", random_texts(5, 2))
    found, line = find_old_data(tmp_path / "old", config, tokenizer)
    assert found is None
    assert "is what it was trained on is not known; --replay MANIFEST gives them" in line
    manifest.unlink()
    found, line = find_old_data(tmp_path / "old", config, tokenizer)
    assert found is None
    assert "is not here" in line


@pytest.mark.parametrize("in_shards", [True, False])
def test_a_model_s_own_data_in_shards_or_a_long_list_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_shards: bool
) -> None:
    monkeypatch.setattr(list_parts, "LONG", 4)
    manifest, shards = write_shards(tmp_path / "d", "train", 5, size=2)
    data = shards if in_shards else manifest
    config = tiny_config(data={"train": str(data), "dev": str(manifest)}, train={"epochs": 1})
    train(config, tmp_path / "old")
    tokenizer = CharacterTokenizer("abcd", normalizer="none")
    assert find_old_data(tmp_path / "old", config, tokenizer)[0] == data


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("MODEL", "--data", "gone", "--out", "OUT"), "--data gone: is not there"),
        (("gone", "--data", "OWN", "--out", "OUT"), "gone: no such model folder"),
        (("OWN", "--data", "OWN", "--out", "OUT"), "has no config.yaml"),
        (("MODEL", "--data", "OWN", "--out", "MODEL"), "is the model itself"),
        (("MODEL", "--data", "EMPTY", "--out", "OUT"), "no transcripts found; give a folder"),
        (("MODEL", "--data", "TEXT", "--out", "OUT"), "is no manifest|no cut|not JSON|cannot"),
        (("MODEL", "--data", "OWN", "--out", "OUT", "--replay", "gone"), "gone"),
        (("MODEL", "--data", "OWN", "--out", "OUT", "--bad", "keep"), "--bad"),
        (("MODEL", "--data", "OWN", "--out", "OUT", "--text-column", "x"), "has no columns"),
        (("MODEL", "--data", "OWN", "--out", "OUT", "--set", "train.epoch=1"), "unknown key"),
        (
            ("MODEL", "--data", "OWN", "--out", "OUT", "--set", "encoder.hidden_dim=9"),
            r"has the shape \[48, 16\] there and \[36, 16\] here",
        ),
        (("MODEL", "--data", "OWN", "--out", "OUT", "--device", "abacus"), "abacus"),
        (("MODEL", "--data", "OWN", "--out", "OWN"), "is the folder of the recordings"),
        *(
            (("MODEL", "--data", "OWN", "--out", "OUT", "--set", f"{key}=x"), f"takes it as {way}")
            for key, way in SAID_ELSEWHERE.items()
        ),
    ],
)
def test_what_cannot_be_adapted_is_said_in_one_sentence(
    model: Path, twenty: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("hello\n")
    places = {"MODEL": model, "OWN": twenty, "EMPTY": tmp_path / "empty", "OUT": tmp_path / "new"}
    places["TEXT"] = tmp_path / "text.txt"
    given = [places.get(argument, argument) for argument in arguments]
    done = run("adapt", *given)
    assert done.returncode == 2, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("asr: ")]
    assert len(errors) == 1

    assert re.search(said, errors[0]), errors[0]
    assert "Traceback" not in done.stderr


def test_two_recordings_are_too_few(model: Path, tmp_path: Path) -> None:
    data = write_recordings(tmp_path / "own", ("a",), 2)
    done = adapted(model, data, tmp_path / "new")
    assert done.returncode == 2
    assert "2 recordings to learn from and to hold out; must be at least 3" in done.stderr


def test_other_recordings_do_not_take_the_place_of_those_of_a_training(
    done: tuple[Done, Path], model: Path, tmp_path: Path
) -> None:
    other = write_recordings(tmp_path / "own", ("eva", "tom"), 10)
    failed = adapted(model, other, done[1])
    assert failed.returncode == 2
    assert "was adapted to other recordings, or divided otherwise" in failed.stderr


def test_a_folder_with_another_model_is_not_overwritten(
    model: Path, twenty: Path, tmp_path: Path
) -> None:
    other = make_model(tmp_path / "other")
    failed = error_last(adapted(model, twenty, other))
    assert "holds a finished model without its training state" in failed


def error_last(done: Done) -> str:
    assert done.returncode == 2, done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_transcripts_are_written_in_the_only_case_that_the_model_writes(tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "x", ["AB", "ca", "d, e"])
    cuts = list(CutSet.from_file(manifest))
    fitted, lines = fit_texts({"all": cuts}, CharacterTokenizer("abcd", normalizer="none"))
    assert [cut.supervisions[0].text for cut in fitted["all"]] == ["ab", "ca", "d, e"]
    assert "writes small letters only, and so 1 of 3 transcripts" in lines[0]
    assert "1 of 3 transcripts hold 3 characters that the model does not know (  , e)" in lines[1]
    capitals = CharacterTokenizer("ABCDE ,", normalizer="none")
    fitted, lines = fit_texts({"all": cuts}, capitals)
    assert "capital letters only" in lines[0]
    assert fitted["all"][2].supervisions[0].text == "D, E"


@pytest.mark.parametrize("letters", ["abAB", "가나"])
def test_a_model_of_both_cases_or_none_leaves_them(tmp_path: Path, letters: str) -> None:
    cuts = list(CutSet.from_file(write_manifest(tmp_path, "x", ["AB", "ab"])))
    fitted, _ = fit_texts({"all": cuts}, CharacterTokenizer(letters, normalizer="none"))
    assert [cut.supervisions[0].text for cut in fitted["all"]] == ["AB", "ab"]


@pytest.mark.parametrize(
    ("num", "seconds"), [(1, 2.0), (12, 24.0), (14, 28.0), (800, 2400.0), (20000, 90000.0)]
)
@pytest.mark.parametrize("replay", [None, Path("old")])
def test_settings_fit_the_amount_of_data(num: int, seconds: float, replay: Path | None) -> None:
    ancestor, scale = tiny_config(), scale_of(seconds)
    tokenizer = CharacterTokenizer("ab", normalizer="none")
    amount = Amount(num, seconds, 6.0)
    config = adapted_config(ancestor, tokenizer, amount, asked=Asked("model", replay))
    assert config.data.max_seconds >= 6.0  # longer than the ancestor's, and kept
    assert 5 <= config.train.epochs <= 40
    rows = config.data.max_utterances
    assert rows is not None
    assert num / rows >= 7 or rows == 2
    assert config.train.learning_rate == pytest.approx(ancestor.train.learning_rate * scale.rate)
    assert config.init.ancestor == "model"
    assert config.init.vocabulary == "extend"
    assert config.replay.manifest == (str(replay) if replay else None)
    assert bool(config.freeze.parts) == (seconds < 600)


def test_what_is_frozen_and_the_warm_up_go_by_the_epochs_that_the_user_says() -> None:
    ancestor, amount = tiny_config(), Amount(8, 16.0, 2.0)
    tokenizer = CharacterTokenizer("ab", normalizer="none")

    def with_settings(*settings: str, begun: Any = None) -> Any:
        asked = Asked("model", settings=settings, begun=begun)
        return adapted_config(ancestor, tokenizer, amount, asked=asked)

    usual, three = with_settings(), with_settings("train.epochs=3")
    assert (usual.train.epochs, usual.freeze.until_epoch) == (40, 13)
    assert (three.train.epochs, three.freeze.until_epoch) == (3, 1)
    assert three.train.warmup_steps < usual.train.warmup_steps
    assert with_settings("train.epochs=1").freeze.parts == ()
    own = with_settings("train.epochs=3", "freeze.until_epoch=2", "train.warmup_steps=7")
    assert (own.freeze.until_epoch, own.train.warmup_steps) == (2, 7)
    more = with_settings("train.epochs=9", begun=three)
    with pytest.raises(ConfigError, match=r"--set data=\.\.\.: give its keys one by one"):
        with_settings("data={max_utterances: 4}")
    assert more.train.epochs == 9
    assert (more.freeze, more.train.warmup_steps) == (three.freeze, three.train.warmup_steps)


def test_recordings_of_a_minute_are_taken_and_longer_ones_where_the_user_says() -> None:
    ancestor = tiny_config()
    assert longest_seconds(ancestor, ()) == max(60, ancestor.data.max_seconds)
    settings = ("train.epochs=2", "data.max_seconds=90", "freeze.until_epoch=2")
    assert longest_seconds(ancestor, settings) == 90
    tokenizer, asked = CharacterTokenizer("ab", normalizer="none"), Asked("m", settings=settings)
    config = adapted_config(ancestor, tokenizer, Amount(8, 16.0, 2.0), asked=asked)
    assert (config.data.max_seconds, config.data.batch_seconds) == (90, 90)


def test_an_adaptation_goes_on_for_more_epochs(
    done: tuple[Done, Path], model: Path, twenty: Path, tmp_path: Path
) -> None:
    out = shutil.copytree(done[1], tmp_path / "new")
    refused = adapted(model, twenty, out, "--set", "train.epochs=2")
    assert "--extend goes on with these" in refused.stderr
    gone_on = adapted(model, twenty, out, "--set", "train.epochs=2", "--extend")
    assert gone_on.returncode == 3, gone_on.stderr
    assert json.loads((out / "metrics.json").read_text())["epochs"] == 2
    before, after = (
        json.loads((folder / "held_out/after/decode.json").read_text())["model"]["sha256"]
        for folder in (done[1], out)
    )
    assert before != after  # decoded again, with other weights


def test_pieces_are_kept_as_they_are() -> None:
    pieces = train_tokenizer(random_texts(40, 1), kind="bpe", vocab_size=20, normalizer="none")
    amount = Amount(10, 20.0, 2.0)
    config = adapted_config(tiny_config(), pieces, amount, asked=Asked("model"))
    assert config.init.vocabulary == "keep"


def write_decodings(out: Path, rows: list[tuple[str, str, str]]) -> None:
    for place, name in ((1, "before"), (2, "after")):
        folder = out / "held_out" / name
        folder.mkdir(parents=True)
        lines = [
            {"id": f"u{number}", "reference": row[0], "hypothesis": row[place], "speaker": None}
            for number, row in enumerate(rows)
        ]
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "hyp.jsonl").write_text(text)


def test_better_is_said_where_the_recordings_tell_it(tmp_path: Path) -> None:
    write_decodings(tmp_path, [("one two", "on to", "one two")] * 11 + [("a b", "a b", "a c")])
    outcome = compare_both(tmp_path)
    assert outcome.better == "after"
    assert "the new model is better on what it never heard" in conclusion(outcome, tmp_path)


def test_worse_is_said_and_the_model_kept(tmp_path: Path) -> None:
    write_decodings(tmp_path, [("one two", "one two", "on to")] * 11 + [("a b", "a c", "a b")])
    outcome = compare_both(tmp_path)
    assert outcome.better == BEFORE
    assert "WORSE on what it never heard; it is kept in" in conclusion(outcome, tmp_path)


def test_four_recordings_that_all_get_better_are_too_few_to_tell(tmp_path: Path) -> None:
    write_decodings(tmp_path, [("one", "on", "one")] * 4)
    outcome = compare_both(tmp_path)
    assert outcome.better is None
    said = conclusion(outcome, tmp_path)
    assert "cannot tell whether the new model is better (4 places have more or fewer" in said
    assert "would tell" not in said
    written = (tmp_path / "held_out/compare.md").read_text("utf-8")
    assert "the data cannot tell before from after" in written  # one verdict, not two
    assert "they differ in 4 places, too few to tell" in written


def test_where_nothing_changes_nothing_is_claimed(tmp_path: Path) -> None:
    write_decodings(tmp_path, [("one", "on", "on")] * 4)
    outcome = compare_both(tmp_path)
    assert outcome.better is None
    assert "(no place has more or fewer word errors)" in conclusion(outcome, tmp_path)


def test_a_mix_has_its_transcripts_changed_as_well(tmp_path: Path) -> None:
    first, second = CutSet.from_file(write_manifest(tmp_path, "x", ["AB", "CD"]))
    mix = first.append(second)
    fitted, _ = fit_texts({"all": [mix]}, CharacterTokenizer("abcd", normalizer="none"))
    assert [part.text for part in fitted["all"][0].supervisions] == ["ab", "cd"]


def test_what_is_held_out_is_not_among_the_old_data(
    model: Path, twenty: Path, tmp_path: Path
) -> None:
    run("prepare", "folder", "--corpus", twenty, "--out", tmp_path / "all")
    old = tmp_path / "all/train.jsonl.gz"
    failed = error_last(adapted(model, twenty, tmp_path / "new", "--replay", old))
    assert "recordings that are held out to measure on, as" in failed
    assert "figures would flatter" in failed


def test_adapting_among_several_processes_is_refused(
    model: Path, twenty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("RANK", "0"), ("WORLD_SIZE", "2"), ("TORCHELASTIC_RUN_ID", "x")):
        monkeypatch.setenv(name, value)
    assert "leave torchrun out" in error_last(adapted(model, twenty, tmp_path / "new"))
