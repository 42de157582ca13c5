"""Recognizers that SpeechBrain itself made say here what they say there.

Its 1.1.2 and torch 2.11 are in an environment of their own, which ASR_TEST_SPEECHBRAIN names by its
interpreter; else .venv-peers/speechbrain beside the repository's files.

An utterance alone in its batch is compared. In a batch SpeechBrain lets padding in: convolutions
mirror at the batch's end and not at the utterance's, and its recurrent layers are given no lengths
by the encoder's pipeline, so that the backward direction reads padding first. Here neither is so.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import Tensor

from asr.importing.speechbrain import import_speechbrain
from asr.lm.folder import load_language_model
from asr.use.recognizer import Recognizer, load_recognizer

pytestmark = [pytest.mark.peers, pytest.mark.corpora]
PEERS = Path(__file__).parent / "peers"
CLIPS = ["LJ001-0002", "LJ001-0008", "cmu_arctic_us_aew_a0001"]
CLOSE = {"atol": 1e-4, "rtol": 1e-4}
VARIANTS: dict[str, dict[str, str]] = {
    "as published": {},
    "others": {
        "rnn_class": "!name:speechbrain.nnet.RNN.GRU",
        "cnn_kernelsize": "(3, 5)",
        "using_2d_pooling": "True",
        "time_pooling_size": "2",
        "attn_type": "content",
        "rnn_type": "lstm",
        "n_fft": "512",
        "n_mels": "24",
        "rnn_bidirectional": "False",
    },
    "numbers of their own for begin and end": {
        "bos_index": "1",
        "eos_index": "2",
        "norm_type": "sentence",
        "activation": "!name:torch.nn.ReLU",
        "dec_layers": "2",
        "rnn_class": "!name:speechbrain.nnet.RNN.RNN",
    },
}


@dataclass(frozen=True)
class Pair:
    """One recognizer, here and there."""

    ours: Recognizer
    lm: Any
    said: list[dict[str, Any]]  # by SpeechBrain, of each clip
    waveforms: list[Tensor]  # (1,N)


def interpreter() -> str:
    default = Path(__file__).parents[1] / ".venv-peers" / "speechbrain" / "bin" / "python"
    path = os.environ.get("ASR_TEST_SPEECHBRAIN", str(default))
    if not Path(path).is_file():
        pytest.skip(f"no SpeechBrain at {path}; set ASR_TEST_SPEECHBRAIN to its interpreter")
    return path


@pytest.fixture(scope="module", params=VARIANTS)
def pair(
    request: pytest.FixtureRequest, corpora: Path, tmp_path_factory: pytest.TempPathFactory
) -> Pair:
    root = tmp_path_factory.mktemp("speechbrain")
    text = (PEERS / "hyperparams.yaml").read_text("utf-8")
    for key, value in VARIANTS[request.param].items():
        [line] = [line for line in text.splitlines() if line.startswith(f"{key}:")]
        text = text.replace(f"\n{line}\n", f"\n{key}: {value}\n")
    (root / "hyperparams.yaml").write_text(text, "utf-8")
    clips = [corpora / "clips" / "audio" / f"{name}.flac" for name in CLIPS]
    script = [interpreter(), str(PEERS / "speechbrain_folder.py"), str(root / "hyperparams.yaml")]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
    subprocess.run(
        [*script, str(root / "folder"), str(root / "said.pt"), *map(str, clips)],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
    )
    list(import_speechbrain(root / "folder", root / "ours"))
    ours = load_recognizer(root / "ours", "cpu")
    waveforms = [torch.from_numpy(soundfile.read(clip, dtype="float32")[0])[None] for clip in clips]
    said = torch.load(root / "said.pt", weights_only=True)
    return Pair(ours, load_language_model(root / "ours" / "lm", ours.tokenizer), said, waveforms)


def order(pair: Pair) -> list[int]:
    """Returns SpeechBrain's number of each of our pieces, the special ones left out."""
    first = 1 if pair.said[0]["tokens"][0] == 0 else 3
    return list(range(first, pair.said[0]["log_probs"].size(1)))


def ours_of(pair: Pair, tokens: Tensor) -> Tensor:
    numbers = {number: place for place, number in enumerate(order(pair), start=4)}
    bos = int(tokens[0])
    return torch.tensor([[numbers.get(int(t), 1 if int(t) == bos else 2) for t in tokens]])


@torch.inference_mode()
def test_features_values_attention_and_probabilities_are_speechbrains(pair: Pair) -> None:
    model, pieces = pair.ours.model, order(pair)
    eos = 0 if len(pieces) == pair.said[0]["log_probs"].size(1) - 1 else 2
    for waveform, said in zip(pair.waveforms, pair.said, strict=True):
        lengths = torch.tensor([waveform.size(1)])
        features, _ = model.features(waveform, lengths)
        torch.testing.assert_close(features[0], said["features"], **CLOSE)
        encoded = model.encode(waveform, lengths)
        torch.testing.assert_close(encoded.values[0], said["values"], **CLOSE)
        ctc = model.ctc(encoded.values)[0].log_softmax(dim=-1)
        torch.testing.assert_close(ctc[:, 4:], said["ctc"][:, pieces], **CLOSE)
        torch.testing.assert_close(ctc[:, 0], said["ctc"][:, 0], **CLOSE)
        tokens = ours_of(pair, said["tokens"])
        logits, alignments = model.decoder(tokens, model.prepare(encoded))
        torch.testing.assert_close(alignments[0], said["alignments"], **CLOSE)
        log_probs = logits[0].log_softmax(dim=-1)
        torch.testing.assert_close(log_probs[:, 4:], said["log_probs"][:, pieces], **CLOSE)
        torch.testing.assert_close(log_probs[:, 2], said["log_probs"][:, eos], **CLOSE)


@torch.inference_mode()
def test_batch_mates_do_not_change_what_is_speechbrains_alone(pair: Pair) -> None:
    rows = [waveform[0] for waveform in pair.waveforms]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    encoded = pair.ours.model.encode(padded, torch.tensor([len(row) for row in rows]))
    for values, length, said in zip(encoded.values, encoded.lengths, pair.said, strict=True):
        torch.testing.assert_close(values[:length], said["values"], **CLOSE)


@torch.inference_mode()
def test_the_language_model_is_speechbrains(pair: Pair) -> None:
    said, pieces = pair.said[0], order(pair)
    tokens, network = ours_of(pair, said["tokens"]), pair.lm.scorer
    logits, _ = network(tokens, network.zero_state(1))
    found, expected = logits[0].log_softmax(dim=-1)[:, 4:], said["lm_log_probs"][:, pieces]
    if len(pieces) < said["lm_log_probs"].size(1) - 1:  # a language model here never says BOS
        found, expected = found.log_softmax(dim=-1), expected.log_softmax(dim=-1)
    torch.testing.assert_close(found, expected, **CLOSE)


WHOLE = ["search.loop_repeats=100000", "search.max_tokens=100000"]  # as far as SpeechBrain goes


def test_greedy_transcripts_are_speechbrains(pair: Pair) -> None:
    settings = ["search.beam_size=1", "search.eos_threshold=null", "search.temperature=1"]
    options = pair.ours.choose([*settings, *WHOLE])
    for waveform, said in zip(pair.waveforms, pair.said, strict=True):
        [found] = pair.ours.recognize_batch(waveform, torch.tensor([waveform.size(1)]), options)
        assert found.text == said["greedy_text"]
        assert found.num_tokens == len(said["greedy"])
    assert sum(len(said["greedy"]) for said in pair.said) > 6


def test_beam_transcripts_and_scores_are_speechbrains(pair: Pair) -> None:
    options = pair.ours.choose(WHOLE)
    assert options.beam_size == 6
    assert options.temperature == 1.25
    num_ended = 0
    for waveform, said in zip(pair.waveforms, pair.said, strict=True):
        [found] = pair.ours.recognize_batch(waveform, torch.tensor([waveform.size(1)]), options)
        if found.ended == "length":  # SpeechBrain takes the last token of such a one for its end
            assert found.text.startswith(said["beam_text"])
            assert found.num_tokens == len(said["beam"]) + 1
            continue
        num_ended += 1
        assert found.text == said["beam_text"]
        each = found.score / (found.num_tokens + 1)
        assert each == pytest.approx(said["beam_score"], abs=1e-4)
    assert num_ended
