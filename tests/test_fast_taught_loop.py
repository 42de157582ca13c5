"""Tests of `asr/fast/taught_loop.py` and `asr/attention/taught.py`, beside the plain loop."""

from typing import Any

import pytest
import torch
from conftest import torch_threads
from torch import Tensor

from asr.attention import build_attention
from asr.attention.taught import Taught
from asr.config import DecoderConfig
from asr.decoder import AttentionDecoder
from asr.fast import products, switches
from asr.fast.products import HAS_BFLOAT16

LENGTHS = torch.tensor([70, 33, 50, 1, 64])
SETTINGS: list[dict[str, Any]] = [
    {},
    {"feedback_gradient": False},
    {"first": "even", "filter_width": 1},
    {"context_dim": 24, "sharpness": 1.0},
    {"context_output": False},
    {"start": "bridge"},
    {"peeky": True, "start": "bridge", "readout": "tanh"},
]


def build(*, hidden_dim: int = 40, **changes: Any) -> AttentionDecoder:
    """Returns a decoder with settings of its own or of its attention."""
    torch.manual_seed(0)
    own = {name: value for name, value in changes.items() if name in DecoderConfig.model_fields}
    options = {"dim": 48, "num_filters": 7, "filter_width": 31}
    options |= {name: value for name, value in changes.items() if name not in own}
    attention = build_attention("location", options, query_dim=hidden_dim, value_dim=64)
    sizes: dict[str, Any] = {"embedding_dim": 32, "hidden_dim": hidden_dim, "dropout": 0.0}
    config = DecoderConfig(**(sizes | own))
    return AttentionDecoder(config, attention, vocab_size=30, message_dim=16)


def values_and_gradients(
    decoder: AttentionDecoder, *, prior: bool = False, rounds: bool = False
) -> dict[str, Tensor]:
    """Returns logits, alignments, and the gradients of weights, values and the message."""
    random = torch.Generator().manual_seed(1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    real = torch.arange(70) < LENGTHS[:, None]
    values = (draw(5, 70, 64) * real[..., None]).requires_grad_()
    message = tuple(draw(5, 16).requires_grad_() for _ in range(2))
    tokens = torch.randint(4, 30, (5, 12), generator=random)
    priors = -3 * draw(5, 12, 70).abs() if prior else None
    decoder.train().zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=rounds):
        memory = decoder.prepare(values, LENGTHS, message)
        logits, alignments = decoder(tokens, memory, prior=priors)
    loss = (logits.float() * draw(*logits.shape)).sum()
    (loss + (alignments.float() * draw(*alignments.shape)).sum()).backward()
    found = {name: part.grad for name, part in decoder.named_parameters()}
    found |= {"values": values.grad, "message": message[0].grad}
    kept = {name: part.clone() for name, part in found.items() if part is not None}
    return {"logits": logits.detach().float(), "alignments": alignments.detach().float(), **kept}


def is_taught(decoder: AttentionDecoder) -> bool:
    return Taught.of(decoder, None) is not None


def assert_close(found: dict[str, Tensor], wanted: dict[str, Tensor], most: float) -> None:
    assert found.keys() == wanted.keys()
    for name, part in wanted.items():
        assert found[name].shape == part.shape
        assert float((found[name] - part).norm()) <= most * float(part.norm()) + 1e-7, name


@pytest.mark.parametrize("prior", [False, True])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_values_and_gradients_are_those_of_the_loop(settings: dict[str, Any], prior: bool) -> None:
    decoder = build(**settings)
    assert is_taught(decoder)
    found = values_and_gradients(decoder, prior=prior)
    with switches.without("taught"):
        assert not is_taught(decoder)
        wanted = values_and_gradients(decoder, prior=prior)
    assert_close(found, wanted, 1e-5)
    assert "attention.filters.weight" in found
    assert found["values"].any()


def test_weights_that_are_laid_out_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = build(hidden_dim=192)
    monkeypatch.setattr(products, "SMALL_PACKED", 1)
    monkeypatch.setattr(products, "SMALL_PRODUCT", 1)
    found = values_and_gradients(decoder)
    with switches.without("taught"):
        assert_close(found, values_and_gradients(decoder), 1e-5)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="this processor has no bfloat16")
def test_in_bfloat16_errors_are_no_larger_than_those_of_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(products, "SMALL_PACKED", 1)
    decoder = build()
    with switches.without("taught"):
        exact = values_and_gradients(decoder)
        plain = values_and_gradients(decoder, rounds=True)
    ours = values_and_gradients(decoder, rounds=True)
    for name, wanted in exact.items():
        mine, other = ((found[name] - wanted).norm() for found in (ours, plain))
        assert mine <= 1.2 * other + 1e-6, name


def test_the_same_work_gives_the_same_bits_and_in_more_threads_nearly() -> None:
    decoder, runs = build(), []
    for num_threads in (1, 2, 2):
        with torch_threads(num_threads):
            runs.append(values_and_gradients(decoder))
    assert_close(runs[1], runs[0], 1e-5)
    for name, part in runs[1].items():
        assert torch.equal(part, runs[2][name]), name


def test_two_backward_passes_give_the_same_gradients() -> None:
    decoder = build()
    values, tokens = torch.randn(5, 70, 64), torch.randint(4, 30, (5, 12))
    logits, _ = decoder(tokens, decoder.prepare(values, LENGTHS, (torch.zeros(5, 16),)))
    weights = list(decoder.attention.parameters())
    first = torch.autograd.grad(logits.square().sum(), weights, retain_graph=True)
    second = torch.autograd.grad(logits.square().sum(), weights)
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert all(part.any() for part in first)


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru"},
        {"num_layers": 2},
        {"attends": "before"},
        {"input_feeding": False},
        {"recurrent_bias": True},
        {"feedback": "both"},
    ],
    ids=str,
)
def test_another_decoder_takes_a_step_after_the_other(settings: dict[str, Any]) -> None:
    assert not is_taught(build(**settings))


def test_other_attention_types_and_searches_take_a_step_after_the_other() -> None:
    decoder = build()
    with torch.no_grad():
        assert not is_taught(decoder)
    assert not is_taught(decoder.double())
    attention = build_attention("additive", {}, query_dim=40, value_dim=64)
    config = DecoderConfig(embedding_dim=32, hidden_dim=40)
    assert not is_taught(AttentionDecoder(config, attention, vocab_size=30, message_dim=16))


def test_a_matrix_with_gaps_is_multiplied_like_any_other() -> None:
    wide, gradients = torch.randn(200, 96), torch.randn(200, 64)
    found = products.linear(gradients.T, wide[:, :48].T)
    torch.testing.assert_close(found, gradients.T @ wide[:, :48], atol=1e-4, rtol=1e-4)
