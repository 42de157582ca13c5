"""ESPnet's folders become model folders, or are refused by name. It is not needed here."""

import json
import shutil
from pathlib import Path
from typing import Any

import espnet_layout as layout
import pytest
import torch
import yaml
from conftest import run, tone, write_manifest

from asr.errors import ModelError
from asr.importing.espnet import import_espnet
from asr.lm.folder import load_language_model
from asr.train import train
from asr.use.recognizer import load_recognizer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    return layout.write_folder(tmp_path_factory.mktemp("whole") / "folder")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Returns a folder to change."""
    return Path(shutil.copytree(whole, tmp_path / "folder"))


@pytest.fixture(scope="module")
def imported(whole: Path) -> Path:
    out = whole.parent / "ours"
    assert len(list(import_espnet(whole, out))) == 2
    return out


def refused(folder: Path, said: str, **options: bool) -> None:
    out = folder.parent / "out"
    with pytest.raises(ModelError, match=said):
        list(import_espnet(folder, out, **options))
    assert not out.exists()


def test_the_settings_are_those_of_the_file(imported: Path) -> None:
    config = load_recognizer(imported, "cpu").config
    assert (config.features.fft_length, config.features.shift_seconds) == (512, 0.008)
    assert (config.features.low_hz, config.features.high_hz) == (0.0, 8000.0)
    assert (config.features.filters, config.features.edges) == ("slaney_area", "mirrored")
    assert config.encoder.blocks.channels == (64, 128)
    assert (config.encoder.hidden_dim, config.encoder.projection_dim) == (14, 12)
    assert config.attention.options["filter_width"] == 9
    assert config.decoder.attends == "before"
    assert (config.loss.ctc_weight, config.loss.label_smoothing) == (0.5, 0.1)
    assert (config.search.beam_size, config.search.ctc_weight) == (20, 0.5)
    assert config.search.length_power == 0
    assert config.tokenizer.vocab_size == layout.SIZE + 1


def test_an_imported_model_transcribes_on_the_command_line(imported: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "test", ["abc"], rate=16000)
    audio = tmp_path / "test-000.wav"
    alone = run("transcribe", audio, "--model", imported, "--set", "search.beam_size=1")
    assert alone.returncode == 0, alone.stderr
    beside = run(
        "decode", manifest, "--model", imported, "--lm", imported / "lm", "--out", tmp_path
    )
    assert beside.returncode == 0, beside.stderr
    assert len((tmp_path / "hyp.jsonl").read_text("utf-8").splitlines()) == 1


def test_a_hypothesis_never_holds_a_special_token(imported: Path) -> None:
    recognizer = load_recognizer(imported, "cpu")
    [found] = recognizer.recognize([tone("abca", rate=16000)], recognizer.options)
    assert "<" not in found.text


def test_the_language_model_has_the_recognizers_tokens(imported: Path) -> None:
    recognizer = load_recognizer(imported, "cpu")
    model = load_language_model(imported / "lm", recognizer.tokenizer)
    assert recognizer.tokenizer.decode(model.tokenizer.encode("THE CAT")) == "THE CAT"


def test_a_training_starts_from_an_imported_model(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(Path("data"), "train", ["THE CAT", "A MAT", "TEN HATS"] * 4, rate=16000)
    write_manifest(Path("data"), "dev", ["THE TEA", "A HAT"], rate=16000)
    before = load_recognizer(imported, "cpu").config
    tree = before.model_dump(mode="json")
    tree["init"] = {"from": str(imported), "vocabulary": "keep"}
    tree["data"] |= {"num_workers": 0, "max_seconds": 10, "batch_seconds": 20}
    tree["train"] |= {"epochs": 1, "warmup_steps": 1}
    metrics = train(type(before).model_validate(tree), Path("new"))
    assert metrics["epochs"] == 1
    first, second = (load_recognizer(one, "cpu").model for one in (imported, "new"))
    assert torch.equal(first.features.mean, second.features.mean)
    for name, value in second.named_parameters():
        moved = (value - first.get_parameter(name)).abs().max()
        assert 0 < moved < 0.1, name


def test_the_command_says_what_it_made_and_what_it_left(folder: Path, tmp_path: Path) -> None:
    layout.change(folder, encoder_conf={"dropout": 0.2})
    done = run("import", "espnet", folder, "--out", tmp_path / "m", "--without-lm")
    assert done.returncode == 0, done.stderr
    assert "a recognizer with 0." in done.stderr
    assert "left out: the language model, as asked for" in done.stderr
    assert "left out: dropout of 0.2 between the encoder's layers while it" in done.stderr
    assert not (tmp_path / "m" / "lm").exists()
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text("utf-8"))
    assert metrics["imported"]["from"] == "espnet"
    assert "ESPnet folder `folder`" in (tmp_path / "m" / "README.md").read_text("utf-8")


def test_a_refusal_is_one_line_and_code_2(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    done = run("import", "espnet", tmp_path / "none", "--out", tmp_path / "m")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "holds no meta.yaml and no config.yaml" in done.stderr
    done = run("import", "espnet", tmp_path / "gone", "--out", tmp_path / "m")
    assert "gone: is not there; give the folder of a published ESPnet recognizer" in done.stderr


def test_nothing_is_written_over(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(ModelError, match="there is something already; use another --out"):
        list(import_espnet(folder, tmp_path / "out"))


FILES = [*layout.META["files"].values(), *layout.META["yaml_files"].values(), str(layout.PIECES)]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, rf"{Path(name).name}: is missing; put the file of that name into the folder")


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"version https://git-lfs\n")
    refused(folder, rf"{Path(name).name}: (is damaged|holds|is no sentencepiece)")


class Evil:
    def __reduce__(self) -> Any:
        return (Path("evil").touch, ())


@pytest.mark.parametrize("name", layout.META["files"].values())
def test_a_pickle_with_code_is_not_run(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    torch.save({"a": Evil()}, folder / name)
    refused(folder, rf"{Path(name).name}: holds more than plain tensors, or is damaged")
    assert not (folder / "evil").exists()


def test_yaml_makes_no_objects(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    path = folder / layout.ASR / "config.yaml"
    path.write_text(path.read_text("utf-8") + "x: !!python/object/apply:os.mkdir [evil]\n", "utf-8")
    refused(folder, r"config\.yaml: is not YAML")
    assert not (folder / "evil").exists()


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "encoder": ({"encoder": "conformer"}, r"encoder = 'conformer'; known: vgg_rnn, rnn"),
    "decoder": ({"decoder": "transducer"}, r"decoder = 'transducer'; known: rnn"),
    "frontend": ({"frontend": "s3prl"}, r"frontend = 's3prl'; known: default"),
    "features": ({"input_size": 80}, r"input_size = 80; known: none"),
    "preencoder": ({"preencoder": "linear"}, r"preencoder = 'linear'; known: none"),
    "postencoder": ({"postencoder": "x"}, r"postencoder = 'x'; known: none"),
    "normalization": ({"normalize": "batch"}, r"known: global_mvn, utterance_mvn, none"),
    "adapter": ({"use_adapter": True}, r"use_adapter = True; only whole weights are known"),
    "an option": (
        {"encoder_conf": {"skip": 2}},
        r'"encoder_conf" \(vgg_rnn\) has the option skip, which is not known here',
    ),
    "several heads": (
        {"decoder_conf": {"att_conf": {"atype": "multi_head_loc"}}},
        r'"att_conf" \(rnn\) has atype = .multi_head_loc.; known: location, add',
    ),
    "several attentions": (
        {"decoder_conf": {"att_conf": {"num_att": 2}}},
        r"num_att = 2; only one attention is known",
    ),
    "several encoders": ({"decoder_conf": {"num_encs": 2}}, r"num_encs = 2; only one encoder"),
    "another begin": ({"decoder_conf": {"replace_sos": True}}, r"replace_sos = True; only its own"),
    "another recurrence": ({"encoder_conf": {"rnn_type": "sru"}}, r"'sru'; known: lstm, gru"),
    "channels": ({"encoder_conf": {"in_channel": 2}}, r"in_channel = 2; only features of one"),
    "no decoder": ({"model_conf": {"ctc_weight": 1.0}}, r"ctc_weight = 1; only recognizers with a"),
    "inner ctc": ({"model_conf": {"interctc_weight": 0.3}}, r"interctc_weight = 0\.3; no CTC betw"),
    "not centred": ({"frontend_conf": {"center": False}}, r"center = False; only log-mel features"),
    "a window": ({"frontend_conf": {"window": "bartlett"}}, r"'bartlett'; known: hann, hamming"),
    "a rate": ({"frontend_conf": {"fs": "fast"}}, r"fs = 'fast'; must be a rate in Hz, as 16000"),
    "enhancement": (
        {"frontend_conf": {"frontend_conf": {"use_wpe": True}}},
        r"has a frontend_conf that enhances speech; only plain is known",
    ),
    "no mean": (
        {"normalize": "utterance_mvn", "normalize_conf": {"norm_means": False, "stats_file": None}},
        r"stats_file, which is not known here",
    ),
    "words": ({"token_type": "word"}, r"token_type = 'word'; known: bpe, char"),
    "no pieces": ({"bpemodel": None}, r"bpemodel = None; must name the file of the pieces"),
    "no list": ({"token_list": 7}, r"token_list must be a list of texts, or name a file of lines"),
    "few tokens": ({"token_list": ["<blank>", "<unk>"]}, r"must hold <blank>, <unk>, the tokens"),
    "a token twice": (
        {"token_list": ["<blank>", "<unk>", "a", "a"]},
        r"token_list holds a token t",
    ),
    "other tokens": (
        {"token_list": ["<blank>", "<unk>", "a", "b", "<sos/eos>"]},
        r"bpe\.model: holds \".+\", which is not among the tokens of",
    ),
    "characters": (
        {"token_type": "char"},
        r'the token ".+" is no single character, and token_type',
    ),
    "another size": (
        {"encoder_conf": {"hidden_size": 13}},
        r"birnn0\.weight_ih_l0 is \[56, 512\], and config\.yaml says \[52, 512\]",
    ),
    "fewer layers": (
        {"encoder_conf": {"num_layers": 1}},
        r"holds encoder\.enc\.1\.birnn1\.\S+ and",
    ),
    "more layers": ({"encoder_conf": {"num_layers": 3}}, r"has no encoder\.enc\.1\.birnn2\."),
    "another scale": (
        {"frontend_conf": {"htk": True}},
        r"melmat holds other mel filters than front",
    ),
    "statistics": ({"normalize": None}, r"holds normalize\.mean and 1 more, which config\.yaml"),
    "a size of nothing": (
        {"frontend_conf": {"n_mels": 4}},
        r"num_mels.*; no setting here can be so",
    ),
    "frames": (
        {"encoder": "rnn", "encoder_conf": {"subsample": [3, 1]}},
        r"subsample = \[3, 1\]; must be a list of 1 and 2",
    ),
    "later frames": (
        {"encoder": "rnn", "encoder_conf": {"subsample": [1, 2]}},
        r"subsample = \[1, 2\]; only the first layers, and not all, can drop frames",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_not_known_is_refused_by_name(folder: Path, name: str) -> None:
    changed, said = CHANGES[name]
    layout.change(folder, **changed)
    refused(folder, said)


LM_CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "of another kind": ({"lm": "transformer"}, r"lm = 'transformer'; only seq_rnn is known"),
    "another recurrence": ({"lm_conf": {"rnn_type": "sru"}}, r"rnn_type = 'sru'; known: lstm"),
    "another size": (
        {"lm_conf": {"unit": 7}},
        r"lm\.encoder\.weight is \[36, 8\], and config\.yaml",
    ),
    "other tokens": (
        {"token_list": ["<blank>", "<unk>", "a", "<sos/eos>"]},
        r"token_list is not the recognizer's",
    ),
}


@pytest.mark.parametrize("name", LM_CHANGES)
def test_a_language_model_that_is_not_known_is_left_out_only_if_told(
    folder: Path, name: str
) -> None:
    changed, said = LM_CHANGES[name]
    layout.change(folder, layout.LM, **changed)
    refused(folder, rf"{said}.*: import the recognizer without it by --without-lm")
    list(import_espnet(folder, folder.parent / "without", without_lm=True))
    assert load_recognizer(folder.parent / "without", "cpu").options.beam_size == 20


def test_meta_yaml_without_a_recognizer_is_refused(folder: Path) -> None:
    named = yaml.safe_dump({"files": {"model_file": "x.pth"}, "yaml_files": {}})
    (folder / "meta.yaml").write_text(named, "utf-8")
    refused(folder, r"meta\.yaml: names no asr_train_config; only recognizers with attention")


def test_an_experiments_folder_is_read_where_it_stands(folder: Path) -> None:
    """Without meta.yaml: the average beside config.yaml, other files two folders above."""
    (folder / "meta.yaml").unlink()
    torch.save({"model": {}}, folder / layout.ASR / "checkpoint.pth")
    [said] = import_espnet(folder / layout.ASR, folder.parent / "out")
    assert f"{layout.SIZE + 1} unigram tokens" in said
    shutil.copy(layout.weights(folder), folder / layout.ASR / "valid.acc.ave_5best.pth")
    with pytest.raises(
        ModelError, match=r"which of valid\.acc\.ave_10best\.pth, valid\.acc\.ave_5"
    ):
        list(import_espnet(folder / layout.ASR, folder.parent / "again"))


def test_a_checkpoint_of_any_name_is_taken_and_the_settings_are_judged_before(folder: Path) -> None:
    (folder / "meta.yaml").unlink()
    layout.weights(folder).rename(folder / layout.ASR / "mine.pth")
    [_] = import_espnet(folder / layout.ASR, folder.parent / "out")
    (folder / layout.ASR / "mine.pth").rename(folder / layout.ASR / "checkpoint.pth")
    refused(folder / layout.ASR, r"holds no \*\.pth; put valid\.acc\.ave\.pth or another")
    layout.change(folder, encoder="conformer", frontend=None)
    refused(folder / layout.ASR, r"encoder = 'conformer'; known: vgg_rnn, rnn; no other can be")


def test_characters_without_ctc_and_paths_of_another_machine_are_read_as_well(
    folder: Path,
) -> None:
    tokens = ["<blank>", "<unk>", "<space>", *"ETAOIN", "<sos/eos>"]
    (folder / "data" / "tokens.txt").write_text("\n".join(tokens) + "\n", "utf-8")
    layout.change(
        folder,
        token_type="char",
        token_list="/home/me/recipe/data/tokens.txt",
        model_conf={"ctc_weight": 0.0},
        normalize="utterance_mvn",
        normalize_conf=None,
        encoder_conf={"use_projection": False, "bidirectional": False, "num_layers": 1},
    )
    kept = layout.recognizer_shapes(len(tokens))
    kept = {name: shape for name, shape in kept.items() if name[:3] not in ("enc", "ctc", "nor")}
    kept |= {n: s for n, s in layout.recognizer_shapes(5).items() if n.startswith("encoder.enc.0")}
    kept |= layout.stack("encoder.enc.1.nbrnn", gates=4, sizes=[512], hidden=14, back=False)
    kept |= layout.linear("encoder.enc.1.l_last", 12, 14)
    torch.save(layout.random_tensors(kept), layout.weights(folder))
    said = list(import_espnet(folder, folder.parent / "out", without_lm=True))
    assert said[-1] == "left out: joint search with CTC, since the recognizer has no CTC head"
    recognizer = load_recognizer(folder.parent / "out", "cpu")
    assert recognizer.config.features.normalization == "utterance_mean"
    assert recognizer.tokenizer.decode(recognizer.tokenizer.encode("TEA TO NO")) == "TEA TO NO"
    assert recognizer.config.loss.ctc_weight == 0


def test_an_imported_model_is_exported(imported: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    done = run("export", imported, "--out", tmp_path / "onnx")
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "onnx" / "config.json").read_text("utf-8"))
    assert (said["format_version"], said["features"]["edges"]) == (2, "mirrored")


def test_an_imported_model_serves_what_the_library_hears(imported: Path) -> None:
    here = pytest.importorskip("serving_here", exc_type=ImportError)
    said, heard = here.both_ways(load_recognizer(imported), here.bursts(3))
    assert said["warning"] == heard.warning  # of noise, its words are told in a warning
    assert "no speech" in said["warning"]
    assert said["avg_logprob"] == pytest.approx(heard.avg_log_prob, abs=1e-4)
    assert (said["start"], said["end"]) == (heard.start_seconds, heard.end_seconds)
