"""What section 6 trains: language models of two texts, by segments of some length."""

import math
import random
import time
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from asr.config import TrainConfig
from asr.lm.bptt import clip_gradients, run_segment
from asr.lm.language_model import LanguageModel, RecurrentLM
from asr.lm.perplexity import score_text
from asr.lm.text import Lanes, TokenText, make_lanes
from asr.recipes.sentences import draw_sentences
from asr.text.tokenizer import BOS, PAD, CharacterTokenizer
from asr.training.schedules import learning_rate

SEED = 1
NUM_LANES = 32
CLIP_NORM = 1.0
CELL = "gru"
LETTERS = "abcdefgh"  # that open and close a line of the second text
FILLING = "xyz"
NEAREST, FARTHEST = 16, 24  # tokens from opening to closing letter


@dataclass(frozen=True)
class Plan:
    """How much is trained."""

    steps: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100)
    num_sentences: int = 3000
    num_marked: int = 7500
    num_dev: int = 300
    epochs: int = 5


@dataclass(frozen=True)
class Corpus:
    """A text of characters, its lines drawn at random and no line twice."""

    train: TokenText
    dev: TokenText
    tokenizer: CharacterTokenizer
    embedding_dim: int
    hidden_dim: int


@dataclass(frozen=True)
class Training:
    """What one training gave."""

    network: RecurrentLM
    num_updates: int
    seconds: float


def marked_line(rng: random.Random) -> str:
    """Returns a letter, characters that say nothing, "=", and the first letter again."""
    letter, distance = rng.choice(LETTERS), rng.randint(NEAREST, FARTHEST)
    return letter + "".join(rng.choice(FILLING) for _ in range(distance - 2)) + "=" + letter


def make_corpora(plan: Plan) -> dict[str, Corpus]:
    """Returns the two texts by name."""
    rng = random.Random(SEED)
    marked: dict[str, None] = {}
    while len(marked) < plan.num_marked + plan.num_dev:
        marked.setdefault(marked_line(rng))
    texts = {
        "sentences": (draw_sentences("en", plan.num_sentences + plan.num_dev, rng), 48, 96),
        "marked": (list(marked), 32, 64),
    }
    corpora = {}
    for name, (lines, embedding_dim, hidden_dim) in texts.items():
        tokenizer = CharacterTokenizer.train(lines, vocab_size=None, normalizer="none")
        dev, train = (
            encode(part, tokenizer) for part in (lines[: plan.num_dev], lines[plan.num_dev :])
        )
        corpora[name] = Corpus(train, dev, tokenizer, embedding_dim, hidden_dim)
    return corpora


def encode(lines: list[str], tokenizer: CharacterTokenizer) -> TokenText:
    """Returns lines as a language model reads them."""
    stream = [token for line in lines for token in (BOS, *tokenizer.encode(line))]
    num_characters = sum(len(line) + 1 for line in lines)
    return TokenText(torch.tensor(stream, dtype=torch.int32), num_characters, num_empty=0)


def new_network(corpus: Corpus) -> RecurrentLM:
    """Returns a model with fresh weights, always the same."""
    torch.manual_seed(SEED)
    return RecurrentLM(
        corpus.tokenizer.vocab_size,
        cell=CELL,
        embedding_dim=corpus.embedding_dim,
        hidden_dim=corpus.hidden_dim,
        num_layers=1,
    )


def held_bytes(corpus: Corpus, steps: int) -> int:
    """Returns how much the forward pass of one segment keeps for the backward pass.

    Autograd asks for each tensor that it keeps to be packed; counted are the storages behind them,
    each once, but for the weights, which are there anyway.
    """
    network = new_network(corpus)
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept: dict[int, Tensor] = {}  # holding them here, no place is used twice

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept.setdefault(storage.data_ptr(), tensor)
        return tensor

    tokens = torch.full((NUM_LANES, steps), corpus.tokenizer.vocab_size - 1)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        result = run_segment(network, tokens, tokens, state=network.zero_state(NUM_LANES))
        total = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
        result.loss.backward()
    return total


def train(corpus: Corpus, *, steps: int, span: int, epochs: int) -> Training:
    """Returns a model trained by segments of so many steps, with an update each span of tokens.

    Where the span holds several segments, their gradients are added up, so that trainings with the
    same span make the same number of updates and differ in how far gradients reach.
    """
    network = new_network(corpus)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=0.0)
    length = math.ceil(corpus.train.num_tokens / NUM_LANES)
    total, update = epochs * math.ceil(length / span), 0
    rates = TrainConfig(learning_rate=1e-2, final_learning_rate=1e-4, warmup_steps=total // 20)
    started = time.monotonic()
    for epoch in range(epochs):
        lanes = Lanes(*(part.long() for part in make_lanes(corpus.train, NUM_LANES, seed=epoch)))
        state = network.zero_state(NUM_LANES)
        for start in range(0, length, span):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(rates, update, fraction=update / total)
            optimizer.zero_grad()
            inputs, targets = (part[:, start : start + span] for part in lanes)
            num_tokens = int((targets != PAD).sum())
            for segment in zip(inputs.split(steps, 1), targets.split(steps, 1), strict=True):
                if bool((segment[1] != PAD).any()):
                    result = run_segment(network, *segment, state=state)
                    (result.loss * (result.num_tokens / num_tokens)).backward()
                    state = result.state
            clip_gradients(network, clip_value=None, clip_norm=CLIP_NORM)
            optimizer.step()
            update += 1
    return Training(network.eval(), total, time.monotonic() - started)


def dev_perplexity(training: Training, corpus: Corpus) -> float:
    """Returns the perplexity per token on the dev text, each line read by itself."""
    model = LanguageModel(training.network, corpus.tokenizer, "rnn")
    return score_text(model, corpus.dev).token_perplexity


@torch.inference_mode()
def closing_perplexity(network: RecurrentLM, text: TokenText) -> float:
    """Returns the perplexity of the closing letters: 1 if all are known, 8 if none is."""
    lines = [torch.tensor([BOS, *line]) for line in text.lines()]
    tokens = pad_sequence(lines, batch_first=True, padding_value=PAD)  # (B,T)
    logits, _ = network(tokens, network.zero_state(len(lines)))
    last = torch.tensor([len(line) - 1 for line in lines])
    rows = torch.arange(len(lines))
    log_probs = logits[rows, last - 1].log_softmax(dim=-1)
    return float((-log_probs[rows, tokens[rows, last]].mean()).exp())
