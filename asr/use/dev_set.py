"""A dev set encoded once, to be searched with many settings."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch

from asr.config import SearchConfig
from asr.data.manifest import checked_cuts, cut_text
from asr.encoder import Encoded
from asr.errors import DataError
from asr.recognition import encode_padded
from asr.use.decode import batches_of
from asr.use.recognizer import Recognizer

MOST_BYTES = 2**30  # of memory values kept; what is beyond is computed again in each trial


class DevSetPart(NamedTuple):
    """One batch of the dev set."""

    ids: list[str]
    texts: list[str]  # normalised references
    encoded: Encoded


class DevSet:
    """The dev set's memory values: computed once, as far as they find room.

    Args:
        recognizer: whose encoder computes them.
        manifest: of cuts.
        options: in the precision that these name, as decoding with them would.
        say: called with lines that say how far it is.

    Raises:
        DataError: the manifest or audio cannot be read, or no utterance has text.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        manifest: Path,
        *,
        options: SearchConfig,
        say: Callable[[str], None],
    ) -> None:
        cuts = list(checked_cuts(manifest))
        if not any(cut_text(cut, recognizer.tokenizer.normalize).strip() for cut in cuts):
            raise DataError(
                f"{manifest}: no utterance has a text to compare with; give the dev set"
            )
        self.num_utterances = len(cuts)
        self.recognizer, self.options = recognizer, options
        self.batches = batches_of(recognizer, cuts)
        self.kept: list[DevSetPart] = []
        self.num_kept, num_bytes = 0, 0
        for part in self._encode(skip=0):
            self.kept.append(part)
            self.num_kept += len(part.ids)
            num_bytes += part.encoded.values.nbytes
            say(f"encoded {self.num_kept} of {self.num_utterances} utterances")
            if num_bytes > MOST_BYTES:
                break

    def __iter__(self) -> Iterator[DevSetPart]:
        yield from self.kept
        if self.num_kept < self.num_utterances:
            yield from self._encode(skip=len(self.kept))

    def _encode(self, *, skip: int) -> Iterator[DevSetPart]:
        for batch in self.batches.epoch(0, skip=skip, ordered=True):
            with torch.inference_mode():
                encoded = encode_padded(
                    self.recognizer.model, batch.waveforms, batch.lengths, options=self.options
                )
            yield DevSetPart(batch.ids, batch.texts, encoded)
