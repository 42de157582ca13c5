"""A recognizer that goes on where it was stopped, in the middle of a long recording, too."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from asr.audio.files import Waveform
from asr.config import SearchConfig
from asr.use.heard import Around, RecognizedText, SpeechRecognizer
from asr.use.recognized import Recognized
from asr.use.transcript import TimedWord
from asr.use.workers import Answer, ask, num_ahead

NUMBER, NO_NUMBER = (int, float), (int, float, type(None))
KINDS: dict[str, Any] = {  # of what a whole row holds
    "text": str, "score": NUMBER, "num_tokens": int, "ended": str, "confidence": NO_NUMBER,
    "speech": NO_NUMBER,
}  # fmt: skip


class Remembering(Around):
    """A recognizer that does not hear twice what it has heard before it was stopped.

    What it says of a waveform is kept under a hash of the sound, so that a recording is cut as it
    was and only what is new to it is searched.

    Args:
        recognizer: that recognizes what is new.
        known: hash of a sound -> what was said of it, as `keep` was given it, in an earlier run
            with the same model and settings.
        keep: is given the hashes and what is said of each as plain data, a batch at a time.
    """

    def __init__(
        self,
        recognizer: SpeechRecognizer,
        *,
        known: Mapping[str, Mapping[str, object]],
        keep: Callable[[Mapping[str, Mapping[str, object]]], None],
    ) -> None:
        super().__init__(recognizer)
        self.known, self.keep = known, keep

    @property
    def num_ahead(self) -> int:
        """Batches that it should be asked for ahead."""
        return num_ahead(self.recognizer)

    def recognize(
        self, waveforms: Sequence[Waveform], options: SearchConfig, **more: bool
    ) -> Sequence[RecognizedText]:
        """Returns one result for each waveform (N,), in the order given."""
        found: Sequence[RecognizedText] = self.submit("recognize", waveforms, options, **more)()
        return found

    def submit(
        self, method: str, waveforms: Sequence[Waveform], options: SearchConfig, **more: bool
    ) -> Answer:
        """Asks for one result for each waveform, of `recognize`."""
        keys = [_key(waveform, more) for waveform in waveforms]
        results: list[RecognizedText | None] = [_result(self.known.get(key)) for key in keys]
        new = [place for place, result in enumerate(results) if result is None]
        sounds = [waveforms[place] for place in new]
        asked = ask(self.recognizer, method, sounds, options, **more) if new else list

        def answer() -> list[RecognizedText]:
            found = dict(zip(new, asked(), strict=True))
            if found:
                self.keep({keys[place]: _row(result) for place, result in found.items()})
            both = (found.get(place, known) for place, known in enumerate(results))
            return [result for result in both if result is not None]

        return answer


def _key(waveform: Waveform, more: Mapping[str, bool]) -> str:
    asked = "".join(sorted(name for name, wanted in more.items() if wanted))
    return hashlib.blake2b(waveform.tobytes(), digest_size=16, person=asked.encode()).hexdigest()


def _row(result: RecognizedText) -> dict[str, object]:
    row = {field.name: getattr(result, field.name) for field in fields(Recognized)}
    return row | {"words": [asdict(word) for word in result.words]}


def _result(row: Mapping[str, object] | None) -> Recognized | None:
    """Returns what a row says; None for one that is not whole."""
    if row is None:
        return None
    try:
        values: dict[str, Any] = {field.name: row[field.name] for field in fields(Recognized)}
        values["words"] = tuple(TimedWord(**word) for word in values["words"])
        values["nbest"] = tuple((text, score) for text, score in values["nbest"])
        values["warnings"] = tuple(values["warnings"])
        if any(not isinstance(values[name], kind) for name, kind in KINDS.items()):
            return None
        return Recognized(**values)
    except (KeyError, TypeError, ValueError):
        return None
