"""Phrases that a search is told to expect: each token of one that it follows earns a reward.

A phrase begins where a word begins, and ends where one ends (in Hangul a particle may follow it).
The reward for a phrase that is broken off is taken back with the token that breaks it; one that is
spelt to its end keeps it. No token earns twice: of phrases that overlap, the one begun first
counts. So a hypothesis's score is its own, plus the reward for each token of the phrases that stand
in it whole. The place in the phrases is a state that goes in and out: a beam may be reordered.

All of it is two tables: for each place in the phrases (a node of their trie) and each token, the
next place and what is gained. A node's fallback is the longest end of its path, from a word's start
on, that is a path itself. Source: Aho and Corasick 1975, the automaton; Le et al. 2021 (arXiv
2104.02194), section 3.2, rewards taken back, as failure arcs. There sub-words match anywhere.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from asr.config import SearchConfig
from asr.errors import ConfigError
from asr.text.tokenizer import BOS, EOS, UNK, Tokenizer

START, INSIDE = 0, 1  # nodes: before a word's first token, and in a word of no phrase


class PhraseMemory(NamedTuple):
    """A row for each utterance, as search wants it; the phrases are everybody's."""

    rows: Tensor  # (B,)


class PhraseState(NamedTuple):
    """Where in the phrases a hypothesis stands."""

    node: Tensor  # (B,K)


class PhraseScorer:
    """What each next token gains by following phrases; no log probabilities, they may be above 0.

    Args:
        follows: (N,V) the node after each token.
        gains: (N,V) in natural logarithms.
    """

    def __init__(self, follows: Tensor, gains: Tensor) -> None:
        self.follows, self.gains = follows, gains

    def memory(self, num_rows: int) -> PhraseMemory:
        """Returns the memory of so many utterances."""
        return PhraseMemory(torch.zeros(num_rows, device=self.gains.device))

    def initial_state(self, memory: PhraseMemory, num_hypotheses: int) -> PhraseState:
        """Returns the state before BOS."""
        shape = (len(memory.rows), num_hypotheses)
        return PhraseState(torch.full(shape, START, device=memory.rows.device))

    def step(
        self, tokens: Tensor, memory: PhraseMemory, state: PhraseState
    ) -> tuple[Tensor, PhraseState]:
        """Returns gains (B,K,V) and the next state after tokens (B,K)."""
        node = torch.where(tokens == BOS, START, self.follows[state.node, tokens])
        return self.gains[node], PhraseState(node)


@dataclass
class _Node:
    """A place in the trie: what may follow, how deep it is, and what of it is already kept."""

    children: dict[int, int]
    depth: int = 0
    kept_depth: int = 0  # of a phrase that ended on the way here
    ends: bool = False  # a phrase ends here, if a word does
    ends_free: bool = False  # likewise, whether a word does or not
    fallback: int = INSIDE

    @property
    def owed(self) -> int:
        """Tokens whose reward is taken back if this is broken off."""
        return self.depth - self.kept_depth


class Phrases:
    """The scorers of a recognizer's phrases, each made once.

    Args:
        tokenizer: of the recognizer.
        device: of the scorers.
    """

    def __init__(self, tokenizer: Tokenizer, *, device: torch.device) -> None:
        self.tokenizer, self.device = tokenizer, device
        self._known: dict[tuple[object, ...], PhraseScorer] = {}

    def scorer(self, options: SearchConfig) -> PhraseScorer | None:
        """Returns the scorer of `search.hotwords`; None where there are none.

        Raises:
            ConfigError: a phrase cannot be written.
        """
        if not options.hotwords:
            return None
        key = (options.hotwords, options.hotword_reward)
        if key not in self._known:
            self._known[key] = phrase_scorer(
                self.tokenizer, options.hotwords, reward=options.hotword_reward, device=self.device
            )
        return self._known[key]


def phrase_scorer(
    tokenizer: Tokenizer, phrases: Sequence[str], *, reward: float, device: torch.device | str
) -> PhraseScorer:
    """Returns the scorer of phrases, one at least.

    Args:
        tokenizer: of the recognizer; its normaliser is applied to them.
        phrases: to expect.
        reward: for each token.
        device: of its tables.

    Raises:
        ConfigError: a phrase is empty, or holds what the recognizer has no token for.
    """
    nodes = [_Node({}), _Node({})]
    bounds = {t for t in range(UNK + 1, tokenizer.vocab_size) if tokenizer.begins_word(t)}
    for text, tokens in spell_phrases(tokenizer, phrases):
        _add(nodes, tokens, bounds, ends_free="가" <= text[-1] <= "힣")
    spaces = {t for t in bounds if not tokenizer.decode([t]).strip()}
    follows = torch.empty(len(nodes), tokenizer.vocab_size, dtype=torch.long)
    gains = torch.empty(follows.shape)
    is_bound = torch.zeros(tokenizer.vocab_size, dtype=torch.bool)
    is_bound[[*bounds, EOS]] = True
    _fill(nodes, follows, gains, spaces=spaces, is_bound=is_bound)
    return PhraseScorer(follows.to(device), (reward * gains).to(device))


def hotword_settings(phrases: Sequence[str]) -> list[str]:
    """Returns phrases as `search.key=value` overrides; none for no phrase."""
    return [f"search.hotwords={json.dumps(list(phrases))}"] if phrases else []


def split_hotwords(text: str) -> list[str]:
    """Returns the phrases of "one phrase; another"."""
    return [phrase.strip() for phrase in text.split(";") if phrase.strip()]


def spell_phrases(tokenizer: Tokenizer, phrases: Sequence[str]) -> list[tuple[str, list[int]]]:
    """Returns each phrase as the tokenizer's normaliser writes it, and its tokens.

    Raises:
        ConfigError: a phrase is empty, or holds what the recognizer has no token for.
    """
    spelt = []
    for phrase in phrases:
        text = " ".join(tokenizer.normalize(phrase).split())
        if not text:
            raise ConfigError(
                f'hotword "{phrase}": nothing is left of it after normaliser '
                f'"{tokenizer.normalizer}"; must hold a word (leave it out)'
            )
        tokens = tokenizer.encode(text)
        if UNK in tokens:
            strange = "".join(dict.fromkeys(c for c in text if tokenizer.count_unknown(c)))
            raise ConfigError(
                f'hotword "{phrase}": the recognizer has no token for "{strange}" and could never '
                "write it (spell it in the characters of its training text, or leave it out)"
            )
        spelt.append((text, tokens))
    return spelt


def _add(nodes: list[_Node], tokens: Sequence[int], bounds: set[int], *, ends_free: bool) -> None:
    """Adds the path of a phrase to the trie."""
    place = START
    for token in tokens:
        parent = nodes[place]
        if token not in parent.children:
            parent.children[token] = len(nodes)
            nodes.append(_Node({}, parent.depth + 1))
        place = parent.children[token]
    nodes[place].ends = True
    nodes[place].ends_free |= ends_free


def _fill(
    nodes: list[_Node],
    follows: Tensor,
    gains: Tensor,
    *,
    spaces: set[int],
    is_bound: Tensor,
) -> None:
    """Fills the tables (N,V), the shallow nodes before the deep ones."""
    follows[INSIDE] = INSIDE
    follows[INSIDE, list(spaces)] = START
    for token, child in nodes[START].children.items():
        if is_bound[token]:  # it begins a word itself
            follows[INSIDE, token] = child
    gains[INSIDE] = (follows[INSIDE] > INSIDE).float()
    waiting = [START]
    for place in waiting:
        node = nodes[place]
        follows[place] = follows[node.fallback]
        gains[place] = gains[node.fallback] - (node.owed - nodes[node.fallback].owed)
        keeps = is_bound & node.ends | node.ends_free  # then all begins anew
        follows[place, keeps], gains[place, keeps] = follows[INSIDE, keeps], gains[INSIDE, keeps]
        for token, child in node.children.items():
            if place != START:
                nodes[child].fallback = int(follows[place, token])
            nodes[child].kept_depth = node.depth if keeps[token] else node.kept_depth
            waiting.append(child)
        for token, child in node.children.items():
            follows[place, token], gains[place, token] = child, 1.0
