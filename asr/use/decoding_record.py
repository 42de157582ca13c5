"""`decode.json`: what decoded the hypotheses beside it, so that every report can say it."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from asr.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from asr.config import SearchConfig
from asr.files import file_sha256, write_file
from asr.lm.folder import ARPA_FILE
from asr.machine import about
from asr.machine.precision import settled
from asr.scoring.provenance import DECODE_FILE, DECODE_SCHEMA
from asr.use.decode import DecodingSummary
from asr.use.recognizer import Recognizer

TOKENIZER_FILES = ("tokenizer.model", "tokens.txt")


def write_decoding_record(
    summary: DecodingSummary,
    recognizer: Recognizer,
    options: SearchConfig,
    *,
    manifest: Path,
    models: Sequence[tuple[Path, str]],
) -> Path:
    """Writes `decode.json` beside the hypotheses and returns its path.

    Args:
        summary: of the decoding.
        recognizer: that decoded.
        options: its search settings.
        manifest: of what was decoded.
        models: the model folder, and each language model, with its `model_sha256` from before.

    Raises:
        ModelError: it cannot be written.
    """
    (model, digest), *lms = models
    values: dict[str, Any] = {
        "schema": DECODE_SCHEMA,
        "command": about.own_command(),
        "date": about.now(),
        "model": {"folder": str(model.resolve()), "sha256": digest},
        "language_models": [{"path": str(path.resolve()), "sha256": lm} for path, lm in lms],
        "manifest": str(manifest.resolve()),
        "hypotheses_sha256": file_sha256(summary.path),
        **_times(summary),
        "device": str(_device(recognizer)),
        "confidence": _confidence(recognizer),
        "search": _settings(options, _device(recognizer)),
        "versions": about.versions(("torch",)),
        "machine": about.machine(),
        "configuration": recognizer.config.model_dump(mode="json"),
    }
    path = summary.path.with_name(DECODE_FILE)
    write_file(path, json.dumps(values, ensure_ascii=False, indent=2) + "\n")
    return path


def _device(recognizer: Recognizer) -> torch.device:
    return next(recognizer.model.parameters()).device


def _settings(options: SearchConfig, device: torch.device) -> dict[str, Any]:
    """Returns search settings as they were used: of `auto`, which precision it was."""
    return options.model_dump(mode="json") | {
        "encoder_precision": settled(options.encoder_precision, device),
        "decoder_precision": settled(options.decoder_precision, device),
    }


def _confidence(recognizer: Recognizer) -> str:
    notice = recognizer.confidence_notice
    return "calibrated on the model's dev set" if notice is None else notice[len("notice: ") :]


def _times(summary: DecodingSummary) -> dict[str, float | None]:
    audio, wall = summary.audio_seconds, summary.wall_seconds
    return {
        "audio_seconds": round(audio, 3),
        "wall_seconds": round(wall, 3),
        "real_time_factor": round(wall / audio, 6) if audio else None,
    }


def model_sha256(path: Path) -> str:
    """Returns the hash of a model folder, or of a language model's folder or file.

    Of a folder it is the SHA-256 of the lines that sha256sum prints of what decides its results:
    `sha256sum config.yaml model.safetensors tokens.txt | sha256sum`, those that are there, in the
    alphabet's order.
    """
    if path.is_file():
        return file_sha256(path)
    names = sorted([CONFIG_FILE, WEIGHTS_FILE, ARPA_FILE, *TOKENIZER_FILES])
    lines = [f"{file_sha256(path / x)}  {x}\n" for x in names if (path / x).is_file()]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
