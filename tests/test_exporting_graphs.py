"""Exported graphs beside torch: every mechanism, cell and option, in sizes of all kinds."""

from functools import cache
from typing import Any

import pytest
import torch
from conftest import tiny_config

from asr.attention import ATTENTIONS
from asr.build import build_model
from asr.cells import CELLS
from asr.config import Config
from asr.decoder_start import STARTS
from asr.errors import ConfigError, InstallError, ModelError
from asr.exporting import checks, writing
from asr.exporting.checks import largest_difference
from asr.exporting.graphs import build_graphs
from asr.exporting.quantization import left_in_float32, operators, quantize
from asr.exporting.runtime import ExportedModel, Session
from asr.exporting.writing import Graph
from asr.features import frame_mask
from asr.model import Seq2Seq
from asr.recognition import scorers_of
from asr.rnn import LAYERS
from asr.search import search
from asr.subsampling import SUBSAMPLINGS

for package in ("onnx", "onnxruntime"):
    pytest.importorskip(package, reason="needs the extra onnx")

VOCAB_SIZE = 9
SMALL = {"dim": 10, "num_filters": 3, "filter_width": 5}
OWN_OPTIONS: dict[str, dict[str, Any]] = {
    "additive": {"dim": 10},
    "coverage": {"dim": 10},
    "location": SMALL,
    "multi_head": {"num_heads": 2, **SMALL},
}
NARROW = {"hidden_dim": 14}  # as wide as the memory, which dot products need


def attention(kind: str, **options: object) -> dict[str, Any]:
    """Returns the sections of a small model with a mechanism."""
    start = {} if ATTENTIONS[kind].has_alignment else {"start": "bridge"}
    section = {"type": kind, **OWN_OPTIONS.get(kind, {}), **options}
    return {"attention": section, "decoder": {**NARROW, **start}}


def heads(kind: str) -> dict[str, Any]:
    """Returns the sections of a small model with two heads of a mechanism."""
    section = {"type": "multi_head", "num_heads": 2, "of": kind, **OWN_OPTIONS.get(kind, {})}
    return {"attention": section, "decoder": NARROW}


HEADS = [name for name, kind in ATTENTIONS.items() if kind.can_be_a_head]
CASES: dict[str, dict[str, Any]] = {
    **{name: attention(name) for name in ATTENTIONS},
    **{f"heads of {name}": heads(name) for name in HEADS},
    "cumulative": attention("location", feedback="cumulative"),
    "both feedbacks": attention("location", feedback="both"),
    "no fertility": attention("coverage", fertility=False),
    "window": {"search": {"attention_window": [2, 4]}},
    "window on heads": {**attention("multi_head"), "search": {"attention_window": [2, 4]}},
    **{f"encoder {name}": {"encoder": {"cell": name}} for name in LAYERS},
    **{f"{name} ahead": {"encoder": {"cell": name, "bidirectional": False}} for name in LAYERS},
    **{f"decoder {name}": {"decoder": {"cell": name, "num_layers": 2}} for name in CELLS},
    **{
        f"start {name}": {"decoder": {"start": name, "hidden_dim": 24, "peeky": True}}
        for name in STARTS
    },
    "copied gru": {
        "encoder": {"cell": "gru"},
        "decoder": {"cell": "gru", "start": "copy", "hidden_dim": 24},
    },
    "copied ahead": {
        "encoder": {"bidirectional": False},
        "decoder": {"start": "copy", "hidden_dim": 12},
    },
    "nothing fed": {"decoder": {"input_feeding": False}},
    "context unread by the output": {"decoder": {"context_output": False}},
    "no attention, peeking": {"attention": {"type": "none"}, "decoder": {"peeky": True}},
    **{f"subsampling {name}": {"encoder": {"subsampling": name}} for name in SUBSAMPLINGS},
    "three frames": {"encoder": {"subsampling": "stack", "stack_frames": 3}},
    "pyramid": {"encoder": {"pyramid": "concat", "num_layers": 3}},
    "deep pyramid": {"encoder": {"pyramid": "drop", "pyramid_layers": 5, "num_layers": 6}},
    "plain stack": {"encoder": {"projection_dim": None, "layer_norm": False}},
}


@cache
def made(case: str) -> tuple[Seq2Seq, Config, tuple[Graph, Graph], ExportedModel]:
    """Returns a model with lively weights, its configuration, and it exported."""
    torch.manual_seed(0)
    config = tiny_config(**CASES[case])
    model = build_model(config, VOCAB_SIZE).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    graphs = build_graphs(model, config)
    return model, config, graphs, ExportedModel(*(Session(graph.content, 1) for graph in graphs))


def features_of(lengths: list[int], padding: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns features (B,T,M) of these lengths, 0 on padding, and the lengths (B,)."""
    counts = torch.tensor(lengths)
    features = torch.randn(len(lengths), max(lengths) + padding, 16)
    return features * frame_mask(counts, features.size(1))[..., None], counts


@pytest.mark.parametrize("case", CASES)
def test_every_option_exports_with_torchs_values_at_other_sizes(case: str) -> None:
    model, config, _, exported = made(case)
    assert largest_difference(model, exported, config) < 1e-4


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("beam_size", "ctc_weight"), [(1, 0.0), (4, 0.3)])
@torch.inference_mode()
def test_greedy_and_beam_search_find_the_same_tokens(
    case: str, beam_size: int, ctc_weight: float
) -> None:
    model, config, _, exported = made(case)
    chosen = {"beam_size": beam_size, "ctc_weight": ctc_weight, "max_tokens": 12}
    options = config.search.model_copy(update=chosen)
    features, lengths = features_of([70, 33, 5], padding=9)
    encoded = model.encoder(features, lengths)
    wanted = search(scorers_of(model, encoded, options), encoded.lengths, options)
    graphs = exported.scorers(exported.encode(features, lengths), options, model.units)
    found = search(*graphs, options)
    assert [row[0].tokens for row in found] == [row[0].tokens for row in wanted]
    for row, other in zip(found, wanted, strict=True):
        assert row[0].score == pytest.approx(other[0].score, abs=1e-3)


@pytest.mark.parametrize("case", ["encoder lstm", "encoder gru", "encoder rnn_relu", "pyramid"])
def test_padding_and_batch_mates_change_nothing(case: str) -> None:
    _, _, _, exported = made(case)
    features, lengths = features_of([41, 90, 1])
    together = exported.encode(features, lengths)
    longer = torch.nn.functional.pad(features, (0, 0, 0, 200))
    for row, length in enumerate(lengths.tolist()):
        alone = exported.encode(features[row : row + 1, :length], lengths[row : row + 1])
        padded = exported.encode(longer[row : row + 1], lengths[row : row + 1])
        for name, wanted in alone.items():
            for found in (together[name][row : row + 1], padded[name]):
                if "mask" in name or "memory_lengths" in name:
                    continue
                kept = found[:, : wanted.size(1)] if wanted.dim() == 3 else found
                kept = kept[..., : wanted.size(-1)]
                assert (kept - wanted).abs().max() < 1e-5, name


def test_states_that_grow_without_bound_do_not_spoil_what_is_before_the_padding() -> None:
    torch.manual_seed(0)
    config = tiny_config(encoder={"cell": "rnn_relu", "layer_norm": False})
    model = build_model(config, VOCAB_SIZE).eval()
    with torch.no_grad():
        for layer in model.encoder.layers:
            for name, weight in layer.named_parameters():
                if "weight_hh" in name:
                    weight.copy_(3 * torch.eye(len(weight)))
    first, second = build_graphs(model, config)
    exported = ExportedModel(Session(first.content, 1), Session(second.content, 1))
    features, lengths = features_of([20, 9], padding=700)
    found = exported.encode(features, lengths)["memory.attention.values"]
    wanted = model.encoder(features, lengths).values
    assert found.isfinite().all()
    assert (found - wanted).abs().max() <= 1e-4 * wanted.abs().max()


def test_axes_are_open_and_named() -> None:
    _, _, (encoder, decoder), _ = made("location")
    assert encoder.inputs == {"features": ("batch", "frames", 16), "lengths": ("batch",)}
    assert encoder.outputs["ctc_log_probs"] == ("batch", "memory_frames", VOCAB_SIZE)
    assert encoder.outputs["state.attention.alignment"] == ("batch", 1, "memory_frames")
    assert decoder.inputs["state.cells.0.hidden"] == ("batch", "beam", 14)
    assert decoder.outputs["log_probs"] == ("batch", "beam", VOCAB_SIZE)
    assert decoder.outputs["alignment"] == ("batch", "beam", "memory_frames")


def test_what_a_step_does_not_read_is_in_neither_graph() -> None:
    _, _, (encoder, decoder), _ = made("location")
    assert not [name for name in encoder.outputs if "message" in name]
    _, _, (encoder, decoder), _ = made("nothing fed")
    assert "state.context" not in decoder.inputs
    assert "state.context" not in encoder.outputs
    _, _, (encoder, decoder), _ = made("no attention, peeking")
    assert "memory.message.0" in decoder.inputs
    assert "alignment" not in decoder.outputs


def test_without_a_trained_ctc_head_there_is_none_in_the_graph() -> None:
    config = tiny_config(loss={"ctc_weight": 0.0})
    model = build_model(config, VOCAB_SIZE).eval()
    first, second = build_graphs(model, config)
    assert "ctc_log_probs" not in first.outputs
    exported = ExportedModel(Session(first.content, 1), Session(second.content, 1))
    assert largest_difference(model, exported, config) < 1e-4


def test_a_model_that_searches_in_bfloat16_is_compared_in_float32() -> None:
    model, config, _, exported = made("location")
    rounded = config.search.model_copy(update={"decoder_precision": "bfloat16"})
    config = config.model_copy(update={"search": rounded})
    assert largest_difference(model, exported, config) < 1e-4


def test_exporting_leaves_the_model_as_it_was() -> None:
    config = tiny_config()
    model = build_model(config, VOCAB_SIZE).eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    features, lengths = features_of([30])
    values = model.encoder(features, lengths).values
    build_graphs(model, config)
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(model.encoder(features, lengths).values, values)


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    config = tiny_config()
    build_graphs(build_model(config, VOCAB_SIZE).eval(), config)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("case", ["location", "multi_head", "none", "start copy", "decoder gru"])
def test_int8_has_quantised_operators_and_runs(case: str) -> None:
    model, config, graphs, _ = made(case)
    before = operators(graphs[0].content)
    rounded = [quantize(graph.content) for graph in graphs]
    first, second = (operators(content) for content in rounded)
    assert first["DynamicQuantizeLSTM"] == before["LSTM"] == 4  # two directions of two layers
    assert first["MatMulInteger"] > 0
    assert second["MatMulInteger"] > 2
    assert "LSTM" not in first
    assert left_in_float32(rounded[0]) == []
    exported = ExportedModel(*(Session(content, 1) for content in rounded))
    features, lengths = features_of([70, 33, 5], padding=9)
    encoded = exported.encode(features, lengths)
    wanted = model.ctc(model.encoder(features, lengths).values).log_softmax(dim=-1)
    real = frame_mask(encoded["memory_lengths"], wanted.size(1))[..., None]
    assert 0 < ((encoded["ctc_log_probs"] - wanted) * real).abs().max() < 2
    options = config.search.model_copy(update={"beam_size": 3, "max_tokens": 8})
    assert len(search(*exported.scorers(encoded, options, model.units), options)) == 3


def test_int8_says_which_layers_stay_in_float32() -> None:
    _, _, (encoder, _), _ = made("encoder gru")
    assert left_in_float32(quantize(encoder.content)) == ["GRU"]
    _, _, (encoder, _), _ = made("encoder rnn_tanh")
    assert left_in_float32(quantize(encoder.content)) == ["RNN"]


def test_a_graph_that_differs_is_refused() -> None:
    _, config, _, exported = made("location")
    other = build_model(config, VOCAB_SIZE).eval()
    with pytest.raises(ModelError, match=r"memory.* differs from the model by .* at most 0.0001"):
        largest_difference(other, exported, config)
    frozen = torch.zeros(2, 3)
    with pytest.raises(ModelError, match=r"gives \(2, 3\) values, the model \(2, 4\); .* freezes"):
        checks._difference(torch.zeros(2, 4), frozen, "values")
    with pytest.raises(ModelError, match="differs"):
        checks._difference(frozen, frozen + float("nan"), "values")


def test_a_mechanism_in_operations_that_onnx_lacks_is_refused() -> None:
    class Odd(torch.nn.Module):
        def forward(self, numbers: torch.Tensor) -> torch.Tensor:
            return torch.special.bessel_j0(numbers)

    axes = {"x": ("batch",)}
    with pytest.raises(ConfigError, match=r"an operation that is not in ONNX \(.*bessel_j0"):
        writing.write_graph(Odd(), axes, {"y": ("batch",)}, example=[torch.ones(3)])


def test_weights_that_no_file_of_onnx_can_hold_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LARGEST_BYTES", 1000)
    config = tiny_config()
    with pytest.raises(
        ConfigError, match=r"weights are 0\.0 GiB, and a file of ONNX holds at most"
    ):
        build_graphs(build_model(config, VOCAB_SIZE).eval(), config)


def test_without_the_extra_one_sentence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    config = tiny_config()
    with pytest.raises(InstallError, match=r"onnx does not import .*\[onnx\]"):
        build_graphs(build_model(config, VOCAB_SIZE).eval(), config)


def test_a_file_that_is_no_graph_is_refused() -> None:
    with pytest.raises(ModelError, match=r"onnxruntime cannot load a graph .* export again"):
        Session(b"nothing of the kind")
