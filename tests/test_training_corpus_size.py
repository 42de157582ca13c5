import json
import re
from pathlib import Path

import pytest
from conftest import random_texts, tiny_config, write_manifest

from asr.train import train
from asr.training.corpus_size import CorpusSize, find_shortages

# seconds, tokens, different ones, epochs, seconds a batch, steps of warm-up; egs/*/RESULTS.md.
LEARNT = {
    "yesno": (150, 720, 7, 60, 10, 50),
    "fsdd": (7000, 60_000, 15, 10, 60, 200),
    "quickstart": (4788, 67_000, 28, 9, 40, 150),
    "quickstart in Korean": (5292, 56_000, 67, 9, 40, 150),
    "zeroth": (172_800, 2_000_000, 1200, 60, 120, 2000),
    "a hundred hours": (360_000, 5_000_000, 1000, 40, 120, 2000),
}


def size_of(seconds: float, *numbers: int) -> CorpusSize:
    units, different, epochs, batch, warmup = numbers
    is_long = different > 100
    return CorpusSize(
        seconds,
        units,
        different_units=different,
        units="tokens",
        can_be_spelt=is_long,
        epochs=epochs,
        updates_an_epoch=seconds / batch,
        warmup_steps=warmup,
    )


@pytest.mark.parametrize("name", LEARNT)
def test_what_has_been_learnt_from_is_not_too_small(name: str) -> None:
    assert find_shortages(size_of(*LEARNT[name])) == []


def test_a_corpus_that_is_too_small_is_said_with_what_would_help() -> None:
    (few,) = find_shortages(size_of(540, 8000, 30, 30, 120, 500))  # the defaults, on 9 minutes
    assert few.startswith(
        "0.15 h of speech make about 135 updates in 30 epochs, of which 135 warm up: "
    )
    assert "lower data.batch_seconds and train.warmup_steps, or raise train.epochs" in few
    (rare,) = find_shortages(size_of(5292, 27_200, 396, 9, 40, 150))  # quickstart by syllables
    assert "hold each of 396 tokens 618 times in 9 epochs" in rare
    assert "set tokenizer.ctc_units=letters" in rare
    spelt = size_of(5292, 27_200, 396, 9, 40, 150)
    (still,) = find_shortages(spelt._replace(units="letters", can_be_spelt=False))
    assert "396 letters 618 times" in still
    assert "ctc_units" not in still


def test_training_says_so_at_first_and_does_not_blame_the_learning_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {
        name: str(write_manifest(tmp_path, name, random_texts(count, seed=count)))
        for name, count in (("train", 8), ("dev", 2))
    }
    train(tiny_config(data=paths, train={"learning_rate": 1e-9}), tmp_path / "exp")
    lines = capsys.readouterr().err.splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("epoch "))
    warned = [line for line in lines[:first] if line.startswith("warning: 0.00 h of speech")]
    assert len(warned) == 2
    said = re.search(r"make about (\d+) updates", warned[0])
    log = (tmp_path / "exp/training/log.jsonl").read_text("utf-8").splitlines()
    assert said is not None
    assert json.loads(log[-1])["step"] == 5  # the first epoch, by duration, has a batch less
    assert int(said[1]) == 6
    assert not any("lower train.learning_rate" in line for line in lines)
