import math

import pytest
import torch

from asr.loss import compute_losses, guide_loss, masked_targets, token_places
from asr.model import Output
from asr.tokenizer import EOS

LENGTHS = torch.tensor([4, 2])
TARGETS = torch.tensor([[5, 6, 7, 2], [6, 2, 0, 0]])


def output() -> Output:
    return Output(
        torch.randn(2, 4, 9), torch.zeros(2, 4, 8), torch.randn(2, 8, 9), torch.tensor([8, 5])
    )


def losses(out: Output, **changes: float):
    options = {"ctc_weight": 0.3, "label_smoothing": 0.1, **changes}
    return compute_losses(out, TARGETS, LENGTHS, **options)


def test_cross_entropy_is_the_mean_over_real_tokens() -> None:
    out = output()
    log_probs = out.logits.log_softmax(dim=-1)
    by_hand = -sum(
        float(log_probs[row, step, TARGETS[row, step]])
        for row in range(2)
        for step in range(int(LENGTHS[row]))
    )
    plain = losses(out, label_smoothing=0.0, ctc_weight=0.0)
    assert float(plain.attention) == pytest.approx(by_hand / 6, abs=1e-5)
    assert float(plain.total) == float(plain.attention)
    assert float(plain.ctc) == 0.0


def test_label_smoothing_gives_all_tokens_a_share() -> None:
    out = output()
    log_probs = out.logits.log_softmax(dim=-1)
    by_hand = 0.0
    for row in range(2):
        for step in range(int(LENGTHS[row])):
            wanted = float(log_probs[row, step, TARGETS[row, step]])
            by_hand -= 0.9 * wanted + 0.1 * float(log_probs[row, step].mean())
    assert float(losses(out).attention) == pytest.approx(by_hand / 6, abs=1e-5)


def test_ctc_leaves_eos_out_and_is_weighed() -> None:
    out = output()
    log_probs = out.ctc_logits.log_softmax(dim=-1).transpose(0, 1)
    expected = torch.nn.functional.ctc_loss(
        log_probs, TARGETS, out.ctc_lengths, LENGTHS - 1, reduction="sum"
    )
    both = losses(out)
    assert float(both.ctc) == pytest.approx(float(expected) / 6, abs=1e-5)
    mixed = 0.7 * float(both.attention) + 0.3 * float(both.ctc)
    assert float(both.total) == pytest.approx(mixed, abs=1e-5)


def test_padding_changes_no_loss() -> None:
    out = output()
    wider = Output(
        torch.cat([out.logits, torch.randn(2, 3, 9)], dim=1),
        out.alignments,
        torch.cat([out.ctc_logits, torch.randn(2, 2, 9)], dim=1),
        out.ctc_lengths,
    )
    targets = torch.cat([TARGETS, torch.zeros(2, 3, dtype=torch.long)], dim=1)
    before = losses(out)
    after = compute_losses(wider, targets, LENGTHS, ctc_weight=0.3, label_smoothing=0.1)
    torch.testing.assert_close(torch.stack(before), torch.stack(after))


def test_masked_targets_are_ignored_ones() -> None:
    assert masked_targets(TARGETS, LENGTHS).tolist() == [[5, 6, 7, 2], [6, 2, -100, -100]]


def test_a_sure_and_right_model_has_no_loss() -> None:
    out = output()
    logits = torch.full((2, 4, 9), -math.inf).scatter(2, TARGETS[..., None], 0.0)
    sure = out._replace(logits=logits)
    assert float(losses(sure, label_smoothing=0.0, ctc_weight=0.0).total) == 0.0


def test_tokens_are_placed_where_ctc_hears_them() -> None:
    heard = [[0, 5, 5, 0, 6, 0, 7, 7], [0, 0, 6, 6, 6, 0, 0, 0]]  # frames 1-2, 4, 6-7; 2-4
    ctc_logits = 20 * torch.nn.functional.one_hot(torch.tensor(heard), 9).float()
    places = token_places(ctc_logits, TARGETS, LENGTHS, torch.tensor([8, 5]))
    assert places.tolist() == [[1.5, 4.0, 6.5, 7.0], [3.0, 4.0, 0.0, 0.0]]


def test_equal_neighbours_have_places_of_their_own_and_a_lone_end_has_the_last_frame() -> None:
    targets = torch.tensor([[6, 6, EOS], [EOS, 0, 0]])
    heard = torch.tensor([[6, 0, 0, 6], [0, 0, 0, 0]])
    ctc_logits = 20 * torch.nn.functional.one_hot(heard, 9).float()
    places = token_places(ctc_logits, targets, torch.tensor([3, 1]), torch.tensor([4, 3]))
    assert places.tolist() == [[0.0, 3.0, 3.0], [2.0, 0.0, 0.0]]


def test_targets_that_do_not_fit_into_the_audio_have_no_places() -> None:
    targets = torch.tensor([[6, 6, EOS]])
    places = token_places(torch.randn(1, 2, 9), targets, torch.tensor([3]), torch.tensor([2]))
    assert places.tolist() == [[0.0, 0.0, 1.0]]


def test_the_guide_is_nothing_at_the_place_and_grows_away_from_it() -> None:
    places = torch.tensor([[1.5, 4.0, 6.5, 7.0], [3.0, 4.0, 0.0, 0.0]])
    alignments = torch.zeros(2, 4, 8)
    for row, token, frame in ((0, 0, 2), (0, 1, 4), (0, 2, 6), (0, 3, 7), (1, 0, 5), (1, 1, 4)):
        alignments[row, token, frame] = 1.0
    by_hand = (0.5**2 + 0.5**2 + 2.0**2) / (2 * 3.0**2)
    found = guide_loss(alignments, places, LENGTHS, 3.0)
    assert float(found) == pytest.approx(by_hand, abs=1e-4)
    flat = guide_loss(torch.full((2, 4, 8), 1 / 8), places, LENGTHS, 0.5)
    assert float(flat) > 6 * float(found)


def test_the_guide_is_weighed_into_the_total_alone_and_moves_nothing_of_ctc() -> None:
    alignments = torch.rand(2, 4, 8).softmax(-1).requires_grad_()
    out = output()._replace(alignments=alignments)
    ctc_logits = out.ctc_logits.detach().requires_grad_()
    places = token_places(ctc_logits, TARGETS, LENGTHS, out.ctc_lengths)
    plain, guided = losses(out), losses(out, guide_weight=3.0, guide_frames=2.0)
    guide = guide_loss(alignments, places, LENGTHS, 2.0)
    added = float((guided.total - plain.total).detach())
    assert added == pytest.approx(3 * float(guide.detach()) / 6, abs=1e-5)
    assert (guided.attention, guided.ctc) == (plain.attention, plain.ctc)
    guide.backward()
    assert ctc_logits.grad is None
    assert float(alignments.grad.abs().sum()) > 0
