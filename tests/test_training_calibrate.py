import numpy as np
import pytest
import torch
from conftest import tiny_config, tone

from asr.build import build_model
from asr.data.batches import collate
from asr.text.tokenizer import train_tokenizer
from asr.training.calibrate import calibrate
from asr.training.card import describe_calibration
from asr.use.recognizer import Recognizer

TOKENIZER = train_tokenizer(["ab cd"], kind="char", vocab_size=None, normalizer="none")
CONFIG = tiny_config(search={"max_tokens": 6})


def dev_batches(recognizer, *, is_right):
    """Batches of one utterance whose references are what the model hears, or something else."""
    draw = np.random.default_rng(0)
    for index in range(12):
        waveform = tone("".join(draw.choice(list("abcd"), 4)), seed=index)
        heard = recognizer.recognize([waveform])[0].text
        text = heard if is_right and index % 2 == 0 else "dddd"
        yield collate([f"x{index}"], [text], [waveform], tokenizer=TOKENIZER)


@pytest.mark.parametrize("is_right", [True, False])
def test_a_calibration_is_made_of_what_is_heard_rightly_and_draws_no_random_number(is_right):
    model = build_model(CONFIG, TOKENIZER.vocab_size).eval()
    batches = list(dev_batches(Recognizer(model, TOKENIZER, CONFIG), is_right=is_right))
    before = torch.get_rng_state()
    found = calibrate(
        model, TOKENIZER, CONFIG, batches=batches, speeds=[5.0, 6.0], longest_seconds=1.0
    )
    assert torch.equal(before, torch.get_rng_state())
    if not is_right:
        assert found is None  # nothing is to be kept
        return
    assert found is not None
    assert found.figures["utterances"] == 12
    assert "expected calibration error" in describe_calibration(found.figures)
    least, most = found.calibration.tokens_per_second
    assert (least, most) == (pytest.approx(2.5, abs=0.01), pytest.approx(9.0, abs=0.01))
