"""SpeechBrain's folders become model folders, or are refused by name. It is not needed here."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import speechbrain_layout as layout
import torch
from conftest import Done, random_texts, run, tone, write_manifest

from asr.errors import ModelError
from asr.importing.speechbrain import import_speechbrain
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
    copy = tmp_path / "folder"
    copy.mkdir()
    for path in whole.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


@pytest.fixture(scope="module")
def imported(whole: Path) -> Path:
    out = whole.parent / "ours"
    said = list(import_speechbrain(whole, out))
    assert len(said) == 2
    return out


def refused(folder: Path, said: str, **options: bool) -> None:
    out = folder.parent / "out"
    with pytest.raises(ModelError, match=said):
        list(import_speechbrain(folder, out, **options))
    assert not out.exists()


def test_the_settings_are_those_of_the_file(imported: Path) -> None:
    config = load_recognizer(imported, "cpu").config
    assert config.features.fft_length == 400
    assert config.features.window == "hamming"
    assert (config.features.low_hz, config.features.high_hz) == (0.0, 8000.0)
    assert config.encoder.blocks.channels == (6, 8)
    assert config.encoder.blocks.time_pooling == 4
    assert (config.encoder.hidden_dim, config.encoder.num_layers) == (24, 2)
    assert config.attention.options["filter_width"] == 21
    assert config.decoder.cell == "gru"
    assert config.search.beam_size == 6
    assert config.search.temperature == 1.25
    assert config.search.eos_threshold == 1.5
    assert config.tokenizer.vocab_size == layout.SIZE + 3


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
    assert "⁇" not in found.text
    assert "<" not in found.text


def test_the_language_model_has_the_recognizers_tokens(imported: Path) -> None:
    recognizer = load_recognizer(imported, "cpu")
    model = load_language_model(imported / "lm", recognizer.tokenizer)
    text = "THE CAT"
    assert recognizer.tokenizer.decode(model.tokenizer.encode(text)) == text


def test_the_settings_of_an_imported_model_train_anew(
    imported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(Path("data"), "train", random_texts(12, 1), rate=16000)
    write_manifest(Path("data"), "dev", random_texts(3, 2), rate=16000)
    before = load_recognizer(imported, "cpu").config
    tree = before.model_dump(mode="json")
    tree["tokenizer"] = {"type": "char"}
    tree["data"] |= {"num_workers": 0, "max_seconds": 5, "batch_seconds": 10}
    tree["train"] |= {"epochs": 2, "warmup_steps": 1, "keep_best": 2}
    tree["search"]["beam_size"] = 1
    metrics = train(type(before).model_validate(tree), Path("new"))
    assert metrics["epochs"] == 2  # whose weights, counts of batches among them, are averaged
    recognizer = load_recognizer("new", "cpu")
    norms = recognizer.model.encoder.dense.norms
    assert all(bool(norm.running_mean.abs().sum() > 0) for norm in norms)


def test_the_command_says_what_it_made_and_what_it_left(folder: Path, tmp_path: Path) -> None:
    layout.change(
        folder,
        (
            "    temperature: !ref <temperature>\n",
            "    temperature: 1\n    using_max_attn_shift: True\n",
        ),
    )
    done: Done = run("import", "speechbrain", folder, "--out", tmp_path / "m", "--without-lm")
    assert done.returncode == 0, done.stderr
    assert "a recognizer with 0.0" in done.stderr
    assert 'left out: the language model "lm_model", as asked for' in done.stderr
    assert "left out: max_attn_shift = 60, which the search here does not have" in done.stderr
    assert not (tmp_path / "m" / "lm").exists()
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text("utf-8"))
    assert metrics["imported"]["folder"] == "folder"
    assert "SpeechBrain folder `folder`" in (tmp_path / "m" / "README.md").read_text("utf-8")


def test_a_refusal_is_one_line_and_code_2(tmp_path: Path) -> None:
    (tmp_path / "hyperparams.yaml").write_text("a: 1\n")
    (tmp_path / "empty").mkdir()
    for name, said in (
        ("none", "none: is not there"),
        ("hyperparams.yaml", "yaml: is a file"),
        ("empty", "empty: has no hyperparams.yaml"),
    ):
        done = run("import", "speechbrain", tmp_path / name, "--out", tmp_path / "m")
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert f"{said}; give the folder of a SpeechBrain recognizer" in done.stderr


def test_nothing_is_written_over(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine", "utf-8")
    with pytest.raises(ModelError, match="there is something already; use another --out"):
        list(import_speechbrain(folder, tmp_path / "out"))


@pytest.mark.parametrize("name", ["asr.ckpt", "lm.ckpt", "normalizer.ckpt", "tokenizer.ckpt"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    refused(folder, rf"{name}: is missing; put the file of that name into the folder")


@pytest.mark.parametrize("name", ["asr.ckpt", "lm.ckpt", "normalizer.ckpt", "tokenizer.ckpt"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"version https://git-lfs\n"])
def test_a_damaged_file_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    refused(folder, rf"{name}: (is damaged|holds more than plain tensors|is no sentencepiece)")


class Evil:
    def __reduce__(self) -> Any:
        return (Path("evil").touch, ())


@pytest.mark.parametrize("name", ["asr.ckpt", "lm.ckpt", "normalizer.ckpt"])
@pytest.mark.parametrize("plain", [True, False])
def test_a_pickle_with_code_is_not_run(
    folder: Path, name: str, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if plain:
        (folder / name).write_bytes(pickle.dumps({"a": Evil()}))
    else:
        torch.save({"a": Evil()}, folder / name)
    refused(folder, rf"{name}: holds more than plain tensors, or is damaged")
    assert not (folder / "evil").exists()


def test_whole_modules_are_not_read(folder: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), folder / "asr.ckpt")
    refused(folder, r"asr\.ckpt: holds more than plain tensors")


CHANGES = {
    "unknown encoder": (
        ("lobes.models.CRDNN.CRDNN", "lobes.models.transformer.TransformerASR"),
        r"makes no speechbrain\.lobes\.models\.CRDNN\.CRDNN.*TransformerASR",
    ),
    "unknown option": (
        ("    rnn_re_init: True\n", "    rnn_re_init: True\n    skip: 2\n"),
        r'"enc" \(speechbrain.*CRDNN\) has the option skip, which is not known here',
    ),
    "unknown recurrence": (
        ("!name:speechbrain.nnet.RNN.LSTM", "!name:speechbrain.nnet.RNN.LiGRU"),
        r"rnn_class = 'speechbrain\.nnet\.RNN\.LiGRU'; known: speechbrain\.nnet\.RNN\.LSTM",
    ),
    "unknown activation": (
        ("activation: !name:torch.nn.LeakyReLU", "activation: !name:torch.nn.Hardswish"),
        r"activation = 'torch\.nn\.Hardswish'; known: torch\.nn\.LeakyReLU",
    ),
    "activation with options": (
        ("!name:torch.nn.LeakyReLU\ndropout", "!name:torch.nn.LeakyReLU {x: 0.2}\ndropout"),
        r"activation = torch\.nn\.LeakyReLU with options, which are not read",
    ),
    "attention of another kind": (
        ("attn_type: location", "attn_type: keyvalue"),
        r"attn_type = 'keyvalue'; known: location, content",
    ),
    "a projection": (
        ("    rnn_re_init: True\n", "    projection_dim: 64\n"),
        r"projection_dim = 64; no projection before the recurrent layers is known",
    ),
    "projections between": (
        ("    rnn_re_init: True\n", "    use_rnnp: True\n"),
        r"use_rnnp = True; no projections between",
    ),
    "deltas": (
        ("    n_mels: !ref <n_mels>\n\nenc", "    n_mels: 40\n    deltas: True\n\nenc"),
        r"deltas = True; only plain filter banks are known",
    ),
    "learnt filters": (
        ("    n_mels: !ref <n_mels>\n\nenc", "    n_mels: 40\n    requires_grad: True\n\nenc"),
        r"requires_grad = True; only plain filter banks are known",
    ),
    "another filter": (
        ("    n_mels: !ref <n_mels>\n\nenc", "    n_mels: 40\n    filter_shape: gaussian\n\nenc"),
        r"filter_shape = 'gaussian'; only triangular filters are known",
    ),
    "statistics of a batch": (
        ("norm_type: global", "norm_type: batch"),
        r"norm_type = 'batch'; known: global, sentence",
    ),
    "another step": (
        ("    model: !ref <enc>\n", "    augment: !new:my.Augmenter\n    model: !ref <enc>\n"),
        r'"encoder" has the step augment \(my\.Augmenter\), which is not known here',
    ),
    "no searcher": (
        ("speechbrain.decoders.S2SRNNBeamSearcher", "speechbrain.decoders.S2STransformer"),
        r"makes no searcher",
    ),
    "an option of the searcher": (
        ("    temperature: !ref <temperature>\n", "    magic: 3\n"),
        r'"decoder" has the option magic, not known here',
    ),
    "another tokenizer": (
        ("!new:sentencepiece.SentencePieceProcessor", "!new:speechbrain.dataio.CTCTextEncoder"),
        r"makes no sentencepiece\.SentencePieceProcessor",
    ),
    "fewer tokens": (
        ("output_neurons: 36", "output_neurons: 35"),
        r"n_neurons = 35, and the tokenizer 36 tokens",
    ),
    "another size": (
        ("rnn_neurons: 24", "rnn_neurons: 23"),
        r"asr\.ckpt: 0\.RNN\.rnn\.weight_ih_l0 is \[96, 80\], and hyper\S+ says \[92, 80\]",
    ),
    "fewer layers": (
        ("dnn_blocks: 2", "dnn_blocks: 1"),
        r"asr\.ckpt: holds 0\.DNN\.block_1\.\S+ and \d more, which hyperparams\.yaml does not",
    ),
    "more layers": (("dnn_blocks: 2", "dnn_blocks: 3"), r"asr\.ckpt: has no 0\.DNN\.block_2"),
    "an end that is a piece": (("eos_index: 0", "eos_index: 7"), r"eos_index = 7, and that is a"),
    "an end beyond all": (("eos_index: 0", "eos_index: 99"), r"eos_index = 99, and there is none"),
    "no whole number": (
        ("cnn_blocks: 2", "cnn_blocks: two"),
        r"cnn_blocks = 'two'; must be a whole",
    ),
    "no loadables": (
        ("        lm: !ref <lm_model>\n        tok", "        tok"),
        r'no file is named for "lm_model"; name it among the loadables',
    ),
    "no pretrainer": (
        ("!new:speechbrain.utils.parameter_transfer.Pretrainer", "!new:a.b.Loader"),
        r"has no pretrainer with loadables",
    ),
    "a placeholder": (
        ("rnn_layers: 2\nrnn_neurons", "rnn_layers: !PLACEHOLDER\nrnn_neurons"),
        r"!PLACEHOLDER stands where a value is needed; write it",
    ),
    "even kernel": (("(3, 3)", "(4, 3)"), r"kernel \[3, 4\] must be two odd numbers"),
    "two encoders": (
        (
            "emb: !new",
            "other: !new:speechbrain.lobes.models.CRDNN.CRDNN {input_size: 40}\nemb: !new",
        ),
        r"enc, other are each a speechbrain\.lobes\.models\.CRDNN\.CRDNN; leave only the one",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_not_known_is_refused_by_name(folder: Path, name: str) -> None:
    changed, said = CHANGES[name]
    layout.change(folder, changed)
    refused(folder, said)


LM_CHANGES = {
    "of another kind": (
        ("speechbrain.lobes.models.RNNLM.RNNLM", "speechbrain.lobes.models.transformer.LM"),
        None,
    ),
    "another recurrence": (
        (
            "    rnn_layers: 2\n    rnn_neurons: 16",
            "    rnn_layers: 2\n    rnn_class: !name:x.LiGRU\n    rnn_neurons: 16",
        ),
        r"rnn_class = 'x\.LiGRU'; known: .*or import the recognizer without it by --without-lm",
    ),
    "another activation": (
        ("!name:torch.nn.LeakyReLU\n    dropout: 0.0", "!name:torch.nn.Tanh\n    dropout: 0.0"),
        r"activation = 'torch\.nn\.Tanh'; known: torch\.nn\.LeakyReLU, or import",
    ),
    "another size": (("    rnn_neurons: 16", "    rnn_neurons: 15"), r"lm\.ckpt: .* is \[64, 10\]"),
}


@pytest.mark.parametrize("name", LM_CHANGES)
def test_a_language_model_that_is_not_known_is_left_out_only_if_told(
    folder: Path, name: str
) -> None:
    changed, said = LM_CHANGES[name]
    layout.change(folder, changed)
    if said is None:  # a scorer names it
        layout.change(
            folder,
            (
                "\ndecoder: !new",
                "\nscorer: !new:speechbrain.decoders.scorer.TransformerLMScorer\n"
                "    language_model: !ref <lm_model>\n\ndecoder: !new",
            ),
        )
        said = (
            r'the language model "lm_model" is a speechbrain\.lobes\.models\.transformer\.LM; only'
        )
    refused(folder, said)
    list(import_speechbrain(folder, folder.parent / "without", without_lm=True))
    assert load_recognizer(folder.parent / "without", "cpu").options.beam_size == 6


def test_layouts_that_differ_are_read_as_well(folder: Path) -> None:
    """Paths of their own, a tokenizer's usual ending, no CTC head, and the searcher before 1.0."""
    (folder / "asr.ckpt").rename(folder / "model.ckpt")
    (folder / "tokenizer.ckpt").rename(folder / "1000_unigram.model")
    kept = {
        name.replace("4.w", "3.w"): value
        for name, value in torch.load(folder / "model.ckpt", weights_only=True).items()
        if not name.startswith("3.w")
    }
    torch.save(kept, folder / "model.ckpt")
    layout.change(
        folder,
        ("<dec>, !ref <ctc_lin>, !ref <seq_lin>]", "<dec>, !ref <seq_lin>]"),
        (
            "ctc_lin: !new:speechbrain.nnet.linear.Linear\n    input_size: !ref <dnn_neurons>\n"
            "    n_neurons: !ref <output_neurons>\n",
            "",
        ),
        ("    loadables:\n", "    paths:\n        asr: !ref <where>/model.ckpt\n    loadables:\n"),
        ("sample_rate: 16000\n", "where: some/hub\nsample_rate: 16000\n"),
        ("speechbrain.decoders.S2SRNNBeamSearcher", "speechbrain.decoders.S2SRNNBeamSearchLM"),
        (
            "    temperature: !ref <temperature>\n",
            "    language_model: !ref <lm_model>\n    lm_weight: 0.5\n    coverage_penalty: 1.5\n"
            "    temperature: !ref <temperature>\n    temperature_lm: 1.25\n    blank_index: 0\n",
        ),
    )
    said = list(import_speechbrain(folder, folder.parent / "out"))
    assert "search.lm_weights=0.5" in said[1]
    assert said[2:] == [
        "left out: joint search with CTC, since the recognizer has no CTC head",
        "left out: temperature_lm = 1.25, coverage_penalty = 1.5, which the search here does not "
        "have",
    ]
    assert load_recognizer(folder.parent / "out", "cpu").config.loss.ctc_weight == 0


def test_weights_of_a_scorer_builder_are_read(folder: Path) -> None:
    layout.change(
        folder,
        (
            "\ndecoder: !new:speechbrain.decoders.S2SRNNBeamSearcher\n",
            "\nlm_scorer: !new:speechbrain.decoders.scorer.RNNLMScorer\n"
            "    language_model: !ref <lm_model>\n    temperature: 1.5\n"
            "scorer: !new:speechbrain.decoders.scorer.ScorerBuilder\n"
            "    full_scorers: [!ref <lm_scorer>]\n    weights:\n        rnnlm: 0.7\n"
            "decoder: !new:speechbrain.decoders.S2SRNNBeamSearcher\n    scorer: !ref <scorer>\n",
        ),
    )
    said = list(import_speechbrain(folder, folder.parent / "out"))
    assert "search.lm_weights=0.7" in said[1]
    assert "temperature_lm = 1.5" in said[2]


def test_a_deviation_of_no_number_is_refused(folder: Path) -> None:
    torch.save(
        {"glob_mean": torch.zeros(40), "glob_std": torch.full((40,), float("nan"))},
        folder / "normalizer.ckpt",
    )
    refused(folder, r"normalizer\.ckpt: glob_std holds what is no number; copy it again")


def test_an_imported_model_is_exported(imported: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    done = run("export", imported, "--out", tmp_path / "onnx")
    assert done.returncode == 0, done.stderr
    said = json.loads((tmp_path / "onnx" / "config.json").read_text("utf-8"))
    assert said["format_version"] == 2
    assert said["features"]["window"] == "hamming, periodic"


def test_an_imported_model_serves_what_the_library_hears(imported: Path) -> None:
    here = pytest.importorskip("serving_here", exc_type=ImportError)
    said, heard = here.both_ways(load_recognizer(imported), here.bursts(3))
    assert said["warning"] == heard.warning  # of noise, its words are told in a warning
    assert "no speech" in said["warning"]
    assert said["avg_logprob"] == pytest.approx(heard.avg_log_prob, abs=1e-4)
    assert (said["start"], said["end"]) == (heard.start_seconds, heard.end_seconds)
