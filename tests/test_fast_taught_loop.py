"""Tests of `asr/fast/taught_loop.py` and `asr/attention/taught.py`, beside the plain loop."""

from typing import Any

import pytest
import torch
from conftest import torch_threads
from torch import Tensor

from asr.attention import build_attention
from asr.attention.additive import LocationAttention
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


def is_taught(decoder: AttentionDecoder, prior: Tensor | None = None) -> bool:
    return Taught.of(decoder, None, prior) is not None


def run(decoder: AttentionDecoder, tokens: Tensor, **options: Any) -> tuple[Tensor, Tensor]:
    """Returns logits and alignments of memory that is the same for the same tokens' number."""
    values = torch.randn(5, 70, 64, generator=torch.Generator().manual_seed(2))
    size = len(tokens)
    memory = decoder.prepare(values[:size], LENGTHS[:size], (torch.zeros(size, 16),))
    logits, alignments = decoder(tokens, memory, **options)
    return logits, alignments


def gradients_of_run(decoder: AttentionDecoder, tokens: Tensor) -> dict[str, Tensor]:
    decoder.zero_grad()
    run(decoder, tokens)[0].square().sum().backward()
    named = decoder.named_parameters()
    return {name: part.grad.clone() for name, part in named if part.grad is not None}


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
    packed: list[Tensor] = []
    original = products.PackedWeight.__init__

    def note(self: products.PackedWeight, weight: Tensor) -> None:
        packed.append(weight)
        original(self, weight)

    monkeypatch.setattr(products.PackedWeight, "__init__", note)
    found = values_and_gradients(decoder)
    taught, packed = packed, []
    with switches.without("packing"):
        values_and_gradients(decoder)
    assert not packed
    if products._HAS_ONEDNN:
        sizes = {tuple(weight.shape) for weight in taught}
        assert {(768, 256), (48, 192), (256, 768), (192, 48)} <= sizes
    with switches.without("taught"):
        assert_close(found, values_and_gradients(decoder), 1e-5)


@pytest.mark.skipif(not HAS_BFLOAT16, reason="torch has no bfloat16 here")
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


@pytest.mark.parametrize("shape", [(1, 12), (5, 1), (1, 1)], ids=str)
def test_a_single_utterance_or_token_leaves_what_was_given_as_it_was(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoder, made = build(), []
    embed = decoder.embed

    def note(*arguments: Any) -> Tensor:
        made.append(embed(*arguments))
        made.append(made[0].detach().clone())
        return made[0]

    monkeypatch.setattr(decoder, "embed", note)
    tokens = torch.randint(4, 30, shape, generator=torch.Generator().manual_seed(3))
    found = gradients_of_run(decoder, tokens)
    assert torch.equal(*made)
    monkeypatch.undo()
    with switches.without("taught"):
        assert_close(found, gradients_of_run(decoder, tokens), 1e-5)


def test_gradients_under_autocast_and_of_a_checkpoint_are_the_same() -> None:
    from torch.utils.checkpoint import checkpoint

    decoder, tokens = build(), torch.randint(4, 30, (5, 12))
    wanted = gradients_of_run(decoder, tokens)
    decoder.zero_grad()
    loss = run(decoder, tokens)[0].square().sum()
    with torch.autocast("cpu", torch.bfloat16):
        loss.backward()
    found = {name: part.grad for name, part in decoder.attention.named_parameters()}
    # What comes before the loop, torch's own, is rounded by it.
    for name in ("energy.weight", "filters.weight", "filter_projection.weight"):
        torch.testing.assert_close(found[name], wanted[f"attention.{name}"], rtol=0.05, atol=0.05)
    decoder.zero_grad()
    checkpoint(lambda: run(decoder, tokens)[0].square().sum(), use_reentrant=False).backward()
    for name, part in decoder.named_parameters():
        if name in wanted:
            assert part.grad is not None
            assert torch.equal(part.grad, wanted[name]), name


def test_dropout_is_drawn_as_after_the_other_loop() -> None:
    decoder, tokens = build(dropout=0.3), torch.randint(4, 30, (5, 12))
    found = []
    for pieces in ([], ["taught"]):
        with switches.without(*pieces):
            torch.manual_seed(4)
            found.append(run(decoder, tokens))
    for one, other in zip(*found, strict=True):
        assert one.is_contiguous()
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def test_a_prior_has_a_step_a_token_and_a_gradient_where_it_needs_one() -> None:
    decoder, tokens = build(), torch.randint(4, 30, (5, 12))
    prior = torch.zeros(5, 12, 70, requires_grad=True)
    assert not is_taught(decoder, prior)
    run(decoder, tokens, prior=prior)[1].square().sum().backward()
    assert prior.grad is not None
    assert prior.grad.any()
    prior = prior.detach()
    assert is_taught(decoder, prior)
    wanted = run(decoder, tokens, prior=prior)[0]
    assert torch.equal(run(decoder, tokens, prior=prior[:1, :, :1])[0], wanted)
    with pytest.raises(ValueError, match="prior of 13 steps, for 12 tokens"):
        run(decoder, tokens, prior=torch.zeros(5, 13, 70))


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
    for piece in ("energies", "correlation", "taught"):
        with switches.without(piece):
            assert not is_taught(decoder)
    with torch.autocast("cpu", torch.float16):
        assert not is_taught(decoder)
    assert is_taught(decoder)
    decoder.attention.__class__ = type("Changed", (LocationAttention,), {})
    assert not is_taught(decoder)
    assert not is_taught(build().double())
    attention = build_attention("additive", {}, query_dim=40, value_dim=64)
    config = DecoderConfig(embedding_dim=32, hidden_dim=40)
    assert not is_taught(AttentionDecoder(config, attention, vocab_size=30, message_dim=16))


def test_a_matrix_with_gaps_is_multiplied_like_any_other() -> None:
    wide, gradients = torch.randn(200, 96), torch.randn(200, 64)
    found = products.linear(gradients.T, wide[:, :48].T)
    torch.testing.assert_close(found, gradients.T @ wide[:, :48], atol=1e-4, rtol=1e-4)


def test_a_matrix_with_gaps_is_made_dense_for_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, gradients, given = torch.randn(200, 96), torch.randn(200, 64), []

    def multiply(inputs: Tensor, weight: Tensor) -> Tensor:
        given.extend([inputs, weight])
        return inputs @ weight.T

    monkeypatch.setattr(products, "_onednn", multiply)
    monkeypatch.setattr(products, "is_for_onednn", lambda *_: True)
    found = products.linear(gradients.T, wide[:, :48].T)
    torch.testing.assert_close(found, gradients.T @ wide[:, :48], atol=1e-4, rtol=1e-4)
    assert given[0].T.is_contiguous()
    assert given[1].is_contiguous()
    products.linear(gradients.T, gradients.T)
    assert given[3].data_ptr() == gradients.data_ptr()
