#!/usr/bin/env bash
# torch's CTC loss gives a wrong gradient wherever its log probabilities are not normalised, and says nothing.
#
# Expected: the gradient with respect to log_probs is that of the value, whatever they are; a value comes for any.
# Seen with torch 2.14.1 on a CPU, in float64, against finite differences: straight after log_softmax it is right to
# 1e-8. With a label prior taken from the log probabilities (as for less peaky alignments), a penalty of the blank, or
# log probabilities times 0.5, values are right and gradients are off by 0.27 to 0.65 of their largest,
# and of raw scores they point away from the true ones: the backward step returns the gradient with respect to the
# scores before a softmax, which is the same only where a softmax came last. Its reference speaks of "logarithmized
# probabilities"; nothing checks or warns.
# Training with such a term follows another gradient than its loss has, and the curve of the loss shows nothing of it. Put
# log_softmax once more after whatever was added: the gradient is right then, of another loss, which is normalised.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.14.1 numpy==2.4.6
cat > "$folder/gradient.py" <<'PYTHON'
import sys
from collections.abc import Callable

import torch

print("torch", torch.__version__)
torch.manual_seed(0)
FRAMES, TOKENS, STEP = 8, 4, 1e-6
scores = torch.randn(FRAMES, 1, TOKENS, dtype=torch.double)
prior = torch.tensor([0.7, 0.1, 0.1, 0.1], dtype=torch.double).log()
penalty = torch.tensor([2.0, 0.0, 0.0, 0.0], dtype=torch.double)  # of the blank


def ctc(log_probs: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.ctc_loss(
        log_probs, torch.tensor([[1, 2]]), [FRAMES], [2], reduction="sum"
    )


def difference(loss: Callable[[torch.Tensor], torch.Tensor]) -> float:
    """Returns the largest difference to finite differences, as a share of the largest of those."""
    given = scores.clone().requires_grad_()
    loss(given).backward()
    true = torch.zeros_like(scores)
    for place in range(scores.numel()):
        moved = torch.zeros(scores.numel(), dtype=torch.double)
        moved[place] = STEP
        moved = moved.view_as(scores)
        true.view(-1)[place] = (loss(scores + moved) - loss(scores - moved)) / (2 * STEP)
    return float((given.grad - true).abs().max() / true.abs().max())


right = {
    "log_softmax": lambda given: ctc(given.log_softmax(-1)),
    "log_softmax, prior, log_softmax": lambda given: ctc(
        (given.log_softmax(-1) - 0.5 * prior).log_softmax(-1)
    ),
}
wrong = {
    "log_softmax, prior": lambda given: ctc(given.log_softmax(-1) - 0.5 * prior),
    "log_softmax, penalty of the blank": lambda given: ctc(given.log_softmax(-1) - penalty),
    "log_softmax, times 0.5": lambda given: ctc(0.5 * given.log_softmax(-1)),
    "raw scores": ctc,
}
off = {name: difference(loss) for name, loss in (right | wrong).items()}
for name, share in off.items():
    print(f"{name}: off by {share:.2g} of the largest gradient")
if max(off[name] for name in right) > 1e-6 or min(off[name] for name in wrong) < 0.1:
    sys.exit("this has changed: only what ends in log_softmax is expected to have its true gradient")
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/gradient.py"
