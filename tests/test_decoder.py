import pytest
import torch

from asr.attention import ATTENTIONS, build_attention
from asr.config import DecoderConfig
from asr.decoder import AttentionDecoder
from asr.errors import ConfigError
from asr.rnn import CELLS

LENGTHS = torch.tensor([9, 4])


def build(attention: str = "location", **changes: object) -> AttentionDecoder:
    config = DecoderConfig(embedding_dim=5, hidden_dim=6, **changes)
    mechanism = build_attention(attention, {}, query_dim=6, value_dim=8)
    return AttentionDecoder(config, mechanism, vocab_size=11).eval()


@pytest.mark.parametrize("attention", sorted(ATTENTIONS))
@pytest.mark.parametrize("cell", sorted(CELLS))
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("input_feeding", [True, False])
def test_stepping_equals_teacher_forcing(
    attention: str, cell: str, num_layers: int, input_feeding: bool
) -> None:
    decoder = build(attention, cell=cell, num_layers=num_layers, input_feeding=input_feeding)
    memory = decoder.attention.prepare(torch.randn(2, 9, 8), LENGTHS)
    tokens = torch.randint(4, 11, (2, 7))
    logits, alignments = decoder(tokens, memory)
    state = decoder.initial_state(memory, 1)
    for step in range(7):
        one, alignment, state = decoder.step(tokens[:, step : step + 1], memory, state)
        torch.testing.assert_close(one[:, 0], logits[:, step], atol=1e-5, rtol=0)
        torch.testing.assert_close(alignment[:, 0], alignments[:, step], atol=1e-5, rtol=0)


def test_a_token_changes_nothing_before_it() -> None:
    decoder = build()
    memory = decoder.attention.prepare(torch.randn(2, 9, 8), LENGTHS)
    tokens = torch.randint(4, 11, (2, 7))
    changed = tokens.clone()
    changed[:, 4] = (tokens[:, 4] - 3) % 7 + 4
    before, after = decoder(tokens, memory)[0], decoder(changed, memory)[0]
    torch.testing.assert_close(before[:, :4], after[:, :4])
    assert (before[:, 4:] - after[:, 4:]).abs().amax(dim=(0, 2)).min() > 0


def test_without_input_feeding_the_cell_does_not_see_the_context() -> None:
    for input_feeding in (True, False):
        decoder = build(input_feeding=input_feeding)
        memory = decoder.attention.prepare(torch.randn(2, 9, 8), LENGTHS)
        state = decoder.initial_state(memory, 1)
        other = state._replace(context=torch.randn_like(state.context))
        tokens = torch.tensor([[4], [5]])
        same = torch.equal(
            decoder.step(tokens, memory, state)[0], decoder.step(tokens, memory, other)[0]
        )
        assert same != input_feeding


def test_dropout_acts_in_training_only() -> None:
    decoder = build(dropout=0.5)
    memory = decoder.attention.prepare(torch.randn(2, 9, 8), LENGTHS)
    tokens = torch.randint(4, 11, (2, 5))
    assert torch.equal(decoder(tokens, memory)[0], decoder(tokens, memory)[0])
    decoder.train()
    assert not torch.equal(decoder(tokens, memory)[0], decoder(tokens, memory)[0])


def test_an_unknown_cell_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r'decoder\.cell = "elman": unknown; known: lstm'):
        build(cell="elman")
