import math

import pytest
import torch

from asr.loss import compute_losses, masked_targets
from asr.model import Output
from asr.text.units import TokenUnits

TOKENS = TokenUnits(None, 9)
LENGTHS = torch.tensor([4, 2])
TARGETS = torch.tensor([[5, 6, 7, 2], [6, 2, 0, 0]])


def output() -> Output:
    return Output(
        torch.randn(2, 4, 9), torch.zeros(2, 4, 8), torch.randn(2, 8, 9), torch.tensor([8, 5])
    )


def losses(out: Output, **changes: float):
    options = {"ctc_weight": 0.3, "label_smoothing": 0.1, **changes}
    return compute_losses(out, TARGETS, LENGTHS, units=TOKENS, **options)


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
    after = compute_losses(
        wider, targets, LENGTHS, units=TOKENS, ctc_weight=0.3, label_smoothing=0.1
    )
    torch.testing.assert_close(torch.stack(before), torch.stack(after))


def test_masked_targets_are_ignored_ones() -> None:
    assert masked_targets(TARGETS, LENGTHS).tolist() == [[5, 6, 7, 2], [6, 2, -100, -100]]


def test_a_sure_and_right_model_has_no_loss() -> None:
    out = output()
    logits = torch.full((2, 4, 9), -math.inf).scatter(2, TARGETS[..., None], 0.0)
    sure = out._replace(logits=logits)
    assert float(losses(sure, label_smoothing=0.0, ctc_weight=0.0).total) == 0.0
