"""What version 7fb4e81 wrote, before the package had rooms, is still read and says the same."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import random_texts, tiny_config, tone, write_manifest

from asr.build import build_model
from asr.checkpoint import load_state
from asr.train import train
from asr.use.recognizer import load_recognizer

OLDER = Path(__file__).parent / "fixtures" / "before_rooms"
SAID = json.loads((OLDER / "transcripts.json").read_text("utf-8"))
PARAMETERS = json.loads((OLDER / "parameters.json").read_text("utf-8"))


def transcribe(overrides: list[str], lms: tuple[str, ...] = ()) -> list[Any]:
    recognizer = load_recognizer(OLDER / "model", "cpu", lms=[OLDER / lm for lm in lms])
    waveforms = [tone(text, seed=100 + index) for index, text in enumerate(SAID["spoken"])]
    return recognizer.recognize(waveforms, recognizer.choose(overrides))


def test_an_older_model_gives_the_same_transcripts() -> None:
    greedy = transcribe([])
    beam = transcribe(["search.beam_size=4", "search.ctc_weight=0.3"])
    assert [found.text for found in greedy] == SAID["greedy"]
    assert [found.text for found in beam] == SAID["beam"]


def test_older_language_models_beside_it_give_the_same_transcripts_and_scores() -> None:
    found = transcribe(
        ["search.beam_size=4", "search.lm_weights=[0.3,0.2]"], lms=("lm_rnn", "lm_ngram")
    )
    assert [one.text for one in found] == SAID["beam_with_lms"]
    assert [one.score for one in found] == pytest.approx(SAID["scores_with_lms"], abs=2e-3)


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_kind_of_model_still_has_the_parameters_that_older_files_hold(name: str) -> None:
    kind, _, choice = name.partition(" ")
    config = {
        "attention": {"attention": {"type": choice}},
        "cell": {
            "encoder": {"cell": choice},
            "decoder": {"cell": choice, "num_layers": 2, "start": "bridge", "peeky": True},
        },
        "subsampling": {"encoder": {"subsampling": choice, "bidirectional": False}},
        "pyramid": {"encoder": {"pyramid": choice, "num_layers": 3}},
    }[kind]
    if choice in ("dot", "scaled_dot"):
        config["decoder"] = {"hidden_dim": 14}
    if choice == "multi_head":
        config |= {"decoder": {"hidden_dim": 16}, "encoder": {"projection_dim": 16}}
    weights = build_model(tiny_config(**config), 9).state_dict()
    assert {key: list(value.shape) for key, value in weights.items()} == PARAMETERS[name]


def test_an_older_interrupted_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_manifest(Path("data"), "train", random_texts(160, 1))
    write_manifest(Path("data"), "dev", random_texts(12, 2))
    shutil.copytree(OLDER / "early", "early")
    steps = load_state(Path("early/training/state.pt"))["progress"]["step"]
    config = tiny_config(data={"train": "data/train.jsonl.gz", "dev": "data/dev.jsonl.gz"})
    metrics = train(config, Path("early"))
    assert steps == 5
    assert metrics["epochs"] == config.train.epochs
    assert metrics["steps"] > steps
    notices = [x for x in capsys.readouterr().err.splitlines() if x.startswith("notice: ")]
    assert len(notices) == 2  # train was known by its length, dev not at all
    assert "did not note the training data in full; whether texts changed since" in notices[0]
