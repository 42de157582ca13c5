"""What a line of hyp.jsonl may hold beside its texts."""

import json
from pathlib import Path

import pytest

from asr.errors import DataError
from asr.scoring.recognized import RecognizedUtterance, read_recognized


def read(folder: Path, **values: object) -> RecognizedUtterance:
    line = {"id": "u", "reference": "a b", "hypothesis": "a c"} | values
    (folder / "hyp.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    (found,) = read_recognized(folder / "hyp.jsonl")
    return found


def test_what_decoding_writes_is_read(tmp_path: Path) -> None:
    nbest = [{"text": "a c", "score": -1.0}, {"text": "a b", "score": -2.0}]
    found = read(tmp_path, score=-1.0, num_tokens=3, nbest=nbest, manifest="/x/test.jsonl.gz")
    assert (found.score, found.num_tokens) == (-1.0, 3)
    assert found.nbest == ("a c", "a b")
    assert found.manifest == "/x/test.jsonl.gz"
    assert (found.confidence, found.word_confidences) == (None, None)


def test_confidence_is_of_the_utterance_or_of_each_word(tmp_path: Path) -> None:
    assert read(tmp_path, confidence=1).confidence == 1.0
    assert read(tmp_path, confidence=[0.5, 1]).word_confidences == (0.5, 1.0)
    words = [{"word": "a", "confidence": 0.5}, {"word": "c", "confidence": 0.25}]
    found = read(tmp_path, confidence=0.4, words=words)
    assert (found.confidence, found.word_confidences) == (0.4, (0.5, 0.25))
    for others in (["a", "c"], [{"word": "a"}], [], None, "a c"):
        assert read(tmp_path, words=others).word_confidences is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"confidence": 1.3}, '"confidence" is 1.3; must be a number from 0 to 1'),
        ({"confidence": "high"}, '"confidence" is "high"; must be a number from 0 to 1'),
        ({"confidence": True}, '"confidence" is true; must be a number from 0 to 1'),
        ({"confidence": [0.5, None]}, '"confidence" is null; must be a number from 0 to 1'),
        ({"confidence": float("nan")}, '"confidence" is NaN; must be a number from 0 to 1'),
        (
            {"words": [{"confidence": -1}, {"confidence": 0.5}]},
            '"confidence" is -1; must be a number from 0 to 1',
        ),
        ({"num_tokens": 1.5}, '"num_tokens" is 1.5; must be a whole number from 0 on'),
        ({"num_tokens": -1}, '"num_tokens" is -1; must be a whole number from 0 on'),
        ({"nbest": "a"}, '"nbest" is "a"; must be a list of {"text": ..., "score": ...}'),
        ({"nbest": ["a"]}, '"nbest" is "a"; must hold {"text": ..., "score": ...}'),
        ({"nbest": [{"score": 1}]}, 'line 1, nbest: "text" is missing; must be a string'),
        ({"score": "x"}, '"score" is "x"; must be a finite number'),
        ({"manifest": 3}, '"manifest" is 3; must be a string'),
    ],
)
def test_a_wrong_value_is_an_error_that_names_line_and_value(
    tmp_path: Path, values: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError) as raised:
        read(tmp_path, **values)
    assert message in str(raised.value)
    assert str(tmp_path / "hyp.jsonl line 1") in str(raised.value)
