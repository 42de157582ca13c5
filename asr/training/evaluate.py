"""The dev set decoded freely, as a user would hear it: the error rate that training steers by."""

from collections.abc import Callable
from dataclasses import dataclass

import matplotlib.image
import numpy as np
import torch

from asr.data.batches import Batch
from asr.machine.ranks import gather
from asr.pictures.plots import plot_alignment
from asr.recognition import encode_padded, scorers_of
from asr.scorers import greedy_ctc
from asr.scoring.counts import score
from asr.search import search
from asr.training.experiment import Run
from asr.training.monitor import alignment_flatness, diagonality


@dataclass(frozen=True)
class Evaluation:
    """Error rates as fractions, and what the attention did."""

    cer: float
    wer: float
    ctc_cer: float  # of the CTC head alone, its best path
    num_utterances: int
    hypotheses: list[tuple[int, ...]]  # tokens
    flatness: float  # of the attention: 0 sharp, 1 uniform
    diagonality: float  # 1: moves steadily forward
    picture: np.ndarray | None  # (height, width, 3 or 4) of one alignment


def evaluate(run: Run, title: str) -> Evaluation:
    """Returns how the model does on the dev set by greedy search, without any reference's help."""
    run.model.eval()
    options = run.config.search.model_copy(update={"beam_size": 1, "num_best": 1})
    references: dict[str, str] = {}
    found: dict[str, tuple[int, ...]] = {}
    by_ctc: dict[str, tuple[int, ...]] = {}  # units
    last: Batch | None = None
    for batch in run.dev_batches().epoch(0, ordered=True):
        with torch.inference_mode():
            encoded = encode_padded(run.network, batch.waveforms, batch.lengths, options=options)
            scorers = scorers_of(run.network, encoded, options)
            best = search(scorers, encoded.lengths, options)
            paths = greedy_ctc(run.network.ctc(encoded.values), encoded.lengths)
        references.update(zip(batch.ids, batch.texts, strict=True))
        found.update((name, row[0].tokens) for name, row in zip(batch.ids, best, strict=True))
        by_ctc.update(zip(batch.ids, paths, strict=True))
        last = batch
    for more_references, more_found, more_by_ctc in gather((references, found, by_ctc)):
        references.update(more_references)
        found.update(more_found)
        by_ctc.update(more_by_ctc)
    scores = score(references, decode_all(run.tokenizer.decode, found))
    flatness, steadiness, picture = draw_attention(run, last, title)
    return Evaluation(
        cer=scores.cer,
        wer=scores.wer,
        ctc_cer=score(references, decode_all(run.network.units.text, by_ctc)).cer,
        num_utterances=scores.num_utterances,
        hypotheses=list(found.values()),
        flatness=flatness,
        diagonality=steadiness,
        picture=picture,
    )


def decode_all(
    decode: Callable[[tuple[int, ...]], str], found: dict[str, tuple[int, ...]]
) -> dict[str, str]:
    """Returns the text of each utterance's tokens."""
    return {name: decode(tokens) for name, tokens in found.items()}


@torch.inference_mode()
def draw_attention(
    run: Run, batch: Batch | None, title: str
) -> tuple[float, float, np.ndarray | None]:
    """Returns flatness and diagonality of alignments under teacher forcing, and a picture.

    The picture, of the batch's first utterance, is also written to `training/attention/`.
    """
    has_alignment = run.network.decoder.attention.has_alignment
    if batch is None or not has_alignment or not run.fabric.is_global_zero:
        return 0.0, 1.0, None
    on_device = batch.to(run.device)
    encoded = encode_padded(run.network, batch.waveforms, batch.lengths, options=run.config.search)
    _, alignments = run.network.decoder(on_device.inputs, run.network.prepare(encoded))
    flatness = alignment_flatness(alignments, encoded.lengths, on_device.target_lengths)
    num_tokens, num_frames = int(batch.target_lengths[0]), int(encoded.lengths[0])
    alignment = alignments[0, :num_tokens, :num_frames].float().cpu()
    path = run.folder / "training" / "attention" / f"{title.replace(' ', '-')}.png"
    seconds = float(batch.lengths[0]) / run.config.sample_rate
    plot_alignment(
        alignment.numpy(),
        [run.tokenizer.token(index) for index in batch.targets[0, :num_tokens].tolist()],
        path,
        title=f"{batch.ids[0]}, {title}",
        seconds_per_frame=seconds / num_frames,
    )
    return flatness, diagonality(alignment), matplotlib.image.imread(path)
