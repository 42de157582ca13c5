#!/usr/bin/env bash
# torch's export to ONNX by tracing puts a model that was in eval mode into training mode.
#
# Expected: torch.onnx.export sets every module to eval mode for its time and then back to what it was; at
# worst it leaves all in eval mode.
# Seen with torch 2.14.1, dynamo=False: afterwards the mode of the outermost module is set for all below it.
# A wrapper around a model in eval mode, made to export a part of it (an encoder, a step of a decoder), is
# itself in training mode as each new module is; the export then leaves the user's model in training mode,
# dropout on and batch norm's statistics moving. A part that was frozen by eval() in a model that trains
# is thawed alike. No warning tells of it.
# A script that exports and then measures the error rate measures a model with dropout, another one with each
# run. Call eval() on the wrapper itself, or on the model again after the export.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  numpy==2.4.6 onnx==1.23.2 torch==2.14.1
cat > "$folder/export.py" <<'PYTHON'
import io
import sys
import warnings

import torch

print("torch", torch.__version__)
features = torch.ones(1, 8)


class Part(torch.nn.Module):
    """What is exported of a model: here its values, doubled."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return 2 * self.model(features)


def modes_after_export(part: Part) -> list[bool]:
    """Returns which modules of the part's model are in training mode after its export."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of this exporter as a whole
        warnings.simplefilter("error", UserWarning)  # a word on modes would be one
        torch.onnx.export(part, (features,), io.BytesIO(), dynamo=False)
    return [module.training for module in part.model.modules()]


def new_model() -> torch.nn.Module:
    """Returns a layer with dropout after it, in eval mode."""
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Dropout(0.5)).eval()


model = new_model()
same_before = torch.equal(model(features), model(features))
wrapped = modes_after_export(Part(model))
same_after = torch.equal(model(features), model(features))
right = modes_after_export(Part(new_model()).eval())
print(f"a new wrapper around a model in eval mode: in training mode afterwards {wrapped}")
print(f"the model gives the same values twice: before {same_before}, afterwards {same_after}")
print(f"a wrapper that was itself set to eval mode: {right}")
if not all(wrapped) or any(right) or (same_before, same_after) != (True, False):
    sys.exit("this has changed: training mode is expected after the export of a new wrapper only")
PYTHON
"$folder/venv/bin/python" "$folder/export.py"
