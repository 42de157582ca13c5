"""Error rates of a model as torch computes it and as its exported graphs do, on one manifest."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.data.manifest import checked_cuts
from asr.exporting.runtime import ExportedModel
from asr.features import LogMel
from asr.scoring.counts import score
from asr.search import search
from asr.use.decode import batches_of
from asr.use.recognized import text_of
from asr.use.recognizer import Recognizer

TORCH = "torch"


def measure(
    recognizer: Recognizer,
    systems: Mapping[str, ExportedModel],
    manifest: Path,
    *,
    live: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Returns error rates as fractions, and how many transcripts differ from torch's.

    Args:
        recognizer: of the model folder, without language models.
        systems: exported graphs by their names.
        manifest: lhotse cuts; both audio and texts are read.
        live: shows how far it is.

    Raises:
        DataError: the manifest or an utterance cannot be read.
    """
    cuts = list(checked_cuts(manifest))
    references: dict[str, str] = {}
    found: dict[str, dict[str, str]] = {name: {} for name in (TORCH, *systems)}
    for batch in batches_of(recognizer, cuts).epoch(0, ordered=True):
        references.update(zip(batch.ids, batch.texts, strict=True))
        texts = [row.text for row in recognizer.recognize_batch(batch.waveforms, batch.lengths)]
        found[TORCH].update(zip(batch.ids, texts, strict=True))
        for name, exported in systems.items():
            texts = recognize_exported(
                recognizer, exported, waveforms=batch.waveforms, lengths=batch.lengths
            )
            found[name].update(zip(batch.ids, texts, strict=True))
        live(f"{len(references)} of {len(cuts)} utterances")
    live("")
    rows = {}
    for name, hypotheses in found.items():
        scores = score(references, hypotheses)
        changed = sum(text != found[TORCH][key] for key, text in hypotheses.items())
        rows[name] = {"cer": scores.cer, "wer": scores.wer, "changed": changed}
    return {"manifest": manifest.name, "utterances": len(references), "systems": rows}


def recognize_exported(
    recognizer: Recognizer,
    exported: ExportedModel,
    *,
    waveforms: Tensor,
    lengths: Tensor,
    options: SearchConfig | None = None,
) -> list[str]:
    """Returns the texts of waveforms (B,N) of so many samples (B,), by exported graphs.

    Features and the book-keeping of search are torch's; every number of the model is the graphs'.
    """
    options = options or recognizer.options
    with torch.inference_mode():
        features = features_of(recognizer.model.features, waveforms, lengths)
        scorers, memory_lengths = exported.scorers(
            exported.encode(*features), options, recognizer.model.units
        )
        found = search(scorers, memory_lengths, options)
    return [text_of(recognizer.tokenizer, row[0]) for row in found]


def features_of(features: LogMel, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Returns features (B,T,M) and lengths (B,), of what is shorter than a window as if padded."""
    shortest = features.window_length
    missing = max(0, shortest - waveforms.size(1))
    waveforms = torch.nn.functional.pad(waveforms, (0, missing))
    found: tuple[Tensor, Tensor] = features(waveforms, lengths.clamp(min=shortest))
    return found
