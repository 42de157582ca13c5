from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import tiny_config
from interchange.peer import Peer

from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.exporting.folder import ExportPlan, export
from asr.exporting.graphs import CTC, FEATURES, LENGTHS
from asr.exporting.runtime import Session
from asr.text.tokenizer import train_tokenizer

OPENVINO = Peer("openvino")
FRAMES = (90, 60, 33)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported encoder of a model of bidirectional LSTMs."""
    pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    torch.manual_seed(5)
    work = tmp_path_factory.mktemp("openvino")
    config = tiny_config()
    tokenizer = train_tokenizer(["ab cd"], kind="char", vocab_size=None, normalizer="none")
    model = build_model(config, tokenizer.vocab_size, tokenizer=tokenizer)
    with torch.no_grad():  # biases begin as 0, and with them layers are silent over padding
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    save_folder(work / "model", config, tokenizer)
    save_weights(work / "model/model.safetensors", model.state_dict())
    export(ExportPlan(work / "model", work / "onnx"))
    return work / "onnx/encoder.onnx"


def batch_of(encoder: Path) -> tuple[Path, list[np.ndarray]]:
    """Returns a file of features (B,T,M) and lengths (B,), and what CTC says of each row."""
    session = Session(encoder.read_bytes())
    features = np.random.default_rng(0).normal(size=(3, 90, 16)).astype(np.float32)
    rows = []
    for row, length in enumerate(FRAMES):
        features[row, length:] = 0.0
        alone = {FEATURES: features[row : row + 1, :length], LENGTHS: np.array([length])}
        rows.append(session.run(alone)[CTC][0])
    np.savez(path := encoder.with_name("batch.npz"), features=features, lengths=np.array(FRAMES))
    return path, rows


def differences(encoder: Path, way: str) -> list[float]:
    """Returns for each row how far its CTC log probabilities are from onnxruntime's of it alone."""

    def theirs(encoder, batch, way):
        import numpy
        import openvino

        given = dict(numpy.load(batch))
        core = openvino.Core()
        model, feeds = core.read_model(encoder), [given]
        if way == "fixed axes":
            model.reshape({name: list(values.shape) for name, values in given.items()})
        if way == "alone":
            lengths = given["lengths"]
            feeds = [
                {
                    "features": given["features"][row : row + 1, :length],
                    "lengths": lengths[row : row + 1],
                }
                for row, length in enumerate(lengths)
            ]
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        return [row.tolist() for feed in feeds for row in compiled(feed)["ctc_log_probs"]]

    path, wanted = batch_of(encoder)
    found = OPENVINO.call(theirs, str(encoder), str(path), way)
    return [
        float(np.abs(np.array(a)[: len(b)] - b).max()) for a, b in zip(found, wanted, strict=True)
    ]


@pytest.mark.row(
    "openvino", "reads ours", "encoder.onnx: alone, and each row of a batch, its axes open or fixed"
)
@pytest.mark.parametrize("way", ["alone", "fixed axes", "open axes"])
def test_openvino_runs_our_encoder(encoder: Path, way: str) -> None:
    assert max(differences(encoder, way)) < 1e-4
