"""The n-gram language model: a scorer of search, made from text or read from an ARPA file.

    log p(token | history) = the log probability of the longest n-gram in the model that is
                             an end of history, then token,
                           + the backoffs of all longer ends of history that are in the model

The state of a hypothesis is one number: the node of what it has read, see `asr/lm/trie.py`.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from asr.files import whole_file
from asr.lm.arpa import LOG_ZERO, NgramTable, format_arpa, read_tables
from asr.lm.kneser_ney import estimate_tables
from asr.lm.trie import ROOT, Trie, build_trie
from asr.text.tokenizer import BOS, EOS, PAD, UNK, Tokenizer


class LMMemory(NamedTuple):
    """What a language model knows of an utterance: nothing."""

    rows: Tensor  # (B,), any values; only its number of rows counts


class NgramState(NamedTuple):
    """The longest end of what each hypothesis has read that is a node."""

    nodes: Tensor  # (B,K)


class NgramModel:
    """An n-gram language model over the recognizer's tokens, and a scorer of search.

    A token that the model does not list is read and scored as UNK; where UNK is not listed either,
    it has `LOG_ZERO`. So has what never comes: PAD, which is BLANK, and BOS.

    Args:
        tables: the n-grams of length 1, 2, ...; where one is left out that a longer one begins
            with, as pruning may do, it gets the log probability that backing off gives it.
        vocab_size: number of tokens (V).
        fallback_orders: lengths of n-grams for which the text left the discounts undefined; none
            for a model that was read.

    Attributes:
        order: longest n-grams.
        num_ngrams: how many there are of length 1, 2, ...
    """

    def __init__(
        self,
        tables: Sequence[NgramTable],
        vocab_size: int,
        *,
        fallback_orders: tuple[int, ...] = (),
    ) -> None:
        self.order = len(tables)
        self.vocab_size = vocab_size
        self.fallback_orders = fallback_orders
        self._trie, self.num_ngrams = build_trie(tables, vocab_size)
        unlisted = self._trie.unigram_nodes == ROOT
        unlisted[[PAD, BOS]] = False
        self._unlisted = unlisted.nonzero()[:, 0]
        self._aliases = torch.arange(vocab_size).masked_fill(unlisted, UNK)  # (V,)

    def to(self, device: torch.device | str) -> Self:
        """Returns the same model with its arrays on a device."""
        moved = copy.copy(self)
        moved._trie = Trie(*(tensor.to(device) for tensor in self._trie))
        moved._unlisted, moved._aliases = self._unlisted.to(device), self._aliases.to(device)
        return moved

    def initial_state(self, memory: LMMemory, num_hypotheses: int) -> NgramState:
        """Returns the state before BOS."""
        shape, device = (memory.rows.size(0), num_hypotheses), memory.rows.device
        return NgramState(torch.full(shape, ROOT, device=device))

    def step(
        self, tokens: Tensor, memory: LMMemory, state: NgramState
    ) -> tuple[Tensor, NgramState]:
        """Returns log probabilities (B,K,V) of what follows tokens (B,K), and the next state."""
        _, nodes = self.read(state.nodes, tokens)
        return self._next_log_probs(nodes.flatten()).unflatten(0, nodes.shape), NgramState(nodes)

    def read(self, nodes: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log probabilities (...) of tokens (...) after nodes (...), and the nodes then."""
        log_probs, after = self._trie.find(nodes, self._aliases[tokens], self.order - 1)
        return log_probs.clamp(LOG_ZERO, 0.0), after

    def score(self, tokens: Sequence[int]) -> list[float]:
        """Returns the log probability of each token, and at last of EOS, after BOS."""
        depth = self.order - 1
        text = torch.tensor([PAD] * (depth - 1) + [BOS, *tokens, EOS], device=self._aliases.device)
        text, num = self._aliases[text], len(tokens) + 1
        wanted = text[-num:]
        # All places side by side, each after reading the order - 1 tokens before it.
        nodes = torch.full_like(wanted, ROOT)
        for begin in range(depth):
            _, nodes = self._trie.find(nodes, text[begin : begin + num], depth)
        log_probs, _ = self._trie.find(nodes, wanted, depth)
        never = (wanted == PAD) | (wanted == BOS)
        scores: list[float] = log_probs.masked_fill(never, LOG_ZERO).clamp(LOG_ZERO, 0.0).tolist()
        return scores

    def tables(self) -> list[NgramTable]:
        """Returns the n-grams of length 1, 2, ..., of which this model can be made again."""
        trie = Trie(*(tensor.cpu() for tensor in self._trie))
        tokens = (trie.unigram_nodes != ROOT).nonzero()  # (n,1)
        log_probs, begin = trie.unigrams[tokens[:, 0]], 1  # the first node of that length
        tables: list[NgramTable] = []
        for num, num_longer in zip(self.num_ngrams, [*self.num_ngrams[1:], 0], strict=True):
            backoffs = torch.zeros(num, dtype=torch.double)
            nodes = trie.backoffs[begin : begin + num]  # none of the highest order, unless it is 1
            backoffs[: len(nodes)] = nodes
            tables.append(
                NgramTable(tokens.int().numpy(), log_probs.double().numpy(), backoffs.numpy())
            )
            # Edges are numbered as nodes are, without the unigrams.
            first = begin + num - self.num_ngrams[0]
            log_probs = trie.log_probs[first : first + num_longer]
            keys = trie.keys[first : first + num_longer, None]  # (n,1)
            before = tokens[keys[:, 0] // self.vocab_size - begin]
            tokens = torch.cat([before, keys % self.vocab_size], dim=1)
            begin += num
        return tables

    def _next_log_probs(self, nodes: Tensor) -> Tensor:
        """Returns log probabilities (M,V) of what follows nodes (M,)."""
        trie, contexts = self._trie, []
        charged = torch.zeros(len(nodes), device=nodes.device)  # backoffs of longer contexts
        for _ in range(self.order - 1):
            contexts.append((nodes, charged))
            charged = charged + trie.backoffs[nodes]
            nodes = trie.suffixes[nodes]
        log_probs = trie.unigrams + charged[:, None]
        for nodes, charged in reversed(contexts):
            rows, edges = trie.edges(nodes)
            tokens = trie.keys[edges] % self.vocab_size
            log_probs[rows, tokens] = trie.log_probs[edges] + charged[rows]
        log_probs[:, self._unlisted] = log_probs[:, [UNK]]
        log_probs[:, [PAD, BOS]] = LOG_ZERO
        # A file's backoffs may lead above 0, and rounding too; search relies on at most 0.
        return log_probs.clamp(LOG_ZERO, 0.0)


def estimate(texts: Iterable[Sequence[int]], *, order: int, vocab_size: int) -> NgramModel:
    """Returns the model of texts, with interpolated modified Kneser-Ney discounting.

    Args:
        texts: tokens of each, without BOS and EOS; read once, and only n-grams are kept of them.
        order: longest n-grams, 1 to 10.
        vocab_size: number of tokens.

    Raises:
        ConfigError: the order is out of range.
        DataError: there is no text, or a token is none of the vocabulary.
    """
    tables, fallback_orders = estimate_tables(texts, order=order, vocab_size=vocab_size)
    return NgramModel(tables, vocab_size, fallback_orders=fallback_orders)


def read_arpa(path: Path, symbols: Sequence[str]) -> NgramModel:
    """Returns the model of an ARPA file, plain or gzip.

    Args:
        path: of the file; its words are symbols, and <unk> what the file's maker had for others.
        symbols: the word of each token, as `arpa_symbols` gives them.

    Raises:
        DataError: the file cannot be read, is no ARPA file, is cut short or inconsistent, or holds
            a word that is no token's.
    """
    return NgramModel(read_tables(path, symbols), len(symbols))


def to_arpa(model: NgramModel, symbols: Sequence[str]) -> Iterator[str]:
    """Yields the lines of a model's ARPA file, without line ends."""
    return format_arpa(model.tables(), symbols)


def write_arpa(path: Path, model: NgramModel, symbols: Sequence[str]) -> None:
    """Writes a model's ARPA file whole or not at all.

    Raises:
        ModelError: the file cannot be written; the one before is untouched.
    """
    with whole_file(path) as file:
        file.writelines(f"{line}\n".encode() for line in to_arpa(model, symbols))


def arpa_symbols(tokenizer: Tokenizer) -> list[str]:
    """Returns a word without whitespace for each token, all different.

    It is the token's label, except for BOS, <s>, and EOS, </s>; whitespace in it becomes its code
    point, as <U+3000>, and a word that another token has already becomes <token-17>.
    """
    symbols = ["<pad>", "<s>", "</s>", "<unk>"]  # PAD, BOS, EOS, UNK
    taken = {*symbols, "<UNK>"}
    for index in range(UNK + 1, tokenizer.vocab_size):
        label = tokenizer.token(index)
        word = "".join(f"<U+{ord(c):04X}>" if c.isspace() else c for c in label)
        if not word or word in taken:
            word = f"<token-{index}>"
        taken.add(word)
        symbols.append(word)
    return symbols
