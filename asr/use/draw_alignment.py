"""The attention of one utterance of a manifest, drawn."""

from pathlib import Path

import torch
from lhotse import CutSet

from asr.data.batches import Batch, BatchDataset, collate
from asr.data.manifest import Cut, checked_cuts
from asr.encoder import Encoded
from asr.errors import ConfigError, DataError
from asr.pictures.plots import DOTS_PER_INCH, check_picture, plot_alignment
from asr.recognition import encode_padded
from asr.use.recognizer import Recognizer, search_encoded


@torch.inference_mode()
def draw_alignment(
    recognizer: Recognizer,
    manifest: str | Path,
    path: Path,
    *,
    utterance: str | None = None,
    of_hypothesis: bool = False,
) -> str:
    """Draws which frames each token looked at; returns the text whose tokens they are.

    Args:
        recognizer: whose model it is.
        manifest: of cuts.
        path: of the picture: .png, .svg or .pdf.
        utterance: its id; None: the manifest's first.
        of_hypothesis: align what is recognized, and not the reference.

    Raises:
        DataError: there is no such utterance, it has no transcript, or the picture cannot be
            written, or its suffix is another.
        ConfigError: the model has no attention.
    """
    check_picture(path)
    if not recognizer.model.decoder.attention.has_alignment:
        raise ConfigError("this model has no attention (attention.type = none) to be drawn")
    batch = _load(recognizer, manifest, utterance, needs_text=not of_hypothesis)
    model = recognizer.model
    encoded = encode_padded(model, batch.waveforms, batch.lengths, options=recognizer.options)
    if of_hypothesis:
        batch = _with_hypothesis(recognizer, batch, encoded)
    _draw(recognizer, batch, encoded, path=path)
    return batch.texts[0]


@torch.inference_mode()
def draw_attention(
    recognizer: Recognizer, batch: Batch, path: Path, *, dpi: int = DOTS_PER_INCH
) -> None:
    """Draws the attention to the text of a batch of one utterance.

    Raises:
        DataError: the picture cannot be written.
    """
    options = recognizer.options
    encoded = encode_padded(recognizer.model, batch.waveforms, batch.lengths, options=options)
    _draw(recognizer, batch, encoded, path=path, dpi=dpi)


def _draw(
    recognizer: Recognizer,
    batch: Batch,
    encoded: Encoded,
    *,
    path: Path,
    dpi: int = DOTS_PER_INCH,
) -> None:
    model = recognizer.model
    _, alignments = model.decoder(batch.inputs.to(encoded.values.device), model.prepare(encoded))
    num_frames = int(encoded.lengths[0])
    plot_alignment(
        alignments[0, :, :num_frames].float().cpu().numpy(),
        [recognizer.tokenizer.token(index) for index in batch.targets[0].tolist()],
        path,
        title=batch.ids[0],
        seconds_per_frame=float(batch.lengths[0]) / recognizer.sample_rate / num_frames,
        dpi=dpi,
    )


def _with_hypothesis(recognizer: Recognizer, batch: Batch, encoded: Encoded) -> Batch:
    """Returns the batch of one utterance with what is recognized in place of its reference."""
    best = search_encoded(recognizer.model, encoded, recognizer.options)[0][0]
    return with_text(recognizer, batch, recognizer.tokenizer.decode(best.tokens))


def with_text(recognizer: Recognizer, batch: Batch, text: str) -> Batch:
    """Returns a batch of one utterance with another text in place of its own."""
    waveform = batch.waveforms[0].numpy()
    return collate(batch.ids, [text], [waveform], tokenizer=recognizer.tokenizer)


def _load(
    recognizer: Recognizer, manifest: str | Path, utterance: str | None, *, needs_text: bool
) -> Batch:
    names, found = [], None
    for cut in checked_cuts(manifest):  # to the end, where an archive's checksum is
        names.append(cut.id)
        if found is None and utterance in (None, cut.id):
            found = cut
    if found is None:
        some = ", ".join(names[:3])
        raise DataError(f"{manifest}: has no utterance {utterance!r}; it has {some}, ...")
    batch = batch_of(recognizer, found)
    if needs_text and not batch.texts[0]:
        raise DataError(f"{manifest} utterance {found.id!r}: has no transcript to align")
    return batch


def batch_of(recognizer: Recognizer, cut: Cut) -> Batch:
    """Returns a cut as a batch of one utterance.

    Raises:
        DataError: its audio cannot be read.
    """
    dataset = BatchDataset(recognizer.tokenizer, sample_rate=recognizer.sample_rate)
    batch = dataset[CutSet.from_cuts([cut])]
    if isinstance(batch, DataError):
        raise batch
    return batch
