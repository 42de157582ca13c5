"""Tuning on a dev set, and the commands with language models, on a tiny model of tones."""

import gzip
import json
import random
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from conftest import error_of, random_texts, run, tiny_config, write_manifest

import asr
from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.config import SearchConfig, override_config, parse_config
from asr.errors import ConfigError, DataError, ModelError
from asr.lm.config import LMConfig
from asr.lm.folder import build_recurrent
from asr.lm.ngram import arpa_symbols, estimate, write_arpa
from asr.scoring.rates import score_folder
from asr.text.tokenizer import EOS, CharacterTokenizer
from asr.use import dev_set, tune_report
from asr.use.decode import decode_manifest
from asr.use.dev_set import DevSet
from asr.use.recognizer import load_recognizer
from asr.use.tune import RANGES, Knob, Trial, TunePlan, Tuning, planned, refine, tune
from asr.use.tune_report import conclude, surfaces, to_arguments, to_markdown

TOKENIZER = CharacterTokenizer("abcd", normalizer="none")
V = TOKENIZER.vocab_size
LM_MODEL = {"embedding_dim": 6, "hidden_dim": 8, "num_layers": 1}


def save_recognizer(folder: Path, ctc_weight: float = 0.3) -> Path:
    """Writes a model folder; the model has learnt nothing, but has its opinions."""
    config = tiny_config(data={"batch_seconds": 5}, loss={"ctc_weight": ctc_weight})
    torch.manual_seed(3)
    network = build_model(config, V)
    with torch.no_grad():
        network.decoder.output.weight.mul_(6)
        network.decoder.output.bias[EOS] += 1
        network.ctc.weight.mul_(6)
    save_folder(folder, config, TOKENIZER)
    save_weights(folder / "model.safetensors", network.state_dict())
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a recognizer, a recurrent and an n-gram model, and a dev set."""
    folder = tmp_path_factory.mktemp("home")
    save_recognizer(folder / "exp")
    config = LMConfig.model_validate({"type": "rnn", "model": LM_MODEL})
    network = build_recurrent(config.model, V)
    save_folder(folder / "rnn", config, TOKENIZER)
    save_weights(folder / "rnn/model.safetensors", network.state_dict())
    texts = [TOKENIZER.encode(text) for text in random_texts(60, seed=5)]
    symbols = arpa_symbols(TOKENIZER)
    write_arpa(folder / "lm.arpa", estimate(texts, order=3, vocab_size=V), symbols)
    write_manifest(folder / "data", "dev", random_texts(7, seed=2))
    return folder


def plan_of(home: Path, **options: object) -> TunePlan:
    values: dict[str, object] = {
        "lms": (home / "lm.arpa", home / "rnn"),
        "settings": ("search.beam_size=3", "search.max_tokens=12"),
        "trials": 7,
        "device": "cpu",
        **options,
    }
    return TunePlan(home / "exp", home / "data/dev.jsonl.gz", **values)  # type: ignore[arg-type]


def results_of(tuning: Tuning) -> list[tuple[SearchConfig, float, float]]:
    return [(trial.options, trial.cer, trial.wer) for trial in tuning.trials]


def hypotheses_in(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "hyp.jsonl").read_text().splitlines()]


def test_a_seed_gives_the_same_trials_and_the_best_is_the_lowest_seen(home: Path) -> None:
    seen: list[int] = []
    first = tune(plan_of(home), on_trial=lambda tuning: seen.append(len(tuning.trials)))
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert results_of(tune(plan_of(home))) == results_of(first)
    assert first.best.cer == min(trial.cer for trial in first.trials)
    assert first.best.number == 1 + [t.cer for t in first.trials].index(first.best.cer)
    assert len({trial.options for trial in first.trials}) == 7
    assert len({trial.cer for trial in first.trials}) > 1  # there was something to choose
    other = tune(plan_of(home, seed=1))
    assert results_of(other)[:2] == results_of(first)[:2]
    assert results_of(other)[2:] != results_of(first)[2:]
    by_words = tune(plan_of(home, metric="wer"))
    assert by_words.best.wer == min(trial.wer for trial in by_words.trials)


def test_the_first_trials_are_the_settings_as_given_with_and_without_models(home: Path) -> None:
    plan = plan_of(home, trials=2)
    first, second = tune(plan).trials
    own = load_recognizer(home / "exp", "cpu").options
    given = {"beam_size": 3, "max_tokens": 12}
    assert first.options == own.model_copy(update={**given, "lm_weights": (0.3, 0.3)})
    assert second.options == own.model_copy(update={**given, "lm_weights": (0.0, 0.0)})
    settings = (*plan.settings, "search.lm_weights=[0,0.5]", "search.length_bonus=0.25")
    [only] = tune(plan_of(home, trials=1, settings=settings)).trials
    assert (only.options.lm_weights, only.options.length_bonus) == ((0.0, 0.5), 0.25)


def test_a_trials_rates_are_those_of_decoding_and_scoring(home: Path, tmp_path: Path) -> None:
    tuning = tune(plan_of(home, trials=4))
    recognizer = load_recognizer(home / "exp", "cpu", lms=[home / "lm.arpa", home / "rnn"])
    for trial in tuning.trials:
        options = trial.options
        decode_manifest(recognizer, home / "data/dev.jsonl.gz", folder=tmp_path, options=options)
        scores = score_folder(tmp_path, "none").scores
        assert (scores.cer, scores.wer) == (trial.cer, trial.wer)


def test_what_finds_no_room_in_memory_is_encoded_again_to_the_same_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    whole = tune(plan_of(home, trials=3), say=lines.append)
    assert "encoded 7 of 7 utterances" in lines
    monkeypatch.setattr(dev_set, "MOST_BYTES", 0)
    lines.clear()
    assert results_of(tune(plan_of(home, trials=3), say=lines.append)) == results_of(whole)
    assert "encoded 7 of 7 utterances" not in lines
    assert "trial 3: 7 of 7 utterances" in lines
    recognizer = load_recognizer(home / "exp", "cpu")
    manifest, options = home / "data/dev.jsonl.gz", recognizer.options
    dev = DevSet(recognizer, manifest, options=options, say=lambda _: None)
    assert len(dev.kept) == 1
    assert sorted(name for part in dev for name in part.ids) == [f"dev-{i:03d}" for i in range(7)]


def test_planned_points_cover_every_range_evenly() -> None:
    knobs = (Knob("lm_weights", 0), Knob("ctc_weight", 0), Knob("length_power", 0))
    base = SearchConfig(lm_weights=(0.3,))
    first, without, *spread = planned(knobs, base, trials=22, draw=random.Random(4))
    assert (first, without) == ((0.3, 0.0, 1.0), (0.0, 0.0, 1.0))
    assert len(spread) == 10
    for knob, values in zip(knobs, zip(*spread, strict=True), strict=True):
        low, high = RANGES[knob.key]
        tenths = sorted((value - low) / (high - low) * 10 for value in values)
        assert all(k - 0.1 <= x <= k + 1.1 for k, x in enumerate(tenths))  # rounding included
    assert planned(knobs, base, trials=1, draw=random.Random(4)) == [first, without]


def test_later_points_are_near_the_best_within_the_range_and_new() -> None:
    knobs = (Knob("lm_weights", 0), Knob("ctc_weight", 0))
    options = [SearchConfig(lm_weights=(weight,), ctc_weight=0.1) for weight in (0.9, 0.02)]
    trials = tuple(
        Trial(number, option, 1 / number, 1 / number, 0.0)
        for number, option in enumerate(options, start=1)
    )
    plan = TunePlan(Path("m"), Path("d"), trials=200)
    tuning = Tuning(plan, SearchConfig(), knobs, 5, trials)
    points = [refine(tuning, random.Random(seed)) for seed in range(60)]
    assert all(0 <= weight <= 1 and 0 <= ctc <= 0.8 for weight, ctc in points)
    assert sum(weight < 0.5 for weight, _ in points) > 50  # around 0.02, and not around 0.9
    assert not {(0.9, 0.1), (0.02, 0.1)} & set(points)
    late = replace(tuning, plan=replace(plan, trials=2))
    spread = [
        sum(abs(ctc - 0.1) for _, ctc in (refine(state, random.Random(s)) for s in range(60)))
        for state in (tuning, late)
    ]
    assert spread[1] < 0.5 * spread[0]


@pytest.mark.parametrize(("ctc_weight", "beam_size"), [(0.3, 2), (0.0, 2), (0.0, 1)])
def test_only_what_the_model_has_is_tuned(
    home: Path, tmp_path: Path, ctc_weight: float, beam_size: int
) -> None:
    folder = save_recognizer(tmp_path / "exp", ctc_weight)
    settings = (f"search.beam_size={beam_size}", "search.max_tokens=5")
    plan = replace(plan_of(home, trials=4, lms=(), settings=settings), model=folder)
    lines: list[str] = []
    tune_report.tune_into(tmp_path, plan, say=lines.append, live=lines.append)
    names = [*["ctc_weight"][: ctc_weight > 0], "length_bonus", *["length_power"][: beam_size - 1]]
    report = json.loads((tmp_path / "tune.json").read_text())
    assert list(report["ranges"]) == names
    for trial in report["trials"]:
        assert list(trial) == ["number", *names, "cer", "wer", "seconds"]
    assert (tmp_path / "tune.png").is_file() == (len(names) > 1)


def test_a_plan_that_cannot_be_carried_out_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match='metric "ser": unknown; known: cer, wer'):
        plan_of(home, metric="ser")
    with pytest.raises(ConfigError, match="trials 0: must be >= 1"):
        plan_of(home, trials=0)
    manifest = write_manifest(tmp_path, "silent", ["    "])
    with gzip.open(manifest, "rt") as file:
        untold = file.read().replace('"text": "    "', '"text": ""')
    with gzip.open(manifest, "wt") as file:
        file.write(untold)
    plan = replace(plan_of(home), manifest=manifest)
    with pytest.raises(DataError, match="no utterance has a text to compare with"):
        tune(plan)
    with pytest.raises(ModelError, match="no such language model"):
        tune(plan_of(home, lms=(tmp_path / "none",)))
    with pytest.raises(ConfigError, match="1 for 2 language models"):
        tune(plan_of(home, settings=("search.lm_weights=[0.3]",)))
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="start it without torchrun"):
        tune(plan_of(home))


def test_the_picture_and_files_that_cannot_be_written_are_named(home: Path, tmp_path: Path) -> None:
    tuning = tune(plan_of(home, trials=1))
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"tune\.png: cannot be written"):
        tune_report.draw_surface(tuning, tmp_path / "file/tune.png")
    with pytest.raises(ModelError, match="cannot be written"):
        tune_report.tune_into(tmp_path / "file/x", tuning.plan, say=print, live=print)


def test_the_table_is_sorted_and_the_surface_holds_the_lowest_rate_seen() -> None:
    knobs = (Knob("lm_weights", 0), Knob("ctc_weight", 0), Knob("length_bonus", 0))
    rows = [((0.1,), 0.1, 0.5), ((0.15,), 0.05, 0.3), ((0.9,), 0.7, 0.4)]
    trials = tuple(
        Trial(number, SearchConfig(lm_weights=lm, ctc_weight=ctc), cer, 2 * cer, 1.25)
        for number, (lm, ctc, cer) in enumerate(rows, start=1)
    )
    plan = TunePlan(Path("m"), Path("dev set.jsonl"), lms=(Path("my lm"),), trials=3)
    tuning = Tuning(plan, SearchConfig(), knobs, 5, trials)
    assert surfaces(knobs) == [(knobs[0], knobs[1])]
    assert surfaces(knobs[1:]) == [(knobs[2], knobs[1])]
    assert surfaces(knobs[2:]) == []
    text = to_markdown(tuning)
    assert re.findall(r"^\| (\d) \| ([\d.]+) \|", text, re.MULTILINE) == [
        ("2", "30.00"),
        ("3", "40.00"),
        ("1", "50.00"),
    ]
    assert "| 0 to 0.16 | 30.00 (2) |  |  |  |  |" in text
    assert "| 0.64 to 0.8 |  |  |  |  | 40.00 (1) |" in text
    best, settings, command = conclude(tuning, Path("o"))
    assert best.startswith("best: trial 2 of 3, CER 30.00 % WER 60.00 % with lm_weight 1 0.15")
    assert best.endswith("trial 1: CER 50.00 %")
    assert settings == ("settings: --set search.ctc_weight=0.05 --set 'search.lm_weights=[0.15]'")
    assert command == (
        "decode with them: asr decode CUTS --model m --lm 'my lm' --search o/search.yaml --out OUT"
    )
    config = parse_config({"loss": {"ctc_weight": 0.3}}, "test")
    overrides = to_arguments(trials[1].options, config.search)[1::2]
    assert override_config(config, overrides).search == trials[1].options


def test_decode_with_language_models_of_both_kinds(home: Path, tmp_path: Path) -> None:
    decode = ["decode", home / "data/dev.jsonl.gz", "--model", home / "exp", "--device", "cpu"]
    decode += ["--beam-size", "4", "--set", "search.num_best=2"]
    models = ["--lm", home / "lm.arpa", "--lm", home / "rnn"]
    rescoring = ["--set", "search.rescore=true"]
    ways = {
        "alone": [],
        "zero": [*models, "--set", "search.lm_weights=[0,0]"],
        "fused": [*models, "--set", "search.lm_weights=[1.5,0.2]"],
        "rescored": [*models, "--set", "search.lm_weights=[1.5,0.2]", *rescoring],
        "one": ["--lm", home / "lm.arpa", "--set", "search.lm_weights=0.8"],
    }
    found = {}
    for name, more in ways.items():
        code, _, errors = run(*decode, *more, "--out", tmp_path / name)
        assert code == 0, errors
        assert "7 utterances" in errors
        found[name] = hypotheses_in(tmp_path / name)
        assert {len(row["nbest"]) for row in found[name]} == {2}  # type: ignore[arg-type]
        for row in found[name]:
            best = row["nbest"][0]  # type: ignore[index]
            assert best == {"text": row["hypothesis"], "score": row["score"]}
    assert found["zero"] == found["alone"]
    assert len({json.dumps(rows) for rows in found.values()}) == 4


def test_a_transcript_with_language_models_is_the_librarys(home: Path) -> None:
    audio = home / "data/dev-000.wav"
    arguments = ["transcribe", audio, "--model", home / "exp", "--lm", home / "lm.arpa"]
    arguments += ["--beam-size", "3", "--set", "search.lm_weights=1.5", "--device", "cpu"]
    code, text, errors = run(*arguments)
    assert code == 0, errors
    model = asr.load_model(home / "exp", "cpu", lms=[home / "lm.arpa"])
    fused = model.transcribe(audio, beam_size=3, lm_weights=[1.5])
    assert text == "".join(segment.text + "\n" for segment in fused.segments if segment.text)
    alone = asr.load_model(home / "exp", "cpu").transcribe(audio, beam_size=3)
    assert fused.segments[0].score != alone.segments[0].score
    with pytest.raises(ConfigError, match="2 for 1 language models"):
        model.transcribe(audio, lm_weights=[0.1, 0.2])


def test_mistakes_about_language_models_in_search_are_one_clear_line(
    home: Path, tmp_path: Path
) -> None:
    decode = ["decode", home / "data/dev.jsonl.gz", "--model", home / "exp", "--out", tmp_path]
    two = ["--lm", home / "lm.arpa", "--lm", home / "rnn"]
    line = error_of(*decode, *two, "--set", "search.lm_weights=0.3")
    assert line == (
        "asr: search.lm_weights = [0.3]: 1 for 2 language models; must be one for each --lm, in "
        "their order (--set search.lm_weights=[0.3,0.3])"
    )
    assert "there is no language model to weigh" in error_of(
        *decode, "--set", "search.lm_weights=[1,2]"
    )
    assert "no such language model" in error_of(*decode, "--lm", tmp_path / "none")
    line = error_of(*decode, "--lm", home / "lm.arpa", "--set", "search.rescore=true")
    assert "must have a search.beam_size > 1" in line
    config = LMConfig.model_validate({"type": "rnn", "model": LM_MODEL})
    other = CharacterTokenizer("abce", normalizer="none")
    save_folder(tmp_path / "lm", config, other)
    save_weights(tmp_path / "lm/model.safetensors", {})
    line = error_of(*decode, "--lm", tmp_path / "lm")
    assert "the language model's tokens are not the recognizer's (as many, but others)" in line
    assert "no such configuration file" in error_of(*decode, "--search", tmp_path / "x.yaml")
    assert not (tmp_path / "hyp.jsonl").exists()


def test_tune_writes_what_it_saw_and_its_settings_decode_alike(home: Path, tmp_path: Path) -> None:
    out, dev = tmp_path / "tuned", home / "data/dev.jsonl.gz"
    models = ["--lm", home / "lm.arpa", "--lm", home / "rnn"]
    tuned = ["tune", dev, "--model", home / "exp", *models, "--out", out, "--device", "cpu"]
    tuned += ["--trials", "6", "--seed", "3", "--beam-size", "2", "--set", "search.max_tokens=12"]
    code, text, errors = run(*tuned)
    assert code == 0, errors
    lines = errors.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"trial {n}/6" for n in range(1, 7)]
    report = json.loads((out / "tune.json").read_text())
    best = report["trials"][report["best"] - 1]
    assert best["cer"] == min(trial["cer"] for trial in report["trials"])
    assert lines[-1].endswith(f"best so far: trial {best['number']}, CER {100 * best['cer']:.2f} %")
    assert (report["seed"], report["num_utterances"], report["metric"]) == (3, 7, "cer")
    assert report["language_models"] == [str(home / "lm.arpa"), str(home / "rnn")]
    assert {"lm_weight 1", "lm_weight 2", "ctc_weight", "length_bonus"} < set(best)
    assert (out / "tune.png").stat().st_size > 5000
    assert "## CER over lm_weight 2 and ctc_weight" in (out / "tune.md").read_text()
    search = yaml.safe_load((out / "search.yaml").read_text())["search"]
    assert search["lm_weights"] == [best["lm_weight 1"], best["lm_weight 2"]]
    assert (search["beam_size"], search["max_tokens"]) == (2, 12)

    printed = text.splitlines()
    assert printed[0].startswith(f"best: trial {best['number']} of 6, CER")
    settings = shlex.split(printed[1].removeprefix("settings: "))
    decode = shlex.split(printed[2].removeprefix("decode with them: "))[1:]
    decode[decode.index("CUTS")], decode[decode.index("OUT")] = str(dev), str(tmp_path / "a")
    assert run(*decode)[0] == 0
    by_set = ["decode", dev, "--model", home / "exp", *models, "--out", tmp_path / "b"]
    assert run(*by_set, *settings)[0] == 0
    assert hypotheses_in(tmp_path / "a") == hypotheses_in(tmp_path / "b")
    assert score_folder(tmp_path / "a", "none").scores.cer == best["cer"]


def test_help_lists_every_command_and_says_that_tuning_is_for_the_dev_set() -> None:
    _, text, _ = run("--help")
    names = "prepare train decode score transcribe draw-alignment train-lm perplexity sample-lm "
    for name in (names + "tune doctor").split():
        assert re.search(rf"\b{name}\b", text), name
    _, text, _ = run("tune", "--help")
    assert "Manifest of the dev set; never the test set." in " ".join(text.replace("│", "").split())
