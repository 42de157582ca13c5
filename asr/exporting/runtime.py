"""An exported folder at work: onnxruntime in place of torch's modules, our search around it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.errors import ModelError, in_short
from asr.exporting.graphs import (
    CTC,
    FEATURES,
    LENGTHS,
    LOG_PROBS,
    MEMORY,
    MEMORY_LENGTHS,
    NEXT,
    STATE,
    TOKENS,
)
from asr.exporting.requirements import require
from asr.scorers import WeightedScorer, ctc_scorer
from asr.text.units import TokenUnits

CONFIG_FILE = "config.json"


class Session:
    """One graph, loaded.

    Args:
        graph: what is in its file.
        threads: that compute; None for onnxruntime's own choice.

    Raises:
        InstallError: onnxruntime is missing.
        ModelError: it cannot be read as a graph.
    """

    def __init__(self, graph: bytes, threads: int | None = None) -> None:
        onnxruntime = require("onnxruntime")
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(
                graph,
                options,
                providers=["CPUExecutionProvider"],
            )
        except Exception as error:  # onnxruntime has a dozen classes of its own, without a base
            raise ModelError(
                f"asr export: onnxruntime cannot load a graph ({in_short(error)}); export again"
            ) from None
        self.inputs = [given.name for given in self._session.get_inputs()]
        self.outputs = [found.name for found in self._session.get_outputs()]

    def run(self, given: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns all outputs by their names."""
        return dict(zip(self.outputs, self._session.run(None, dict(given)), strict=True))


class ExportedModel:
    """The two graphs of a model.

    Args:
        encoder: its graph.
        decoder: that of a step.
    """

    def __init__(self, encoder: Session, decoder: Session) -> None:
        self.encoder, self.decoder = encoder, decoder
        self.memory = [name for name in decoder.inputs if name.startswith(MEMORY + ".")]
        self.state = [name for name in decoder.inputs if name.startswith(STATE + ".")]

    def encode(self, features: Tensor, lengths: Tensor) -> dict[str, Tensor]:
        """Returns the encoder's outputs by their names, for features (B,T,M) and lengths (B,)."""
        found = self.encoder.run({FEATURES: features.numpy(), LENGTHS: lengths.numpy()})
        return {name: torch.from_numpy(array) for name, array in found.items()}

    def scorers(
        self, encoded: Mapping[str, Tensor], options: SearchConfig, units: TokenUnits | None = None
    ) -> tuple[list[WeightedScorer], Tensor]:
        """Returns the scorers for a search, and the lengths (B,) of the memory.

        Args:
            encoded: from `encode`.
            options: of the search.
            units: of CTC, where it counts.
        """
        memory = tuple(encoded[name] for name in self.memory)
        start = tuple(encoded[name] for name in self.state)
        scorer = WeightedScorer(StepScorer(self, start), memory, 1 - options.ctc_weight)
        scorers = [scorer]
        if options.ctc_weight > 0:
            assert units is not None
            ctc = ctc_scorer(units)
            frames = ctc.prepare(encoded[CTC], encoded[MEMORY_LENGTHS])
            scorers.append(WeightedScorer(ctc, frames, options.ctc_weight))
        return scorers, encoded[MEMORY_LENGTHS]


class StepScorer:
    """The exported decoder's log probabilities.

    Args:
        model: the graphs.
        start: the states (B,1,...) that the encoder gives.
    """

    def __init__(self, model: ExportedModel, start: tuple[Tensor, ...]) -> None:
        self.model, self.start = model, start

    def initial_state(self, memory: Any, num_hypotheses: int) -> tuple[Tensor, ...]:
        """Returns the states (B,K,...) before BOS."""
        return tuple(part.repeat_interleave(num_hypotheses, dim=1) for part in self.start)

    def step(
        self, tokens: Tensor, memory: tuple[Tensor, ...], state: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Returns log probabilities (B,K,V) and the next state after tokens (B,K)."""
        model = self.model
        given = {TOKENS: tokens, **dict(zip(model.memory, memory, strict=True))}
        given |= dict(zip(model.state, state, strict=True))
        read = {name: given[name].contiguous().numpy() for name in model.decoder.inputs}
        found = {k: torch.from_numpy(v) for k, v in model.decoder.run(read).items()}
        after = tuple(found[NEXT + name.removeprefix(STATE)] for name in model.state)
        return found[LOG_PROBS], after


def load_exported(
    folder: Path, *, int8: bool = False, threads: int | None = None
) -> tuple[ExportedModel, dict[str, Any]]:
    """Returns the graphs of an exported folder, and what its config.json says.

    Raises:
        ModelError: it is not such a folder, is damaged, or has no graphs in int8.
        InstallError: onnxruntime is missing.
    """
    path = folder / CONFIG_FILE
    try:
        config: dict[str, Any] = json.loads(path.read_text("utf-8"))
        files = config["files_int8" if int8 else "files"]
        paths = [folder / files[part] for part in ("encoder", "decoder")]
        graphs = {path: path.read_bytes() for path in paths}
        digests = [config["sha256"][path.name] for path in paths]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path}: cannot be read as what asr export writes ({in_short(error)})"
            f"{'; export with --int8' if int8 else ''}"
        ) from None
    for (path, content), digest in zip(graphs.items(), digests, strict=True):
        if hashlib.sha256(content).hexdigest() != digest:
            raise ModelError(
                f"{path}: is damaged (its SHA-256 does not fit); copy it or export again"
            )
    encoder, decoder = (Session(content, threads) for content in graphs.values())
    return ExportedModel(encoder, decoder), config
