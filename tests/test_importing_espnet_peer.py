"""Recognizers that ESPnet itself made say here what they say there.

Its 202511 and torch 2.11 are in an environment of their own, which ASR_TEST_ESPNET names by its
interpreter; else .venv-peers/espnet beside the repository's files.

An utterance alone in its batch is compared. In a batch ESPnet lets padding in where a convolution
or a mirrored edge of the features reaches beyond an utterance's end; here neither is so.

Search differs in three ways, none of which changes a best hypothesis here: ESPnet asks CTC of the
best tokens of the others alone (one and a half times the beam), goes on with fewer hypotheses where
some have ended, and ends what comes to the greatest length by force and without a price.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor

from asr.importing.espnet import import_espnet
from asr.lm.folder import load_language_model
from asr.use.recognizer import Recognizer, load_recognizer

pytestmark = [pytest.mark.peers, pytest.mark.corpora]
PEERS = Path(__file__).parent / "peers"
CLIPS = ["LJ001-0002", "ps-cards-001", "cmu_arctic_us_axb_a0005"]
CLOSE = {"atol": 1e-4, "rtol": 1e-4}
SMALL = {"hidden_size": 28, "att_conf": {"adim": 22, "aconv_chans": 5, "aconv_filts": 10}}
VARIANTS: dict[str, dict[str, Any]] = {
    "vgg, a projection after each layer": {
        "tokens": "unigram",
        "asr": {
            "frontend_conf": {"fs": "16k", "n_mels": 23},
            "normalize": "global_mvn",
            "encoder": "vgg_rnn",
            "encoder_conf": {"num_layers": 2, "hidden_size": 24, "output_size": 20},
            "decoder": "rnn",
            "decoder_conf": {**SMALL, "dropout": 0.1},
            "model_conf": {"ctc_weight": 0.5, "lsm_weight": 0.1},
        },
        "lm": {"lm_conf": {"unit": 12, "nhid": 16}},
    },
    "fewer frames between layers, characters": {
        "tokens": "char",
        "asr": {
            "frontend_conf": {
                **{"n_fft": 400, "win_length": 320, "hop_length": 160, "window": "hamming"},
                **{"n_mels": 20, "htk": True, "fmin": 20, "fmax": 7600, "fs": 16000},
            },
            "normalize": "utterance_mvn",
            "encoder": "rnn",
            "encoder_conf": {
                **{"num_layers": 3, "hidden_size": 24, "output_size": 20, "rnn_type": "gru"},
                "subsample": [2, 2],
            },
            "decoder": "rnn",
            "decoder_conf": {
                **{"rnn_type": "gru", "num_layers": 2, "hidden_size": 28},
                **{"context_residual": True, "att_conf": {"atype": "add", "adim": 22}},
            },
            "model_conf": {"ctc_weight": 0.3},
        },
        "lm": {"lm_conf": {"unit": 12, "rnn_type": "gru", "tie_weights": True, "nlayers": 1}},
    },
    "vgg, one projection, one direction": {
        "tokens": "bpe",
        "asr": {
            "frontend_conf": {"n_mels": 18, "fs": "16k"},
            "normalize": "utterance_mvn",
            "normalize_conf": {"norm_vars": True},
            "encoder": "vgg_rnn",
            "encoder_conf": {
                **{"num_layers": 2, "hidden_size": 24, "output_size": 20, "dropout": 0.2},
                **{"use_projection": False, "bidirectional": False},
            },
            "decoder": "rnn",
            "decoder_conf": {**SMALL, "num_layers": 2},
            "model_conf": {"ctc_weight": 0.5},
        },
        "lm": {"lm_conf": {"unit": 12, "rnn_type": "rnn_relu"}},
    },
}


@dataclass(frozen=True)
class Pair:
    """One recognizer, here and there."""

    folder: Path
    ours: Recognizer
    said: list[dict[str, Any]]  # by ESPnet, of each clip
    waveforms: list[Tensor]  # (1,N)


def interpreter() -> str:
    default = Path(__file__).parents[1] / ".venv-peers" / "espnet" / "bin" / "python"
    path = os.environ.get("ASR_TEST_ESPNET", str(default))
    if not Path(path).is_file():
        pytest.skip(f"no ESPnet at {path}; set ASR_TEST_ESPNET to its interpreter")
    return path


@pytest.fixture(scope="module", params=VARIANTS)
def pair(
    request: pytest.FixtureRequest, corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    root = tmp_path_factory.mktemp("espnet")
    (root / "variant.json").write_text(json.dumps(VARIANTS[request.param]), "utf-8")
    clips = [corpora / "clips" / "audio" / f"{name}.flac" for name in CLIPS]
    script = [interpreter(), str(PEERS / "espnet_folder.py"), str(root / "variant.json")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    subprocess.run(
        [*script, str(root / "folder"), str(root / "said.pt"), *map(str, clips)],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
    )
    list(import_espnet(root / "folder", root / "ours"))
    waveforms = [torch.from_numpy(soundfile.read(clip, dtype="float32")[0])[None] for clip in clips]
    said = torch.load(root / "said.pt", weights_only=True)
    return Pair(root / "ours", load_recognizer(root / "ours", "cpu"), said, waveforms)


def pieces(pair: Pair) -> list[int]:
    """Returns ESPnet's number of each of our tokens, the special ones left out."""
    return list(range(2, pair.said[0]["log_probs"].size(1) - 1))


def ours_of(pair: Pair, tokens: Tensor) -> Tensor:
    numbers = {number: place for place, number in enumerate(pieces(pair), start=4)}
    return torch.tensor([[numbers.get(int(token), 1) for token in tokens]])


@torch.inference_mode()
def test_features_values_attention_and_probabilities_are_espnets(pair: Pair) -> None:
    model, order = pair.ours.model, pieces(pair)
    for waveform, said in zip(pair.waveforms, pair.said, strict=True):
        lengths = torch.tensor([waveform.size(1)])
        features, _ = model.features(waveform, lengths)
        torch.testing.assert_close(features[0], said["features"], **CLOSE)
        encoded = model.encode(waveform, lengths)
        torch.testing.assert_close(encoded.values[0], said["values"], **CLOSE)
        ctc = model.ctc(encoded.values)[0].log_softmax(dim=-1)
        logits, alignments = model.decoder(ours_of(pair, said["tokens"]), model.prepare(encoded))
        torch.testing.assert_close(alignments[0], said["alignments"], **CLOSE)
        log_probs = logits[0].log_softmax(dim=-1)
        for found, expected in ((ctc, said["ctc"]), (log_probs, said["log_probs"])):
            torch.testing.assert_close(found[:, 4:], expected[:, order], **CLOSE)
            torch.testing.assert_close(found[:, [0, 2, 3]], expected[:, [0, -1, 1]], **CLOSE)


@torch.inference_mode()
def test_batch_mates_do_not_change_what_is_espnets_alone(pair: Pair) -> None:
    rows = [waveform[0] for waveform in pair.waveforms]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    encoded = pair.ours.model.encode(padded, torch.tensor([len(row) for row in rows]))
    for values, length, said in zip(encoded.values, encoded.lengths, pair.said, strict=True):
        torch.testing.assert_close(values[:length], said["values"], **CLOSE)


@torch.inference_mode()
def test_the_language_model_is_espnets(pair: Pair) -> None:
    network: Any = load_language_model(pair.folder / "lm", pair.ours.tokenizer).scorer
    logits, _ = network(ours_of(pair, pair.said[0]["tokens"]), network.zero_state(1))
    found, expected = logits[0].log_softmax(dim=-1), pair.said[0]["lm_log_probs"]
    torch.testing.assert_close(found[:, 4:], expected[:, pieces(pair)], **CLOSE)
    torch.testing.assert_close(found[:, [2, 3]], expected[:, [-1, 1]], **CLOSE)


SEARCHES: dict[str, list[str]] = {
    "greedy": ["beam_size=1", "ctc_weight=0"],
    "attention": ["beam_size=8", "ctc_weight=0"],
    "both": ["beam_size=12"],  # of attention and CTC, weighed as imported
    "with lm": ["beam_size=10", "ctc_weight=0.3", "lm_weights=0.4", "length_bonus=0.2"],
}


@pytest.mark.parametrize("name", SEARCHES)
def test_transcripts_and_scores_are_espnets(pair: Pair, name: str) -> None:
    lms = [pair.folder / "lm"] if name == "with lm" else []
    ours = load_recognizer(pair.folder, "cpu", lms=lms)
    settings = [f"search.{setting}" for setting in SEARCHES[name]]
    options = ours.choose([*settings, "search.loop_repeats=100000"])
    num_ended = 0
    for waveform, said in zip(pair.waveforms, pair.said, strict=True):
        [found] = ours.recognize_batch(waveform, torch.tensor([waveform.size(1)]), options)
        theirs = said[name]
        if found.ended == "length":  # there an end is put to it by force
            assert theirs["forced"]
            continue
        num_ended += 1
        assert found.text == theirs["text"]
        assert found.num_tokens == theirs["num_tokens"]
        bonus = options.length_bonus  # there the end has one, too
        assert found.score + bonus == pytest.approx(theirs["score"], abs=1e-4, rel=1e-5)
    assert num_ended
