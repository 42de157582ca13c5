import math

import pytest
import torch

from asr.attention import ATTENTIONS, AdditiveAttention, LocationAttention, build_attention
from asr.errors import ConfigError
from asr.search import map_tensors

NAMES = sorted(ATTENTIONS)
LENGTHS = torch.tensor([9, 4, 1])


def build(name: str, **options: object):
    return build_attention(name, options, query_dim=6, value_dim=8)


def run(attention, values, lengths, queries):
    """Returns contexts and alignments of successive queries (steps,B,K,Q)."""
    memory = attention.prepare(values, lengths)
    state = attention.initial_state(memory, queries.size(2))
    rows = []
    for query in queries:
        context, alignment, state = attention(query, memory, state)
        rows.append((context, alignment))
    return rows


@pytest.mark.parametrize("name", NAMES)
def test_alignments_sum_to_one_and_are_zero_on_padding(name: str) -> None:
    for _, alignment in run(build(name), torch.randn(3, 9, 8), LENGTHS, torch.randn(3, 3, 2, 6)):
        torch.testing.assert_close(alignment.sum(dim=-1), torch.ones(3, 2))
        assert alignment[1, :, 4:].abs().sum() == 0
        assert alignment[2, :, 1:].abs().sum() == 0


@pytest.mark.parametrize("name", NAMES)
def test_padding_and_batch_mates_change_nothing(name: str) -> None:
    attention, values = build(name), torch.randn(3, 12, 8)
    queries = torch.randn(3, 3, 2, 6)
    together = run(attention, values, LENGTHS, queries)
    for row, length in enumerate(LENGTHS.tolist()):
        single = values[row : row + 1, :length]
        alone = run(attention, single, LENGTHS[row : row + 1], queries[:, row : row + 1])
        for (context, alignment), (context_alone, alignment_alone) in zip(
            together, alone, strict=True
        ):
            torch.testing.assert_close(context[row], context_alone[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(
                alignment[row, :, :length], alignment_alone[0], atol=1e-5, rtol=0
            )


@pytest.mark.parametrize("name", NAMES)
def test_each_hypothesis_attends_by_itself(name: str) -> None:
    attention, values = build(name), torch.randn(3, 9, 8)
    queries = torch.randn(3, 3, 4, 6)
    together = run(attention, values, LENGTHS, queries)
    for place in range(4):
        alone = run(attention, values, LENGTHS, queries[:, :, place : place + 1])
        for (context, _), (context_alone, _) in zip(together, alone, strict=True):
            torch.testing.assert_close(context[:, place], context_alone[:, 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_permuting_state_rows_permutes_the_output(name: str) -> None:
    attention, order = build(name), torch.tensor([2, 0, 1])
    memory = attention.prepare(torch.randn(3, 9, 8), LENGTHS)
    _, _, state = attention(torch.randn(3, 3, 6), memory, attention.initial_state(memory, 3))
    query = torch.randn(3, 3, 6)
    plain, _, _ = attention(query, memory, state)
    moved = map_tensors(lambda x: x[:, order], state)
    permuted, _, _ = attention(query[:, order], memory, moved)
    torch.testing.assert_close(permuted, plain[:, order])


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_is_not_copied_for_each_hypothesis(name: str) -> None:
    memory = build(name).prepare(torch.randn(3, 9, 8), LENGTHS)
    assert all(part.size(0) == 3 for part in memory)


@torch.no_grad()
def test_dot_energies_are_products_with_projected_keys() -> None:
    attention = build("dot")
    values, query = torch.randn(1, 4, 8), torch.randn(1, 1, 6)
    memory = attention.prepare(values, torch.tensor([4]))
    weight = attention.key_projection.weight
    by_hand = [float(query[0, 0] @ (weight @ values[0, time])) for time in range(4)]
    energies = attention.energies(query, memory, attention.initial_state(memory, 1))
    assert energies[0, 0].tolist() == pytest.approx(by_hand, abs=1e-5)
    scaled = build("dot", scaled=True)
    scaled.load_state_dict(attention.state_dict())
    smaller = scaled.energies(query, scaled.prepare(values, torch.tensor([4])), None)
    assert smaller[0, 0].tolist() == pytest.approx([x / math.sqrt(6) for x in by_hand], abs=1e-5)


@torch.no_grad()
def test_additive_energies_follow_the_equation() -> None:
    attention = AdditiveAttention(6, 8, dim=5)
    values, query = torch.randn(1, 4, 8), torch.randn(1, 1, 6)
    memory = attention.prepare(values, torch.tensor([4]))
    energies = attention.energies(query, memory, attention.initial_state(memory, 1))
    for time in range(4):
        hidden = attention.query_projection(query[0, 0]) + attention.key_projection(values[0, time])
        by_hand = 2.0 * float(attention.energy.weight[0] @ hidden.tanh())
        assert float(energies[0, 0, time]) == pytest.approx(by_hand, abs=1e-5)


@torch.no_grad()
def test_location_energies_follow_the_equation() -> None:
    attention = LocationAttention(6, 8, dim=5, num_filters=2, filter_width=3)
    values, query = torch.randn(1, 4, 8), torch.randn(1, 1, 6)
    memory = attention.prepare(values, torch.tensor([4]))
    state = attention.next_state(None, torch.tensor([[[0.1, 0.6, 0.3, 0.0]]]))
    energies = attention.energies(query, memory, state)
    last = [0.0, 0.1, 0.6, 0.3, 0.0, 0.0]  # with a 0 at each side
    for time in range(4):
        window = torch.tensor(last[time : time + 3])
        located = attention.filter_projection(attention.filters.weight @ window)
        hidden = attention.query_projection(query[0, 0]) + attention.key_projection(values[0, time])
        by_hand = 2.0 * float(attention.energy.weight[0] @ (hidden + located).tanh())
        assert float(energies[0, 0, time]) == pytest.approx(by_hand, abs=1e-5)


def test_an_unknown_mechanism_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r'attention\.type = "dto": unknown; known: dot, add'):
        build("dto")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 3}, r'unknown key "attention\.width"; "location" knows: dim, sharpness, num'),
        ({"dim": "big"}, r"attention\.dim = 'big': must be a int above 0"),
        ({"dim": 0}, r"attention\.dim = 0: must be a int above 0"),
        ({"sharpness": float("nan")}, r"attention\.sharpness = nan: must be a float above 0"),
        ({"filter_width": 4}, r"attention\.filter_width = 4: must be odd"),
    ],
)
def test_a_wrong_option_is_an_error(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("location", **options)
