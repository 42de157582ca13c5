"""What a decoder computes does not depend on the pieces that make it fast."""

import pytest
import torch
from torch import Tensor, nn

from asr.attention import build_attention
from asr.config import DecoderConfig, EncoderConfig
from asr.decoder import AttentionDecoder
from asr.encoder import Encoder
from asr.fast import switches
from asr.fast.shared import shared_products

pytestmark = pytest.mark.usefixtures("nothing_is_small")
LENGTHS = torch.tensor([40, 31, 20, 9])


def build() -> nn.ModuleList:
    """Returns an encoder and a decoder of a few weights."""
    torch.manual_seed(0)
    encoder = Encoder(EncoderConfig(subsampling="none", hidden_dim=8, num_layers=2, dropout=0.0), 6)
    attention = build_attention(
        "location",
        {"dim": 7, "num_filters": 3, "filter_width": 5},
        query_dim=10,
        value_dim=encoder.output_dim,
    )
    config = DecoderConfig(embedding_dim=5, hidden_dim=10, dropout=0.0)
    decoder = AttentionDecoder(config, attention, vocab_size=12, message_dim=encoder.message_dim)
    return nn.ModuleList([encoder, decoder])


def run(model: nn.ModuleList, *, learns: bool) -> list[Tensor]:
    """Returns logits, and the gradients of all weights or what three steps of search give."""
    encoder, decoder = model.train(learns)
    torch.manual_seed(1)
    frames, tokens = torch.randn(4, 40, 6), torch.randint(12, (4, 6))
    if learns:
        logits, _ = decoder(tokens, decoder.prepare(*encoder(frames, LENGTHS)))
        return [logits, *torch.autograd.grad(logits.square().sum(), model.parameters())]
    found = []
    with shared_products(), torch.inference_mode():
        memory = decoder.prepare(*encoder(frames, LENGTHS))
        state = decoder.initial_state(memory, 3)
        for step in range(3):
            logits, _, state = decoder.step(tokens[:, step : step + 3], memory, state)
            found.append(logits)
    return found


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("piece", sorted(set(switches.PIECES) - {"recurrence"}))  # it rounds
def test_results_without_a_piece_are_the_same(
    piece: str, learns: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build()
    wanted = run(model, learns=learns)
    asked, is_on = set(), switches.is_on

    def noting(name: str) -> bool:
        asked.add(name)
        return is_on(name)

    monkeypatch.setattr(switches, "is_on", noting)
    with switches.without(piece):
        found = run(model, learns=learns)
    assert piece in asked or (piece == "taught" and not learns)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, atol=2e-5, rtol=1e-4)


def test_a_piece_is_left_out_within_the_block_alone() -> None:
    with switches.without("energies"):
        with switches.without("packing"):
            assert not switches.is_on("energies")
            assert not switches.is_on("packing")
        assert switches.is_on("packing")
    assert switches.is_on("energies")
    with pytest.raises(ValueError, match=r"no piece is called \['speed'\]; known: gradients"):
        switches.without("speed").__enter__()
