"""A training that starts from another model: what is loaded, what is left, what is made anew."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import error_of, random_texts, run, stop_after, tiny_config, write_manifest
from torch import Tensor

import asr.train
from asr.build import build_model, resolve_config
from asr.checkpoint import load_model_folder, load_state, save_folder, save_state
from asr.config import Config, dump_config
from asr.errors import ConfigError, ModelError
from asr.store.parts import describe_parts
from asr.store.weights import save_weights
from asr.text.tokenizer import CharacterTokenizer, JamoTokenizer, Tokenizer, train_tokenizer
from asr.train import train
from asr.training.experiment import launch, set_up
from asr.training.initial import read_ancestor, start_from
from asr.training.origin import lines_about_origin, said_tokens
from asr.training.shared_tokens import shared_rows
from asr.training.signals import TrainingStoppedError


def make_model(folder: Path, letters: str = "abcd", **sections: Any) -> Path:
    """Writes a model folder with drawn weights; returns it."""
    config = resolve_config(tiny_config(**sections))
    tokenizer = CharacterTokenizer(letters, normalizer="none")
    network = build_model(config, tokenizer.vocab_size, tokenizer=tokenizer)
    network.features.set_statistics(torch.full((16,), -3.0), torch.full((16,), 2.0))
    save_folder(folder, config, tokenizer)
    parts = describe_parts(config, tokenizer, longest_seconds=1.0)
    save_weights(folder / "model.safetensors", network.state_dict(), parts)
    return folder


@pytest.fixture(scope="module")
def ancestor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(5)
    return make_model(tmp_path_factory.mktemp("ancestor") / "model")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("corpus")
    texts = ["ca", "db", "bac", "dcb", "cd e", "be"]
    train_path = write_manifest(folder, "train", texts)
    dev = write_manifest(folder, "dev", ["ab", "dc"])
    old = write_manifest(folder, "old", random_texts(6, 3))
    return {"train": str(train_path), "dev": str(dev), "old": str(old)}


def config_of(corpus: dict[str, str], init: dict[str, Any], **sections: Any) -> Config:
    data = {"train": corpus["train"], "dev": corpus["dev"]} | sections.pop("data", {})
    return tiny_config(data=data, init=init, **sections)


def begun(config: Config, folder: Path) -> Any:
    return set_up(resolve_config(config), folder, launch(config))


def weights_of(folder: Path) -> dict[str, Tensor]:
    return dict(load_model_folder(folder).model.state_dict())


def test_all_weights_of_a_model_of_the_same_shape_are_loaded(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    init = {"from": str(ancestor), "vocabulary": "keep"}
    run = begun(config_of(corpus, init), tmp_path / "new")
    theirs = weights_of(ancestor)
    for name, value in run.network.state_dict().items():
        assert torch.equal(value, theirs[name]), name
    assert all(row["made anew"] == 0 and row["left"] == 0 for row in run.origin["parts"].values())
    assert run.origin["statistics"] == "kept"


def test_rows_of_shared_tokens_are_copied_and_others_made_anew(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    model = make_model(tmp_path / "model", letters="xdbca")
    plain = begun(config_of(corpus, {}), tmp_path / "plain")
    run = begun(config_of(corpus, {"from": str(model)}), tmp_path / "new")
    theirs, own = weights_of(model), run.network.state_dict()
    drawn = plain.network.state_dict()
    tokens = [run.tokenizer.token(index) for index in range(run.tokenizer.vocab_size)]
    assert tokens[4:] == ["<space>", "a", "b", "c", "d", "e"]
    names = ["decoder.embedding.weight", "decoder.output.weight", "decoder.output.bias"]
    for name in [*names, "ctc.weight", "ctc.bias"]:
        for letter, place in {"d": 5, "b": 6, "c": 7, "a": 8}.items():
            assert torch.equal(own[name][tokens.index(letter)], theirs[name][place]), name
        assert torch.equal(own[name][:4], theirs[name][:4])
        for letter in ("<space>", "e"):
            place = tokens.index(letter)
            assert torch.equal(own[name][place], drawn[name][place])
    assert run.origin["vocabulary"] == {
        "shared": 8,
        "made_anew": ["<space>", "e"],
        "left": ["x"],
    }
    assert said_tokens(run.origin) == (
        "8 are those of the model, 2 made anew (<space> e), 1 left there (x)"
    )


def test_a_vocabulary_is_extended_behind_the_tokens_that_there_are(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    init = {"from": str(ancestor), "vocabulary": "extend"}
    run = begun(config_of(corpus, init, replay={"manifest": corpus["old"]}), tmp_path / "new")
    tokens = [run.tokenizer.token(index) for index in range(4, run.tokenizer.vocab_size)]
    assert tokens == ["a", "b", "c", "d", "<space>", "e"]


def test_a_new_vocabulary_is_that_of_new_and_old_data(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    only_e = write_manifest(tmp_path, "e", ["e e", "e"])
    config = config_of(
        corpus,
        {"from": str(ancestor)},
        data={"train": str(only_e)},
        replay={"manifest": corpus["old"]},
    )
    run = begun(config, tmp_path / "new")
    assert [run.tokenizer.token(i) for i in range(4, run.tokenizer.vocab_size)] == [
        *("<space>", "a", "b", "c", "d", "e")
    ]


def test_parts_are_included_and_excluded(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    init = {
        "from": str(ancestor),
        "include": ["encoder", "attention"],
        "exclude": ["encoder.layers.1"],
        "statistics": "new",
    }
    run = begun(config_of(corpus, init), tmp_path / "new")
    plain = begun(config_of(corpus, {}), tmp_path / "plain").network.state_dict()
    theirs = weights_of(ancestor)
    for name, value in run.network.state_dict().items():
        is_loaded = name.startswith(("encoder.", "decoder.attention.")) and ".1." not in name
        expected = theirs[name] if is_loaded else plain[name]
        assert torch.equal(value, expected), name
    rows = run.origin["parts"]
    assert rows["encoder.layers.1"]["loaded"] == 0 < rows["encoder.layers.1"]["left"]
    assert rows["encoder.layers.0"]["made anew"] == 0 < rows["encoder.layers.0"]["loaded"]


def test_statistics_are_kept_or_measured_as_told(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    once = {"train": {"epochs": 1}}
    for told, is_kept in (("keep", True), ("new", False)):
        init = {"from": str(ancestor), "statistics": told}
        train(config_of(corpus, init, **once), tmp_path / told)
        mean = weights_of(tmp_path / told)["features.mean"]
        assert torch.equal(mean, torch.full((16,), -3.0)) == is_kept
    left_out = {"from": str(ancestor), "exclude": ["features"]}
    assert begun(config_of(corpus, left_out), tmp_path / "x").origin["statistics"] == "made anew"
    utterance = {"normalization": "utterance"}
    run = begun(config_of(corpus, {"from": str(ancestor)}, features=utterance), tmp_path / "y")
    assert run.origin["statistics"] == "none (features.normalization = utterance)"
    assert "features.normalization: global -> utterance" in run.notices[0]


def test_statistics_that_a_model_does_not_have_cannot_be_kept(
    corpus: dict[str, str], tmp_path: Path
) -> None:
    model = make_model(tmp_path / "model", features={"normalization": "utterance"})
    with pytest.raises(ConfigError, match=r"init.statistics = keep: .* has none, .* is utterance"):
        begun(config_of(corpus, {"from": str(model)}), tmp_path / "new")


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"encoder": {"hidden_dim": 10}},
            r"encoder.layers.0.ahead.weight_ih_l0 has the shape \[48, 16\] there and \[40, 16\] "
            r"here \(and \d+ more tensors\); set encoder.hidden_dim=12 as there, or init.exclude="
            r"\[.*encoder.layers.0, encoder.layers.1\] to make",
        ),
        (
            {"decoder": {"embedding_dim": 5}},
            r"decoder.embedding.weight has the shape \[tokens, 6\] there and \[tokens, 5\] here .*"
            r"set decoder.embedding_dim=6 as there, or init.exclude=\[decoder.cells, "
            r"decoder.embedding\]",
        ),
        ({"features": {"num_mels": 20}}, r"features.mean has the shape .*set features.num_mels=16"),
        (
            {"attention": {"type": "location", "dim": 7, "num_filters": 3, "filter_width": 5}},
            r"attention.*set attention.dim=10 as there, or init.exclude=\[attention\]",
        ),
        ({"encoder": {"projection_dim": 12}}, r"set encoder.projection_dim=14 as there"),
    ],
)
def test_shapes_that_do_not_fit_are_named_with_the_setting(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path, sections: dict[str, Any], said: str
) -> None:
    config = config_of(corpus | {"train": "is/not/read.jsonl.gz"}, {"from": str(ancestor)})
    config = tiny_config(**{**config.model_dump(include={"data"}), **sections, "init": {}})
    config = config.model_copy(update={"init": config_of(corpus, {"from": str(ancestor)}).init})
    with pytest.raises(ConfigError, match=said):
        begun(config, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_parts_that_do_not_fit_can_be_made_anew(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    init = {"from": str(ancestor), "exclude": ["decoder.embedding", "decoder.cells"]}
    run = begun(config_of(corpus, init, decoder={"embedding_dim": 5}), tmp_path / "new")
    assert run.origin["parts"]["decoder.embedding"]["loaded"] == 0


def test_a_deeper_network_has_its_new_layers_made_anew(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    run = begun(
        config_of(corpus, {"from": str(ancestor)}, encoder={"num_layers": 3}), tmp_path / "new"
    )
    assert run.origin["parts"]["encoder.layers.2"]["loaded"] == 0
    assert run.origin["parts"]["encoder.layers.1"]["made anew"] == 0
    assert "encoder.num_layers: 2 -> 3" in run.notices[0]


@pytest.mark.parametrize(
    ("init", "said"),
    [
        ({"from": "no/model"}, "no/model: no such model folder"),
        ({"from": "ANCESTOR", "include": ["enc"]}, 'init.include: "enc" is no part .*known: feat'),
        ({"from": "ANCESTOR", "exclude": ["ctc.bias"]}, 'init.exclude: "ctc.bias" is no part'),
        ({"from": "OUT"}, "is --out itself"),
    ],
)
def test_what_cannot_be_started_from_is_refused(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path, init: dict[str, Any], said: str
) -> None:
    places = {"ANCESTOR": str(ancestor), "OUT": str(tmp_path / "new")}
    init = init | {"from": places.get(init["from"], init["from"])}
    with pytest.raises((ConfigError, ModelError), match=said):
        begun(config_of(corpus, init), tmp_path / "new")


def test_nothing_to_load_is_refused(corpus: dict[str, str], ancestor: Path, tmp_path: Path) -> None:
    init = {"from": str(ancestor), "include": ["attention"]}
    with pytest.raises(ConfigError, match="nothing of it is loaded"):
        begun(
            config_of(corpus, init, attention={"type": "dot"}, decoder={"hidden_dim": 14}),
            tmp_path / "new",
        )


def test_settings_about_a_model_need_one() -> None:
    with pytest.raises(ConfigError, match="init: include without from; give the model folder"):
        tiny_config(init={"include": ["encoder"]})


def test_another_tokenizer_cannot_be_kept_and_pieces_cannot_be_extended(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    init = {"from": str(ancestor), "vocabulary": "keep"}
    config = config_of(corpus, init, tokenizer={"type": "jamo"})
    with pytest.raises(ConfigError, match=r"init.vocabulary = keep: .* \(type: char -> jamo\)"):
        begun(config, tmp_path / "new")
    pieces = train_tokenizer(random_texts(40, 1), kind="bpe", vocab_size=20, normalizer="none")
    with pytest.raises(ConfigError, match='tokenizer "bpe": tokens cannot be added to pieces'):
        pieces.extended(["xyz"])


def test_tokens_are_told_by_their_strings_whatever_the_tokenizer() -> None:
    texts = random_texts(40, 1)
    pieces = train_tokenizer(texts, kind="unigram", vocab_size=20, normalizer="none")
    letters = CharacterTokenizer("zcab", normalizer="none")
    same = {
        (letters.token(here), pieces.token(there)) for here, there in shared_rows(letters, pieces)
    }
    assert {("a", "a"), ("b", "b"), ("c", "c")} <= same
    assert all(here == there for here, there in same)
    assert shared_rows(pieces, pieces) == [(i, i) for i in range(20)]


def test_jamo_are_extended_by_what_else_a_text_holds() -> None:
    tokenizer: Tokenizer = JamoTokenizer.train(["가"], vocab_size=None, normalizer="none")
    more = tokenizer.extended(["강 a"])
    assert more.vocab_size == tokenizer.vocab_size + 2
    assert [more.token(i) for i in range(tokenizer.vocab_size)] == [
        tokenizer.token(i) for i in range(tokenizer.vocab_size)
    ]
    assert more.decode(more.encode("강 a")) == "강 a"


ALL = {
    "replay": {"share": 0.3},
    "freeze": {"parts": ["encoder.layers.0", "output"], "until_epoch": 1},
    "train": {"epochs": 3, "rate_factors": {"encoder": 0.1}},
    "data": {"speed_factors": [0.9, 1.0, 1.1], "max_utterances": 2},
}


def with_all(corpus: dict[str, str], ancestor: Path) -> Config:
    replay = ALL["replay"] | {"manifest": corpus["old"]}
    init = {"from": str(ancestor), "vocabulary": "extend", "exclude": ["attention"]}
    return config_of(corpus, init, **(ALL | {"replay": replay}))


@pytest.fixture(scope="module")
def whole(corpus: dict[str, str], ancestor: Path, tmp_path_factory: Any) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "new"
    train(with_all(corpus, ancestor), folder)
    return Path(folder)


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_a_stopped_and_resumed_adaptation_equals_one_without_a_stop(
    corpus: dict[str, str],
    ancestor: Path,
    whole: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    steps: int,
) -> None:
    config = with_all(corpus, ancestor)
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, steps)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "new")
    torch.manual_seed(99)
    train(config, tmp_path / "new")
    for name in ("model.safetensors", "tokens.txt"):
        assert (tmp_path / "new" / name).read_bytes() == (whole / name).read_bytes()


def test_the_ancestor_is_not_needed_once_a_training_has_begun(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(tmp_path / "model")
    config = config_of(corpus, {"from": str(model)}, train={"epochs": 1})
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 1)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "new")
    model.rename(tmp_path / "elsewhere")
    train(config, tmp_path / "new")
    metrics = json.loads((tmp_path / "new/metrics.json").read_text())
    assert metrics["ancestor"]["from"] == str(model)
    moved = config_of(corpus, {"from": str(tmp_path / "elsewhere")}, train={"epochs": 1})
    train(moved, tmp_path / "new")  # the same weights in another place
    other = make_model(tmp_path / "other")
    with pytest.raises(ConfigError, match=r"was started from other weights than .*other"):
        train(config_of(corpus, {"from": str(other)}, train={"epochs": 1}), tmp_path / "new")
    with pytest.raises(ConfigError, match=r"init.from: .* -> None"):
        train(config_of(corpus, {}, train={"epochs": 1}), tmp_path / "new")


def test_the_table_is_printed_and_in_the_card_with_the_ancestors_hash(
    whole: Path, ancestor: Path, corpus: dict[str, str]
) -> None:
    origin = load_state(whole / "training/state.pt")["progress"]["origin"]
    card = (whole / "README.md").read_text("utf-8")
    assert origin["weights_sha256"] in card
    assert f"`{ancestor}`" in card
    assert "| attention | 0 | 315 | 315 |" in card
    assert "| encoder.layers.0 | 3,258 | 0 | 0 |" in card
    assert f"| old data | `{corpus['old']}`, 30% of an epoch |" in card
    assert "| frozen | encoder.layers.0, output, until epoch 1 |" in card
    assert "| learning rate, times | encoder 0.1 |" in card
    lines = list(lines_about_origin(origin))
    assert lines[0].startswith(f"starts from {ancestor} (weights {origin['weights_sha256'][:16]})")
    assert "  attention                 0        315         315" in lines


def test_units_of_ctc_are_taken_over_by_their_letters(tmp_path: Path) -> None:
    section = {"type": "char", "ctc_units": "letters"}
    there = read_ancestor(
        tiny_config(
            init={"from": str(make_model(tmp_path / "there", "가각 ", tokenizer=section))}
        ).init
    )
    config = tiny_config(
        tokenizer=section, init={"from": str(tmp_path / "there"), "vocabulary": "new"}
    )
    tokenizer = CharacterTokenizer("각나 ", normalizer="none")
    network = build_model(config, tokenizer.vocab_size, tokenizer=tokenizer)
    before = network.ctc.weight.detach().clone()
    start_from(there, network, tokenizer, config=config)
    labels = [network.units.label(unit) for unit in range(network.units.num_units)]
    known = ["<pad>", "<unk>", " ", *sorted("\u1100\u1161\u11a8")]  # there: a blank, 가, 각
    assert [label for label in labels if label not in known] == ["\u1102"]
    for unit, label in enumerate(labels):
        own = network.ctc.weight[unit]
        wanted = there.tensors["ctc.weight"][known.index(label)] if label in known else before[unit]
        torch.testing.assert_close(own, wanted)


def test_a_model_that_was_started_from_another_can_be_started_from(
    corpus: dict[str, str], whole: Path, tmp_path: Path
) -> None:
    config = config_of(corpus, {"from": str(whole), "vocabulary": "keep"})
    ancestor = read_ancestor(config.init)
    network = build_model(config, ancestor.tokenizer.vocab_size)
    origin = start_from(ancestor, network, ancestor.tokenizer, config=config)
    assert sum(row["made anew"] for row in origin["parts"].values()) == 0


def test_a_state_of_an_older_version_goes_on(
    corpus: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(corpus, {}, train={"epochs": 1})
    with monkeypatch.context() as patch:
        stop_after(patch, asr.train, 1)
        with pytest.raises(TrainingStoppedError):
            train(config, tmp_path / "new")
    path = tmp_path / "new/training/state.pt"
    state = load_state(path)
    del state["progress"]["origin"], state["data"]["replay"]
    for name in ("init", "freeze", "replay"):
        del state["config"][name]
    del state["config"]["train"]["rate_factors"]
    for group in state["optimizer"]["param_groups"]:
        del group["rate_factor"]
    save_state(path, {key: value for key, value in state.items() if key != "format_version"})
    train(config, tmp_path / "new")
    assert "ancestor" not in json.loads((tmp_path / "new/metrics.json").read_text())


def test_the_command_line_says_it_in_one_sentence(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(dump_config(config_of(corpus, {"from": str(ancestor)}, train={"epochs": 1})))
    assert "no part" in error_of(
        "train", file, "--out", tmp_path / "new", "--set", "init.exclude=[nothing]"
    )
    done = run("train", file, "--out", tmp_path / "new", "--set", "init.exclude=[output]")
    assert done.returncode == 0, done.stderr
    assert "numbers by part:" in done.stderr


def test_two_dev_utterances_are_too_few_to_tell_noise_from_speech(
    corpus: dict[str, str], ancestor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(corpus, {"from": str(ancestor)}, train={"epochs": 1})
    train(config, tmp_path / "new")
    assert "2 dev utterances are too few to tell what speech sounds like (20 needed)" in (
        capsys.readouterr().err
    )
    assert "calibration" not in json.loads((tmp_path / "new/metrics.json").read_text())
