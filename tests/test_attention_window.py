import copy

import pytest
import torch
from conftest import tiny_config
from torch import Tensor

from asr.attention import ATTENTIONS, NoAttention, build_attention
from asr.attention.window import WindowState, replace_part, restrict_attention
from asr.build import build_model
from asr.config import Config, SearchConfig, override_config
from asr.errors import ConfigError
from asr.scorers import map_tensors
from asr.use.recognizer import search_encoded

NAMES = sorted(set(ATTENTIONS) - {"none"})
SINGLE = sorted(set(NAMES) - {"multi_head"})
LENGTHS = torch.tensor([15, 6, 1])


def build(name: str):
    return build_attention(name, {}, query_dim=8, value_dim=8)


def run(attention, values: Tensor, lengths: Tensor, queries: Tensor) -> list[tuple]:
    """Returns context, alignment and state of successive queries (steps,B,K,Q)."""
    memory = attention.prepare(values, lengths)
    state, rows = attention.initial_state(memory, queries.size(2)), []
    for query in queries:
        context, alignment, state = attention(query, memory, state)
        rows.append((context, alignment, state))
    return rows


def places(state) -> list[Tensor]:
    """Returns the place (B,K) of each window in a state."""
    return [state.place] if isinstance(state, WindowState) else [part.place for part in state]


@pytest.mark.parametrize("name", NAMES)
def test_alignments_sum_to_one_and_are_zero_outside_the_window(name: str) -> None:
    attention = restrict_attention(build(name), (1, 2))
    values, queries = 3 * torch.randn(3, 15, 8), 3 * torch.randn(12, 3, 2, 8)
    memory = attention.prepare(values, LENGTHS)
    state = attention.initial_state(memory, 2)
    frames = torch.arange(15)
    for query in queries:
        seen = torch.zeros(3, 2, 15, dtype=torch.bool)
        for place in places(state):
            distance = frames - place[..., None]
            seen |= (distance >= -1) & (distance <= 2)
        _, alignment, state = attention(query, memory, state)
        torch.testing.assert_close(alignment.sum(dim=-1), torch.ones(3, 2))
        assert alignment[~seen].abs().sum() == 0
        assert alignment[1, :, 6:].abs().sum() == 0
        assert alignment[2, :, 0].tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("name", SINGLE)
def test_inside_the_window_frames_compare_as_without_one(name: str) -> None:
    inner = build(name)
    values, queries = torch.randn(3, 15, 8), torch.randn(1, 3, 2, 8)
    [(_, free, _)] = run(inner, values, LENGTHS, queries)
    [(context, alignment, _)] = run(restrict_attention(inner, (3, 4)), values, LENGTHS, queries)
    expected = free[..., :5] / free[..., :5].sum(dim=-1, keepdim=True)
    torch.testing.assert_close(alignment[..., :5], expected)
    torch.testing.assert_close(context, alignment @ (values * (torch.arange(15) < 5)[:, None]))


@pytest.mark.parametrize("name", NAMES)
def test_the_window_moves_forward_alone_and_stops_at_the_last_frame(name: str) -> None:
    attention = restrict_attention(build(name), (2, 3))
    values, queries = 3 * torch.randn(3, 15, 8), 3 * torch.randn(25, 3, 2, 8)
    before, moved = [torch.zeros(3, 2, dtype=torch.long)] * 4, 0
    for _, _, state in run(attention, values, LENGTHS, queries):
        for old, new in zip(before, places(state), strict=False):
            assert (new >= old).all()
            assert (new <= old + 3).all()
            assert (new <= LENGTHS[:, None] - 1).all()
            moved += int((new - old).sum())
        before = places(state)
    assert moved > 0
    assert all(place[2].tolist() == [0, 0] for place in before)


def test_the_place_is_the_median_of_the_alignment() -> None:
    """Energies of a dot product, chosen so that half of the alignment is reached at frame 2."""
    attention = restrict_attention(build_attention("dot", {}, query_dim=1, value_dim=1), (9, 9))
    shares = torch.tensor([0.1, 0.38, 0.04, 0.48, 0.0])
    values, query = shares.log().clamp(min=-99)[None, :, None], torch.ones(1, 1, 1)
    [(_, alignment, state)] = run(attention, values, torch.tensor([5]), query[None])
    assert alignment[0, 0].tolist() == pytest.approx(shares.tolist())
    assert state.place.tolist() == [[2]]


@pytest.mark.parametrize("name", NAMES)
def test_padding_and_batch_mates_change_nothing(name: str) -> None:
    attention = restrict_attention(build(name), (1, 3))
    values, queries = torch.randn(3, 18, 8), torch.randn(8, 3, 2, 8)
    together = run(attention, values, LENGTHS, queries)
    for row, length in enumerate(LENGTHS.tolist()):
        single = values[row : row + 1, :length]
        alone = run(attention, single, LENGTHS[row : row + 1], queries[:, row : row + 1])
        for (context, alignment, state), (context_alone, alignment_alone, state_alone) in zip(
            together, alone, strict=True
        ):
            torch.testing.assert_close(context[row], context_alone[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(
                alignment[row, :, :length], alignment_alone[0], atol=1e-5, rtol=0
            )
            for place, place_alone in zip(places(state), places(state_alone), strict=True):
                assert torch.equal(place[row], place_alone[0])


@pytest.mark.parametrize("name", NAMES)
def test_a_very_wide_window_is_no_window(name: str) -> None:
    inner, values, queries = build(name), torch.randn(3, 15, 8), torch.randn(6, 3, 2, 8)
    wide = run(restrict_attention(inner, (100, 100)), values, LENGTHS, queries)
    for one, other in zip(run(inner, values, LENGTHS, queries), wide, strict=True):
        torch.testing.assert_close(one[:2], other[:2])


@pytest.mark.parametrize("name", NAMES)
def test_a_window_of_no_width_reads_one_frame_and_stays_there(name: str) -> None:
    attention = restrict_attention(build(name), (0, 0))
    rows = run(attention, torch.randn(3, 15, 8), LENGTHS, torch.randn(5, 3, 2, 8))
    for _, alignment, state in rows:
        torch.testing.assert_close(alignment[..., 0], torch.ones(3, 2))
        assert all(place.abs().sum() == 0 for place in places(state))


@pytest.mark.parametrize("name", NAMES)
def test_permuting_state_rows_permutes_the_output(name: str) -> None:
    attention, order = restrict_attention(build(name), (2, 3)), torch.tensor([2, 0, 1])
    values, query = torch.randn(3, 15, 8), torch.randn(3, 3, 8)
    memory = attention.prepare(values, LENGTHS)
    _, _, state = run(attention, values, LENGTHS, torch.randn(1, 3, 3, 8))[0]
    there = torch.tensor([[0, 4, 9], [5, 1, 3], [0, 0, 0]])
    windows = [state] if isinstance(state, WindowState) else state
    windows = tuple(window._replace(place=there) for window in windows)
    state = windows[0] if isinstance(state, WindowState) else windows
    plain, _, _ = attention(query, memory, state)
    moved = map_tensors(lambda part: part[:, order], state)
    permuted, _, _ = attention(query[:, order], memory, moved)
    torch.testing.assert_close(permuted, plain[:, order])


@pytest.mark.parametrize("name", NAMES)
def test_weights_are_shared_and_the_original_is_left_alone(name: str) -> None:
    inner, values, queries = build(name), torch.randn(3, 15, 8), torch.randn(6, 3, 2, 8)
    parts, names = list(inner.modules()), list(inner.state_dict())
    before = run(inner, values, LENGTHS, queries)
    restricted = restrict_attention(inner, (1, 1))
    owned = {id(parameter) for parameter in inner.parameters()}
    assert {id(parameter) for parameter in restricted.parameters()} == owned
    assert list(inner.modules()) == parts
    assert list(inner.state_dict()) == names
    for one, other in zip(before, run(inner, values, LENGTHS, queries), strict=True):
        assert torch.equal(one[0], other[0])
    assert restricted.context_dim == inner.context_dim


def test_a_replaced_part_is_another_in_the_copy_only() -> None:
    decoder = build_model(tiny_config(), 9).decoder
    restricted = restrict_attention(decoder.attention, (1, 1))
    other = replace_part(decoder, "attention", restricted)
    assert other.attention is restricted
    assert decoder.attention is restricted.inner
    assert other.embedding is decoder.embedding
    assert list(other.cells.parameters()) == list(decoder.cells.parameters())


def test_a_window_without_attention_is_an_error() -> None:
    with pytest.raises(
        ConfigError,
        match=r"search\.attention_window: this model has no attention; leave it unset",
    ):
        restrict_attention(NoAttention(8, 8), (1, 1))


@pytest.mark.parametrize("window", ["[-1, 3]", "[1, -3]", "[9, 0]"])
def test_a_window_that_looks_the_other_way_is_an_error(window: str) -> None:
    with pytest.raises(ConfigError, match=r"attention_window \[.*\] must be \[before, after\]"):
        override_config(Config(), [f"search.attention_window={window}"])


def encoded_model(attention: dict[str, object]):
    """Returns a model whose decoder is not flat, and what its encoder says of two waveforms."""
    sizes = {"encoder": {"projection_dim": 12}, "decoder": {"hidden_dim": 12, "peeky": True}}
    model = build_model(tiny_config(attention=attention, **sizes), 9).eval()
    with torch.no_grad():
        model.decoder.output.weight.mul_(8)
        encoded = model.encode(0.1 * torch.randn(2, 16000), torch.tensor([16000, 9000]))
    return model, encoded


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_huge_window_decodes_as_none_does(name: str, beam_size: int) -> None:
    model, encoded = encoded_model({"type": name})
    options = SearchConfig(beam_size=beam_size, num_best=beam_size, max_tokens=15)
    huge = options.model_copy(update={"attention_window": (1000, 1000)})
    weights = copy.deepcopy(model.state_dict())
    for one, other in zip(
        search_encoded(model, encoded, options), search_encoded(model, encoded, huge), strict=True
    ):
        assert [h.tokens for h in one] == [h.tokens for h in other]
        assert [h.score for h in one] == pytest.approx([h.score for h in other], abs=1e-5)
    assert all(torch.equal(part, weights[name]) for name, part in model.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_narrow_window_decodes_each_utterance_by_itself(name: str, beam_size: int) -> None:
    model, encoded = encoded_model({"type": name})
    options = SearchConfig(
        beam_size=beam_size, num_best=beam_size, max_tokens=15, attention_window=(1, 2)
    )
    together = search_encoded(model, encoded, options)
    for row, length in enumerate(encoded.lengths.tolist()):
        part = map_tensors(lambda x, row=row: x[row : row + 1], encoded)
        part = part._replace(values=part.values[:, :length])
        [alone] = search_encoded(model, part, options)
        assert [h.tokens for h in alone] == [h.tokens for h in together[row]]
        assert [h.score for h in alone] == pytest.approx([h.score for h in together[row]], abs=1e-4)


def test_decoding_sees_nothing_after_its_window() -> None:
    model, encoded = encoded_model({"type": "dot"})
    options = SearchConfig(max_tokens=4, attention_window=(0, 2))  # four steps reach frame 8
    changed = encoded.values.clone()
    changed[:, 9:] += 5
    free = options.model_copy(update={"attention_window": None})
    for settings, same in ((options, True), (free, False)):
        before = search_encoded(model, encoded, settings)
        after = search_encoded(model, encoded._replace(values=changed), settings)
        scores = [[row[0].score for row in found] for found in (before, after)]
        assert (scores[0] == pytest.approx(scores[1], abs=1e-6)) == same


def test_decoding_without_attention_refuses_a_window() -> None:
    model, encoded = encoded_model({"type": "none"})
    with pytest.raises(ConfigError, match="this model has no attention"):
        search_encoded(model, encoded, SearchConfig(attention_window=(1, 1)))
