import gc
import math
import weakref

import pytest
import torch

from asr.attention import (
    ATTENTIONS,
    AdditiveAttention,
    CoverageAttention,
    LocationAttention,
    build_attention,
)
from asr.attention.contract import AlignmentState
from asr.errors import ConfigError
from asr.fast.shared import shared_products
from asr.scorers import map_tensors

# Each mechanism, and those of its options that change what it computes.
KINDS: dict[str, tuple[str, dict[str, object]]] = {
    **{name: (name, {}) for name, kind in ATTENTIONS.items() if kind.has_alignment},
    "location, cumulative": ("location", {"feedback": "cumulative"}),
    "location, both": ("location", {"feedback": "both"}),
    "location, from an even alignment": ("location", {"first": "even"}),
    "location, mapped context": ("location", {"context_dim": 5}),
    "additive, mapped context": ("additive", {"context_dim": 5}),
    "multi_head, mapped context": ("multi_head", {"num_heads": 2, "context_dim": 3}),
    "coverage, no fertility": ("coverage", {"fertility": False}),
    **{
        f"multi_head of {name}": ("multi_head", {"of": name, "num_heads": 2})
        for name, kind in ATTENTIONS.items()
        if kind.can_be_a_head
    },
}
NAMES = sorted(KINDS)
LENGTHS = torch.tensor([9, 4, 1])


def build(name: str, **options: object):
    kind, more = KINDS.get(name, (name, {}))
    return build_attention(kind, {**more, **options}, query_dim=8, value_dim=8)


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
    for _, alignment in run(build(name), torch.randn(3, 9, 8), LENGTHS, torch.randn(3, 3, 2, 8)):
        torch.testing.assert_close(alignment.sum(dim=-1), torch.ones(3, 2))
        assert alignment[1, :, 4:].abs().sum() == 0
        assert alignment[2, :, 1:].abs().sum() == 0


@pytest.mark.parametrize("name", NAMES)
def test_padding_and_batch_mates_change_nothing(name: str) -> None:
    attention, values = build(name), torch.randn(3, 12, 8)
    queries = torch.randn(3, 3, 2, 8)
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
    queries = torch.randn(3, 3, 4, 8)
    together = run(attention, values, LENGTHS, queries)
    for place in range(4):
        alone = run(attention, values, LENGTHS, queries[:, :, place : place + 1])
        for (context, _), (context_alone, _) in zip(together, alone, strict=True):
            torch.testing.assert_close(context[:, place], context_alone[:, 0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_permuting_state_rows_permutes_the_output(name: str) -> None:
    attention, order = build(name), torch.tensor([2, 0, 1])
    memory = attention.prepare(torch.randn(3, 9, 8), LENGTHS)
    _, _, state = attention(torch.randn(3, 3, 8), memory, attention.initial_state(memory, 3))
    query = torch.randn(3, 3, 8)
    plain, _, _ = attention(query, memory, state)
    moved = map_tensors(lambda x: x[:, order], state)
    permuted, _, _ = attention(query[:, order], memory, moved)
    torch.testing.assert_close(permuted, plain[:, order])


@pytest.mark.parametrize("name", NAMES)
def test_a_search_keeps_no_weight_of_a_mechanism_that_is_gone(
    name: str, nothing_is_small: None
) -> None:
    attention = build(name)
    with shared_products(), torch.inference_mode():
        run(attention, torch.randn(3, 9, 8), LENGTHS, torch.randn(2, 3, 2, 8))
    held = [weakref.ref(weight) for weight in attention.parameters()]
    del attention
    gc.collect()
    assert [reference() for reference in held] == [None] * len(held)


@pytest.mark.parametrize("name", NAMES)
def test_the_memory_is_not_copied_for_each_hypothesis(name: str) -> None:
    memory, sizes = build(name).prepare(torch.randn(3, 9, 8), LENGTHS), []
    map_tensors(lambda part: sizes.append(part.size(0)) or part, memory)
    assert set(sizes) == {3}


@torch.no_grad()
def test_products_follow_their_equations() -> None:
    values, query = torch.randn(1, 4, 8), torch.randn(1, 1, 8)
    for name in ("dot", "scaled_dot", "general"):
        attention = build(name)
        memory = attention.prepare(values, torch.tensor([4]))
        weight = attention.key_projection.weight if name == "general" else torch.eye(8)
        scale = 1 / math.sqrt(8) if name == "scaled_dot" else 1.0
        by_hand = [scale * float(query[0, 0] @ (weight @ values[0, time])) for time in range(4)]
        energies = attention.energies(query, memory, attention.initial_state(memory, 1))
        assert energies[0, 0].tolist() == pytest.approx(by_hand, abs=1e-5)


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
@pytest.mark.parametrize("feedback", ["previous", "cumulative", "both"])
def test_location_energies_follow_the_equation(feedback: str) -> None:
    attention = LocationAttention(6, 8, dim=5, num_filters=2, filter_width=3, feedback=feedback)
    values, query = torch.randn(1, 4, 8), torch.randn(1, 1, 6)
    memory = attention.prepare(values, torch.tensor([4]))
    state = attention.initial_state(memory, 1)
    for alignment in ([0.5, 0.5, 0.0, 0.0], [0.1, 0.6, 0.3, 0.0]):
        state = attention.next_state(state, torch.tensor([[alignment]]))
    energies = attention.energies(query, memory, state)
    previous = [0.0, 0.1, 0.6, 0.3, 0.0, 0.0]  # with a 0 at each side
    cumulative = [0.0, 0.6, 1.1, 0.3, 0.0, 0.0]
    seen = {"previous": [previous], "cumulative": [cumulative], "both": [previous, cumulative]}
    for time in range(4):
        window = torch.tensor([x for row in seen[feedback] for x in row[time : time + 3]])
        located = attention.filter_projection(attention.filters.weight @ window)
        hidden = attention.query_projection(query[0, 0]) + attention.key_projection(values[0, time])
        by_hand = 2.0 * float(attention.energy.weight[0] @ (hidden + located).tanh())
        assert float(energies[0, 0, time]) == pytest.approx(by_hand, abs=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("name", ["location", "additive"])
def test_a_mapped_context_is_the_map_of_the_context(name: str) -> None:
    attention = build(name, context_dim=5)
    values, query = torch.randn(3, 9, 8), torch.randn(3, 2, 8)
    memory = attention.prepare(values, LENGTHS)
    context, alignment, _ = attention(query, memory, attention.initial_state(memory, 2))
    assert attention.context_dim == 5
    torch.testing.assert_close(context, attention.value_projection(alignment @ values))


@torch.no_grad()
def test_an_even_first_alignment_sees_as_much_of_every_frame() -> None:
    attention = build("location", first="even")
    memory = attention.prepare(torch.randn(3, 9, 8), LENGTHS)
    state = attention.initial_state(memory, 2)
    assert state.alignment[1, 0].tolist() == [0.25] * 4 + [0.0] * 5
    assert state.alignment.sum(dim=-1).tolist() == [pytest.approx([1.0, 1.0])] * 3
    assert state.total.abs().sum() == 0


@pytest.mark.parametrize("name", ["location", "multi_head of location"])
@pytest.mark.parametrize("feedback", ["previous", "cumulative"])
def test_gradients_pass_through_the_alignment_fed_back_where_that_is_asked_for(
    name: str, feedback: str
) -> None:
    for wanted in (False, True):
        attention = build(name, feedback=feedback, feedback_gradient=wanted)
        queries = torch.randn(2, 3, 1, 8, requires_grad=True)
        (_, (context, _)) = run(attention, torch.randn(3, 9, 8), LENGTHS, queries)
        context.square().sum().backward()
        first, second = queries.grad
        assert bool(first.abs().sum() > 0) is wanted
        assert second.abs().sum() > 0


@torch.no_grad()
def test_an_option_at_its_default_may_be_written_out() -> None:
    assert build("location", context_dim=0, first="zeros").value_projection is None


@torch.no_grad()
@pytest.mark.parametrize("fertility", [True, False])
def test_coverage_energies_follow_the_equation(fertility: bool) -> None:
    attention = CoverageAttention(6, 8, dim=5, fertility=fertility, max_fertility=3.0)
    values, query = torch.randn(1, 4, 8), torch.randn(1, 1, 6)
    memory = attention.prepare(values, torch.tensor([4]))
    total = [0.6, 1.1, 0.3, 0.0]
    state = AlignmentState(torch.zeros(1, 1, 4), torch.tensor([[total]]))
    energies = attention.energies(query, memory, state)
    for time in range(4):
        frame = values[0, time]
        expected = 3.0 * float(attention.fertility(frame).sigmoid()) if fertility else 1.0
        hidden = attention.query_projection(query[0, 0]) + attention.key_projection(frame)
        hidden = hidden + attention.coverage.weight[:, 0] * total[time] / expected
        by_hand = 2.0 * float(attention.energy.weight[0] @ hidden.tanh())
        assert float(energies[0, 0, time]) == pytest.approx(by_hand, abs=1e-5)


@torch.no_grad()
def test_one_head_computes_what_its_mechanism_does() -> None:
    attention = build_attention(
        "multi_head", {"of": "dot", "num_heads": 2}, query_dim=4, value_dim=4
    )
    values, query = torch.randn(1, 5, 4), torch.randn(1, 1, 4)
    memory = attention.prepare(values, torch.tensor([5]))
    context, alignment, _ = attention(query, memory, attention.initial_state(memory, 1))
    asked, projected = attention.query_projection(query), attention.value_projection(values)
    contexts, alignments = [], []
    for part in (slice(0, 2), slice(2, 4)):
        alignments.append((projected[0, :, part] @ asked[0, 0, part]).softmax(dim=0))
        contexts.append(alignments[-1] @ projected[0, :, part])
    torch.testing.assert_close(context[0, 0], attention.output(torch.cat(contexts)))
    torch.testing.assert_close(alignment[0, 0], torch.stack(alignments).mean(dim=0))


def test_without_attention_there_is_neither_context_nor_alignment() -> None:
    attention = build("none")
    memory = attention.prepare(torch.randn(3, 9, 8), LENGTHS)
    context, alignment, _ = attention(torch.randn(3, 2, 8), memory, None)
    assert context.shape == (3, 2, 0)
    assert alignment.shape == (3, 2, 9)
    assert alignment.abs().sum() == 0


def test_an_unknown_mechanism_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(
        ConfigError, match=r'attention\.type = "dto": unknown; known: none, dot, sc'
    ):
        build("dto")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 3}, r'unknown key "attention\.width"; "location" knows: dim, sharpness, num'),
        ({"dim": "big"}, r"attention\.dim = 'big': must be a int above 0"),
        ({"dim": 0}, r"attention\.dim = 0: must be a int above 0"),
        ({"sharpness": float("nan")}, r"attention\.sharpness = nan: must be a float above 0"),
        ({"filter_width": 4}, r"attention\.filter_width = 4: must be odd"),
        ({"first": "last"}, r'attention\.first = "last": must be zeros or even'),
        ({"context_dim": -1}, r"attention\.context_dim = -1: must be a int above 0"),
        ({"feedback": "next"}, r'attention\.feedback = "next": must be previous, cumulative or'),
    ],
)
def test_a_wrong_option_is_an_error(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("location", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 3}, r"attention\.num_heads = 3: must divide the memory's size 8"),
        ({"of": "multi_head"}, r'attention\.of = "multi_head": must be a mechanism that one'),
        ({"of": "dto"}, r'^attention\.of = "dto": unknown; known: .*dot'),
        (
            {"of": "dot", "dim": 3},
            r'unknown key "attention\.dim"; "multi_head" knows: num_heads, of',
        ),
    ],
)
def test_a_wrong_option_of_heads_is_an_error(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build("multi_head", **options)


def test_a_dot_product_of_two_sizes_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match=r'has 6 values and the memory 8; .* "general"'):
        build_attention("dot", {}, query_dim=6, value_dim=8)
