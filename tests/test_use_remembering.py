import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from asr.audio.files import Waveform
from asr.config import SearchConfig
from asr.use.recognized import Recognized
from asr.use.remembering import Remembering
from asr.use.transcribe import TranscribeOptions, transcribe
from asr.use.transcript import TimedWord
from asr.use.unfinished import Journal

RATE = 8000
COMMAND = {"model": "exp"}
OPTIONS = TranscribeOptions(SearchConfig(), batch_seconds=2.0, word_times=True)


class Listener:
    """Tells sounds apart by their loudness; is interrupted after some of them."""

    sample_rate, max_seconds = RATE, 2.0

    def __init__(self, most: int = 1000) -> None:
        self.most, self.num_heard = most, 0

    def recognize(
        self, waveforms: Sequence[Waveform], options: SearchConfig, **more: bool
    ) -> list[Recognized]:
        return [self._say(waveform, **more) for waveform in waveforms]

    def _say(self, waveform: Waveform, *, words: bool = False, times: bool = False) -> Recognized:
        if self.num_heard == self.most:
            raise KeyboardInterrupt
        self.num_heard += 1
        text = f"{np.abs(waveform).max():.6f}"
        timed = (TimedWord(text, 0.1, 0.3, 0.75),) if words or times else ()
        nbest = ((text, -1 / 3), ("other", -2.0))
        return Recognized(text, -1 / 3, 1, "eos", nbest, 0.9, timed, ("odd",), 0.1 + 0.2)


def long_recording() -> Waveform:
    draw = np.random.default_rng(0)
    parts = []
    for number in range(40):
        parts += [draw.uniform(-1, 1, RATE) * (1 + number) / 50, np.zeros(RATE)]
    return np.concatenate(parts).astype(np.float32)


def test_stopped_in_the_middle_it_goes_on_there_and_says_the_same(tmp_path: Path) -> None:
    waveform = long_recording()
    whole = transcribe(Listener(), waveform, options=OPTIONS, sample_rate=RATE)
    journal = Journal(tmp_path, COMMAND, afresh=False)
    first = Remembering(Listener(17), known=journal.heard, keep=journal.keep)
    with pytest.raises(KeyboardInterrupt):
        transcribe(first, waveform, options=OPTIONS, sample_rate=RATE)
    again = Journal(tmp_path, COMMAND, afresh=False)
    assert 10 <= len(again.heard) <= 17  # all but the batch it was at
    listener = Listener()
    second = Remembering(listener, known=again.heard, keep=again.keep)
    assert transcribe(second, waveform, options=OPTIONS, sample_rate=RATE) == whole
    assert listener.num_heard == len(whole.segments) - len(again.heard)
    third = Journal(tmp_path, COMMAND, afresh=False)
    assert len(third.heard) == len(whole.segments)  # what the first run heard stays, too


def test_without_times_nothing_is_taken_that_was_heard_with_them(tmp_path: Path) -> None:
    kept: dict = {}
    sound = [np.ones(RATE, np.float32)]
    Remembering(Listener(), known={}, keep=kept.update).recognize(sound, SearchConfig(), words=True)
    listener = Listener()
    remembering = Remembering(listener, known=kept, keep=kept.update)
    (found,) = remembering.recognize(sound, SearchConfig())
    assert found.words == ()
    assert listener.num_heard == 1
    (found,) = remembering.recognize(sound, SearchConfig(), words=True)
    assert found.words[0].confidence == 0.75
    assert listener.num_heard == 1


@pytest.mark.parametrize(
    "damage",
    [
        {}, {"text": "a"}, {"words": 3}, {"nbest": [[1]]}, {"text": None}, {"score": "high"},
        {"num_tokens": None}, {"ended": 1}, {"confidence": "low"}, {"speech": []},
    ],
)  # fmt: skip
def test_a_row_that_is_not_whole_is_heard_again(damage: dict) -> None:
    kept: dict = {}
    sound = [np.ones(RATE, np.float32)]
    Remembering(Listener(), known={}, keep=kept.update).recognize(sound, SearchConfig())
    [(key, row)] = kept.items()
    known = {key: json.loads(json.dumps(row)) | damage if damage else {}}
    listener = Listener()
    if damage == {"text": "a"}:
        del known[key]["score"]
    found = Remembering(listener, known=known, keep=kept.update).recognize(sound, SearchConfig())
    assert found[0].text == "1.000000"
    assert listener.num_heard == 1
