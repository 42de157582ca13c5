r"""An n-gram model over words, beside a recognizer of characters or jamo.

The recognizer writes tokens, and a word begins and ends at a space. What the n-gram model lists may
be shorter than that, as the morphemes of the Zeroth-Korean corpus are: then a word is read as
pieces, one after the other, in the way that the model finds likeliest.

    tokens      ㄱ ㅏ ㄴ ㅏ ㄷ ㅏ  space      log p(가) + log p(나다 | 가) is charged at the space,
    pieces      [가] [나다]                    or at EOS; the tokens before it cost nothing

So fusion hears of a word when it is whole, and rescoring (`search.rescore`) loses nothing by that.
A word that no pieces make up costs the model's <unk> once a token. Ways to cut a word into pieces
are followed side by side, at most `MOST_WAYS`, the likeliest so far; which is exact where there
are no more. Shapes: B utterances, K hypotheses, W ways.
"""

import copy
import math
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from asr.errors import ModelError
from asr.lm.arpa import LOG_ZERO, list_words
from asr.lm.ngram import LMMemory, NgramModel, read_arpa
from asr.lm.trie import ROOT
from asr.text.normalizers import NORMALIZERS
from asr.text.tokenizer import BOS, EOS, PAD, UNK, CharacterTokenizer, Tokenizer

MOST_WAYS = 8
SPECIAL_WORDS = ("<pad>", "<s>", "</s>", "<unk>")  # PAD, BOS, EOS, UNK
BEGIN, NOWHERE = 0, 1  # places in a lexicon: nothing was read, and what is no beginning of a piece


class Lexicon(NamedTuple):
    """All pieces as a tree of their tokens, in flat arrays.

    A place is what was read of a piece so far; an edge leads from one to the next by a token.
    P places, V tokens, E edges.
    """

    keys: Tensor  # (E,) ascending: place * V + token
    targets: Tensor  # (E,) the place that it leads to
    pieces: Tensor  # (P,) the n-gram model's number of the piece that ends there, or -1
    vocab_size: int

    def follow(self, places: Tensor, tokens: Tensor) -> Tensor:
        """Returns the places (...) that tokens (...) lead to from places (...)."""
        wanted = places * self.vocab_size + tokens
        edges = torch.searchsorted(self.keys, wanted.contiguous()).clamp(max=len(self.keys) - 1)
        return torch.where(self.keys[edges] == wanted, self.targets[edges], NOWHERE)


class WordState(NamedTuple):
    """What is known of each hypothesis's last word, which may go on."""

    before: Tensor  # (B,K) node of the n-grams before it
    num_tokens: Tensor  # (B,K) of it
    nodes: Tensor  # (B,K,W) node of the n-grams before the last piece of each way
    places: Tensor  # (B,K,W) of that piece in the lexicon
    scores: Tensor  # (B,K,W) log probability of the pieces before it; -inf where there is no way


class WordNgram:
    """A scorer of search: zero inside a word, and the word's log probability where it ends.

    Args:
        model: over pieces.
        spellings: the tokens of each piece of the model; an empty one is never found.
        space: the token between words.
        vocab_size: number of tokens of the recognizer (V).

    Attributes:
        notice: how many of the model's words the recognizer can spell, for people.
    """

    def __init__(
        self, model: NgramModel, spellings: Sequence[Sequence[int]], *, space: int, vocab_size: int
    ) -> None:
        self.model, self.space, self.vocab_size = model, space, vocab_size
        self.lexicon = _build_lexicon(spellings, vocab_size)
        self.notice = ""

    def to(self, device: torch.device | str) -> Self:
        """Returns the same model with its arrays on a device."""
        moved = copy.copy(self)
        moved.model = self.model.to(device)
        keys, targets, pieces, vocab_size = self.lexicon
        moved.lexicon = Lexicon(keys.to(device), targets.to(device), pieces.to(device), vocab_size)
        return moved

    def initial_state(self, memory: LMMemory, num_hypotheses: int) -> WordState:
        """Returns the state before BOS."""
        shape, device = (memory.rows.size(0), num_hypotheses), memory.rows.device
        return _begin_words(torch.full(shape, ROOT, device=device))

    def step(self, tokens: Tensor, memory: LMMemory, state: WordState) -> tuple[Tensor, WordState]:
        """Returns log probabilities (B,K,V) of what follows tokens (B,K), and the next state."""
        state = self._read(tokens, state)
        word, nodes = self._end_words(state)  # (B,K), (B,K)
        end, _ = self.model.read(nodes, torch.full_like(nodes, EOS))
        log_probs = word.new_zeros(*tokens.shape, self.vocab_size)
        log_probs[..., self.space] = word
        log_probs[..., EOS] = word + end
        log_probs[..., [PAD, BOS]] = LOG_ZERO
        return log_probs.clamp(LOG_ZERO, 0.0), state

    def _read(self, tokens: Tensor, state: WordState) -> WordState:
        """Returns the state after tokens (B,K): a word more, or a word grown."""
        _, begun = self.model.read(state.before, tokens.new_full(tokens.shape, BOS))
        _, closed = self._end_words(state)
        fresh = _begin_words(torch.where(tokens == BOS, begun, closed))
        grown = self._extend_words(tokens, state)
        is_fresh = (tokens == BOS) | (tokens == self.space)
        return WordState(
            *(
                torch.where(is_fresh.view(is_fresh.shape + (1,) * (new.dim() - 2)), new, old)
                for new, old in zip(fresh, grown, strict=True)
            )
        )

    def _extend_words(self, tokens: Tensor, state: WordState) -> WordState:
        """Returns the state after tokens (B,K) that go on with the word.

        Each way goes on with its piece, or where that is one, ends it and begins another.
        """
        tokens = tokens[..., None].expand_as(state.places)
        scores, after = self._end_pieces(state)
        places = torch.cat(
            [
                self.lexicon.follow(state.places, tokens),
                self.lexicon.follow(torch.full_like(tokens, BEGIN), tokens),
            ],
            dim=-1,
        )  # (B,K,2W)
        nodes = torch.cat([state.nodes, after], dim=-1)
        scores = torch.cat([state.scores, scores], dim=-1)
        scores = scores.masked_fill(places == NOWHERE, -math.inf)
        scores, best = scores.topk(MOST_WAYS, dim=-1)
        return WordState(
            before=state.before,
            num_tokens=state.num_tokens + 1,
            nodes=nodes.gather(-1, best),
            places=places.gather(-1, best),
            scores=scores,
        )

    def _end_pieces(self, state: WordState) -> tuple[Tensor, Tensor]:
        """Returns the scores (B,K,W) of ways whose last piece ends here, and the nodes then."""
        pieces = self.lexicon.pieces[state.places]
        log_probs, nodes = self.model.read(state.nodes, pieces.clamp(min=PAD))
        return (state.scores + log_probs).masked_fill(pieces < 0, -math.inf), nodes

    def _end_words(self, state: WordState) -> tuple[Tensor, Tensor]:
        """Returns the log probability (B,K) of the last word if it ends here, and the node then."""
        scores, nodes = self._end_pieces(state)
        best, way = scores.max(dim=-1)
        node = nodes.gather(-1, way[..., None])[..., 0]
        unknown, unknown_node = self.model.read(state.before, torch.full_like(state.before, UNK))
        is_unknown = best.isneginf()
        log_probs = torch.where(is_unknown, unknown * state.num_tokens, best)
        node = torch.where(is_unknown, unknown_node, node)
        is_empty = state.num_tokens == 0  # a space after a space
        return log_probs.masked_fill(is_empty, 0.0), torch.where(is_empty, state.before, node)


def is_over_words(path: Path) -> bool:
    """Returns whether an ARPA file is over words, and not over tokens of a recognizer.

    Most words have two characters and more; characters and jamo have one, and of sentencepieces
    many begin with ▁.

    Raises:
        DataError: the file cannot be read.
    """
    words = [unicodedata.normalize("NFC", word) for word in list_words(path)]
    num_long = sum(len(word) > 1 and not word.startswith("<") for word in words)
    words = [word for word in words if not _is_special(word)]
    return 2 * num_long > len(words) and not any(word.startswith("▁") for word in words)


def read_word_ngram(path: Path, tokenizer: Tokenizer) -> WordNgram:
    """Returns the model of an ARPA file over words, plain or gzip.

    Args:
        path: of the file; its words go through the recognizer's normaliser, and those with
            characters that the tokenizer does not know are never found.
        tokenizer: the recognizer's.

    Raises:
        ModelError: the recognizer's tokens are neither characters nor jamo, or lack the space, or
            spell none of the words, as those in capitals.
        DataError: the file cannot be read or is no ARPA file.
    """
    if not isinstance(tokenizer, CharacterTokenizer):
        raise ModelError(
            f"{path}: is over words, and the recognizer's tokens are {tokenizer.kind}; only char "
            "and jamo spell each word in one way (give an n-gram model over the recognizer's "
            "tokens, as asr train-lm makes it)"
        )
    space = tokenizer.encode(" ")[0]
    if space == UNK:
        raise ModelError(
            f"{path}: is over words, and the recognizer knows no space, so it never ends one (give "
            "an n-gram model over the recognizer's tokens, as asr train-lm makes it)"
        )
    words = list(dict.fromkeys(word for word in list_words(path) if not _is_special(word)))
    known = [_spell(tokenizer.normalize(word), tokenizer) for word in words]
    model = read_arpa(path, [*SPECIAL_WORDS, *words])
    unspelt = [word for word, spelling in zip(words, known, strict=True) if not spelling]
    if words and len(unspelt) == len(words):
        raise _nothing_spelt(path, words, tokenizer)
    found = WordNgram(
        model, [*([] for _ in SPECIAL_WORDS), *known], space=space, vocab_size=tokenizer.vocab_size
    )
    found.notice = _count_spelt(len(words), unspelt)
    return found


def _spell(text: str, tokenizer: Tokenizer) -> list[int]:
    """Returns the tokens of a word, none where one is unknown or the space."""
    spelling = tokenizer.encode(text)
    return [] if UNK in spelling or tokenizer.encode(" ")[0] in spelling else spelling


def _count_spelt(num_words: int, unspelt: Sequence[str]) -> str:
    """Returns how many words can be spelt, with a warning where they are fewer than half."""
    count = f"{num_words - len(unspelt):,} of its {num_words:,} words can be spelt"
    if 2 * len(unspelt) <= num_words:
        return count
    shown = ", ".join(f'"{word}"' for word in unspelt[:3])
    return (
        f"warning: only {count} in the recognizer's tokens, and the others, as {shown}, cost what "
        "an unknown word does (is it of the recognizer's language, case and normalizer?)"
    )


def _nothing_spelt(path: Path, words: Sequence[str], tokenizer: Tokenizer) -> ModelError:
    """Returns the error of a model none of whose words can be spelt, and what would spell some."""
    other: dict[str, Callable[[str], str]] = {"small letters": str.lower, "capitals": str.upper}
    other |= {f"what normalizer {rule.name} makes": rule.apply for rule in NORMALIZERS.values()}
    hints = (
        (word, f'in {name} it could be, as "{change(word)}"')
        for name, change in other.items()
        for word in words[:1000]
        if _spell(tokenizer.normalize(change(word)), tokenizer)
    )
    example, hint = next(hints, (words[0], "is it of the recognizer's language and script?"))
    return ModelError(
        f"{path}: none of its {len(words):,} words can be spelt with the recognizer's tokens, as "
        f'"{example}": {hint} (make the model again from text that went through normalizer '
        f"{tokenizer.normalizer}, in the case of the recognizer's training text)"
    )


def _is_special(word: str) -> bool:
    return word in SPECIAL_WORDS or word == "<UNK>"


def _begin_words(before: Tensor) -> WordState:
    """Returns the state in which a word begins after nodes (B,K): one way, with nothing read."""
    nodes = before[..., None].expand(*before.shape, MOST_WAYS)
    scores = torch.full(nodes.shape, -math.inf, device=before.device)
    scores[..., 0] = 0.0
    return WordState(
        before=before,
        num_tokens=torch.zeros_like(before),
        nodes=nodes,
        places=torch.full_like(nodes, BEGIN),
        scores=scores,
    )


def _build_lexicon(spellings: Sequence[Sequence[int]], vocab_size: int) -> Lexicon:
    """Returns the tree of pieces by their spellings; of two alike the first counts."""
    edges: dict[int, int] = {}
    pieces = [-1, -1]  # of BEGIN and NOWHERE
    for piece, spelling in enumerate(spellings):
        place = BEGIN
        for token in spelling:
            key = place * vocab_size + token
            if key not in edges:
                edges[key] = len(pieces)
                pieces.append(-1)
            place = edges[key]
        if spelling and pieces[place] < 0:
            pieces[place] = piece
    keys, order = torch.tensor([-1, *edges]).sort()
    targets = torch.tensor([NOWHERE, *edges.values()])[order]
    return Lexicon(keys, targets, torch.tensor(pieces), vocab_size)
