"""Both searches are exact here: nothing is cut, since the beams hold every text there can be.

Of three tokens and six frames there are 1093 texts. Every token is a word to pyctcdecode, which
charges words alone: its labels begin with ▁, so that the n-grams over our tokens are its words.
"""

import math
from pathlib import Path

import pytest
import torch
from conftest import tiny_config
from interchange.peer import Peer

from asr.build import build_model
from asr.config import SearchConfig
from asr.lm.ngram import LMMemory, NgramModel, arpa_symbols, estimate, write_arpa
from asr.scorers import CTCScorer, WeightedScorer
from asr.search import search
from asr.text.tokenizer import BOS, EOS, PAD, UNK, CharacterTokenizer

PYCTCDECODE = Peer("pyctcdecode")
TOKENIZER = CharacterTokenizer("ab나", normalizer="none")
SYMBOLS = arpa_symbols(TOKENIZER)
A, B, NA = (TOKENIZER.encode(letter)[0] for letter in "ab나")
WEIGHT, BONUS, FRAMES = 0.6, 0.4, 6
TEXTS = [[A, B, A], [NA, NA, B], [B, A], [A], [NA, B, B, A], []]


def theirs(path, log_probs, columns, labels, weight, bonus):
    import logging

    import numpy as np
    from pyctcdecode import build_ctcdecoder

    logging.disable(logging.WARNING)
    decoder = build_ctcdecoder(labels, path, alpha=weight, beta=bonus)
    found = decoder.decode_beams(
        np.array(log_probs)[:, columns],
        beam_width=100_000,
        beam_prune_logp=-1e9,
        token_min_logp=-1e9,
        prune_history=False,
    )
    return [[text, acoustic, score] for text, _, _, acoustic, score in found]


@pytest.fixture(scope="module")
def logits() -> torch.Tensor:
    """Returns what the CTC head of a model gives six frames, (1,6,V)."""
    torch.manual_seed(3)
    network = build_model(tiny_config(), TOKENIZER.vocab_size).eval()
    with torch.no_grad():
        network.ctc.weight.mul_(6)
        network.ctc.bias[[BOS, EOS, UNK]] = -1e4  # as training makes them, but to the end
        encoded = network.encode(0.1 * torch.randn(1, 16_000), torch.tensor([16_000]))
        return network.ctc(encoded.values)[:, :FRAMES]


def ours(logits: torch.Tensor, model: NgramModel) -> dict[str, float]:
    """Returns the score of each text by our own search."""
    frames = CTCScorer.prepare(logits, torch.tensor([FRAMES]))
    scorers = [
        WeightedScorer(CTCScorer(), frames),
        WeightedScorer(model, LMMemory(torch.zeros(1)), WEIGHT),
    ]
    options = SearchConfig(
        beam_size=1000,
        num_best=1000,
        length_power=0,
        length_bonus=BONUS,
        loop_repeats=100,
        max_token_ratio=1.2,
    )
    (found,) = search(scorers, torch.tensor([FRAMES]), options)
    return {TOKENIZER.decode(x.tokens): x.score for x in found if x.ended == "eos"}


@pytest.mark.row(
    "pyctcdecode",
    "reads ours",
    "our n-grams (KenLM) with our CTC head: all texts and their scores as in our fusion, to 1e-4; "
    "of the empty text there it is scored as an unknown word",
)
def test_pyctcdecode_finds_what_our_fusion_finds(tmp_path: Path, logits: torch.Tensor) -> None:
    model, symbols = estimate(TEXTS, order=3, vocab_size=TOKENIZER.vocab_size), SYMBOLS
    write_arpa(tmp_path / "lm.arpa", model, symbols)
    log_probs, columns = logits[0].log_softmax(dim=-1), [PAD, A, B, NA]
    labels = ["", *(f"▁{symbols[token]}" for token in columns[1:])]
    given = (tmp_path / "lm.arpa", log_probs.tolist(), columns, labels)
    found = PYCTCDECODE.call(theirs, *given, WEIGHT, BONUS)
    own = ours(logits, model)
    empty_acoustic, empty = next((acoustic, score) for text, acoustic, score in found if not text)
    wanted = {text: score for text, score in own.items() if text and "⁇" not in text}
    other = {text.replace(" ", ""): score for text, _, score in found if text}
    assert len(other) == len(wanted) == 357  # the others have no path in six frames
    assert other == pytest.approx(wanted, abs=1e-4)
    assert max(other, key=other.__getitem__) == next(iter(own)) == "ab"
    unknown, end = model.score([UNK])
    word = unknown - 10 * math.log(10)  # its default for unknown words, in powers of ten
    assert empty == pytest.approx(empty_acoustic + WEIGHT * (word + end) + BONUS, abs=1e-4)
    assert own[""] == pytest.approx(empty_acoustic + WEIGHT * model.score([])[0], abs=1e-4)


@pytest.mark.row(
    "pyctcdecode",
    "reads ours",
    "a word that the text had not: known there, since its backoff of 0 is written",
)
def test_pyctcdecode_knows_every_word_of_our_file(tmp_path: Path, logits: torch.Tensor) -> None:
    model = estimate([[A, B, A], [B]], order=2, vocab_size=TOKENIZER.vocab_size)
    write_arpa(tmp_path / "lm.arpa", model, SYMBOLS)
    log_probs, columns = logits[0].log_softmax(dim=-1), [PAD, A, B, NA]
    given = (tmp_path / "lm.arpa", log_probs.tolist(), columns, ["", "▁a", "▁b", "▁나"])
    found = {text: score for text, _, score in PYCTCDECODE.call(theirs, *given, WEIGHT, BONUS)}
    own = ours(logits, model)
    assert found["나 a"] == pytest.approx(own["나a"], abs=1e-4)
    without = (tmp_path / "lm.arpa").read_text("utf-8").replace("\t나\t0\n", "\t나\n")
    (tmp_path / "lm.arpa").write_text(without, "utf-8")  # as SRILM writes it, and KenLM reads it
    other = {text: score for text, _, score in PYCTCDECODE.call(theirs, *given, WEIGHT, BONUS)}
    assert other["a b"] == pytest.approx(found["a b"])
    assert other["나 a"] == pytest.approx(found["나 a"] - WEIGHT * 10 * math.log(10))
