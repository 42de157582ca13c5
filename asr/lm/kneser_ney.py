"""Counting n-grams in a stream of texts, and modified Kneser-Ney discounting.

    p(w | h) = (c(h w) - D(c(h w))) / c(h) + spared(h) p(w | h without its first token)

    c(h w)     how often w follows h; below the highest order, after how many different tokens
    c(h)       the sum of it over all w
    D          the discount of a count of 1, of 2, and of 3 or more
    spared(h)  the share that the discounts took of c(h), so that p sums to 1

N distinct n-grams of the highest order are all that is kept of the texts, each packed into a few
64-bit words, its last token in the highest bits. Sorted so, dropping the first token leaves equal
(n-1)-grams beside each other: every lower order follows from the one above it without a search.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from asr.errors import ConfigError, DataError
from asr.lm.arpa import LOG_ZERO, NgramTable
from asr.text.tokenizer import BOS, EOS, PAD, UNK

HIGHEST_ORDER = 10
# Where counts of counts leave the discounts undefined; kenlm's --discount_fallback has the same.
FALLBACK_DISCOUNTS = (0.5, 1.0, 1.5)
CHUNK_TOKENS = 2**20  # counted at once
WORD_BITS = 63

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int32]
Item = TypeVar("Item")


class Level(NamedTuple):
    """The texts' n-grams of one length, counted, and sorted by their last token first."""

    rows: Rows  # (N,n) tokens
    counts: Ints  # (N,), how often; below the highest order, after how many different tokens
    lower: Ints  # (N,), place of the n-gram without its first token, one level below


class Discounted(NamedTuple):
    """A level's discounted shares, the first term of p(w | h), and what the discounts spared.

    Its n-grams are sorted by their first token first, which brings those of a context together.
    """

    places: Ints  # (N,), of each in the level
    contexts: Ints  # (N,), the number of its context h
    shares: Floats  # (N,) (c(h w) - D) / c(h)
    spared: Floats  # (contexts,) of each context, for the order below


class Counts(NamedTuple):
    """Distinct n-grams, packed, and how often each was seen."""

    words: Ints  # (W,N)
    counts: Ints  # (N,)


def estimate_tables(
    texts: Iterable[Sequence[int]], *, order: int, vocab_size: int
) -> tuple[list[NgramTable], tuple[int, ...]]:
    """Returns the n-grams of length 1 to order, and for which lengths discounts were undefined.

    Probabilities are interpolated with those of the order below, unigrams with the uniform
    distribution over all tokens but PAD and BOS. Lower orders count after how many different
    tokens an n-gram stands, except where it begins with BOS: nothing can stand before it.

    Args:
        texts: tokens of each, without BOS and EOS; read once.
        order: longest n-grams, 1 to 10.
        vocab_size: number of tokens.

    Raises:
        ConfigError: the order is out of range.
        DataError: there is no text, or a token is none of the vocabulary.

    Source: Chen and Goodman 1998 (TR-10-98), equations 24 to 26 and section 4.1.5.
    """
    if not 1 <= order <= HIGHEST_ORDER:
        raise ConfigError(f"order = {order}: must be 1 to {HIGHEST_ORDER}")
    tables: list[NgramTable] = []
    fallbacks = []
    probs = np.empty(0)  # of each n-gram of the level before, in its order
    for length, level in enumerate(count_levels(texts, order, vocab_size), start=1):
        discounts, is_fallback = choose_discounts(level.counts)
        if is_fallback:
            fallbacks.append(length)
        own = _discount(level, discounts, vocab_size)
        if length == 1:
            table, probs = _estimate_unigrams(level, own, vocab_size)
        else:
            tables[-1] = _add_backoffs(tables[-1], level.rows[own.places, :-1], own.spared)
            table, probs = _interpolate(level, own, probs)
        tables.append(table)
    return tables, tuple(fallbacks)


def choose_discounts(counts: Ints) -> tuple[tuple[float, float, float], bool]:
    """Returns what is taken off a count of 1, 2, and 3 or more, and whether it is the fallback.

    The formulas need n-grams with counts of 1, 2 and 3, and no discount may be 0 or more than its
    count; where that fails, as in tiny or artificial texts, it is `FALLBACK_DISCOUNTS` for all.

    Args:
        counts: (N,) of the distinct n-grams of one length.
    """
    ones, twos, threes, fours = (int((counts == count).sum()) for count in (1, 2, 3, 4))
    if not (ones and twos and threes):
        return FALLBACK_DISCOUNTS, True
    share = ones / (ones + 2 * twos)
    discounts = (
        1 - 2 * share * twos / ones,
        2 - 3 * share * threes / twos,
        3 - 4 * share * fours / threes,
    )
    if all(0 < discount <= count for count, discount in enumerate(discounts, start=1)):
        return discounts, False
    return FALLBACK_DISCOUNTS, True


def count_levels(texts: Iterable[Sequence[int]], order: int, vocab_size: int) -> list[Level]:
    """Returns the n-grams of length 1 to order.

    Raises:
        DataError: there is no text, or a token is none of the vocabulary.
    """
    bits = (vocab_size - 1).bit_length()
    windows = count_windows(texts, order, vocab_size)
    rows, counts = _unpack(windows.words, order, bits), windows.counts
    levels = []
    while True:
        # A window that begins with PAD is a shorter n-gram that begins with BOS.
        whole = rows[:, 0] != PAD
        numbers = _number_runs(rows[:, 1:])
        if rows.shape[1] == 1:
            levels.append(Level(rows, counts, numbers))
            return levels[::-1]
        first = np.flatnonzero(np.diff(numbers, prepend=-1))
        shorter = rows[first, 1:]
        kept = shorter[:, 0] != PAD
        lower = (np.cumsum(kept) - 1)[numbers]
        levels.append(Level(rows[whole], counts[whole], lower[whole]))
        is_begin = (shorter[:, 0] == PAD) | (shorter[:, 0] == BOS)
        counts = np.where(is_begin, counts[first], np.bincount(numbers))
        rows = shorter


def count_windows(texts: Iterable[Sequence[int]], order: int, vocab_size: int) -> Counts:
    """Returns for every token and EOS the window of `order` tokens that ends there, sorted.

    A window that reaches back over BOS holds PAD there.

    Raises:
        DataError: there is no text, or a token is none of the vocabulary.
    """
    bits = (vocab_size - 1).bit_length()
    merged, waiting, num_waiting, num_tokens = None, [], 0, 0
    for stream, num_texts in _streams(texts, order, vocab_size):
        num_tokens += len(stream) - num_texts * order
        ends = stream[order - 1 :] > BOS
        columns = [stream[at : at + len(ends)][ends] for at in reversed(range(order))]
        words = _pack(columns, bits)
        waiting.append(_merge([Counts(words, np.ones(words.shape[1], dtype=np.int64))]))
        num_waiting += waiting[-1].counts.size
        if merged is None or num_waiting >= merged.counts.size:
            merged = _merge(waiting if merged is None else [merged, *waiting])
            waiting, num_waiting = [], 0
    if merged is None or num_tokens == 0:
        raise DataError("the text holds no token; n-grams need at least one line of text")
    return _merge([merged, *waiting]) if waiting else merged


def _streams(
    texts: Iterable[Sequence[int]], order: int, vocab_size: int
) -> Iterator[tuple[Ints, int]]:
    """Yields texts one after the other, with what stands before and after each, and their number.

    Raises:
        DataError: a token is none of the vocabulary.
    """
    before = array("q", ([PAD] * (order - 1) + [BOS])[1:])
    stream, num_texts = array("q"), 0
    for number, text in enumerate(texts, start=1):
        stream.extend(before)
        stream.extend(text)
        if any(not UNK <= token < vocab_size for token in stream[len(stream) - len(text) :]):
            raise DataError(
                f"text {number}: holds a token outside {UNK} to {vocab_size - 1}; encode it with "
                "the tokenizer of the language model"
            )
        stream.append(EOS)
        num_texts += 1
        if len(stream) >= CHUNK_TOKENS:
            yield np.frombuffer(stream, dtype=np.int64), num_texts
            stream, num_texts = array("q"), 0
    if num_texts:
        yield np.frombuffer(stream, dtype=np.int64), num_texts


def _discount(level: Level, discounts: Sequence[float], vocab_size: int) -> Discounted:
    """Returns the first term of p(w | h) for each n-gram of a level, and what is spared."""
    words = _pack(list(level.rows.T.astype(np.int64)), (vocab_size - 1).bit_length())
    places = np.lexsort(words[::-1])
    counts = level.counts[places]
    contexts = _number_runs(level.rows[places, :-1])
    total = np.bincount(contexts, counts)
    discount = np.array([0.0, *discounts])[np.minimum(counts, 3)]
    spared = np.bincount(contexts, discount) / total
    return Discounted(places, contexts, (counts - discount) / total[contexts], spared)


def _estimate_unigrams(level: Level, own: Discounted, vocab_size: int) -> tuple[NgramTable, Floats]:
    """Returns all tokens but PAD as unigrams, and the probabilities (N,) of those in the level.

    What was spared is shared out evenly among all tokens but PAD and BOS, which never come.
    """
    probs = own.spared[0] * np.full(vocab_size, 1 / (vocab_size - 2))  # (V,)
    probs[level.rows[own.places, 0]] += own.shares
    log_probs = np.log(probs)
    log_probs[BOS] = LOG_ZERO
    tokens = np.delete(np.arange(vocab_size, dtype=np.int32), PAD)
    table = NgramTable(tokens[:, None], log_probs[tokens], np.zeros(len(tokens)))
    return table, probs[level.rows[:, 0]]


def _interpolate(level: Level, own: Discounted, lower: Floats) -> tuple[NgramTable, Floats]:
    """Returns a level's n-grams, and their probabilities (N,) in its order.

    They are p(w | h), from the probabilities of the level below, in the order of that.
    """
    probs = own.shares + own.spared[own.contexts] * lower[level.lower[own.places]]
    in_order = np.empty(len(probs))
    in_order[own.places] = probs
    return NgramTable(level.rows[own.places], np.log(probs), np.zeros(len(probs))), in_order


def _add_backoffs(table: NgramTable, contexts: Rows, spared: Floats) -> NgramTable:
    """Returns a table with the backoffs of those of its n-grams that were seen before a token.

    Args:
        table: of length n.
        contexts: (M,n), of all n-grams one longer, in the table's order.
        spared: (contexts,), of the different ones among them.
    """
    if contexts.shape[1] == 1:  # unigrams are listed unseen, too
        is_context = np.isin(table.tokens[:, 0], contexts[:, 0])
    else:  # whatever does not end a text goes on
        is_context = table.tokens[:, -1] != EOS
    backoffs = table.backoffs.copy()
    backoffs[is_context] = np.log(spared)
    return table._replace(backoffs=backoffs)


def _number_runs(rows: Rows) -> Ints:
    """Returns (N,) a number for each row (N,n), which grows by 1 where a row is not the last."""
    is_new = (rows[1:] != rows[:-1]).any(axis=1)
    return np.cumsum(np.append(np.zeros(min(1, len(rows)), dtype=np.int64), is_new))


def _pack(columns: Sequence[Ints], bits: int) -> Ints:
    """Returns words (W,N) that sort as n columns (N,) of so many bits do, the first before all."""
    words = []
    for batch in _batches(columns, WORD_BITS // bits):
        word = np.zeros_like(batch[0])
        for column in batch:
            word = word << bits | column
        words.append(word)
    return np.stack(words)


def _unpack(words: Ints, length: int, bits: int) -> Rows:
    """Returns rows (N,n) of what was packed as n columns, the last column first."""
    rows = np.empty((words.shape[1], length), dtype=np.int32)
    batches = _batches(range(length - 1, -1, -1), WORD_BITS // bits)
    for word, batch in zip(words, batches, strict=True):
        for place, column in enumerate(reversed(batch)):
            rows[:, column] = word >> (place * bits) & (1 << bits) - 1
    return rows


def _batches(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    return [items[at : at + size] for at in range(0, len(items), size)]


def _merge(parts: Sequence[Counts]) -> Counts:
    """Returns the distinct n-grams of all parts, sorted, with their counts added."""
    words = np.concatenate([part.words for part in parts], axis=1)
    counts = np.concatenate([part.counts for part in parts])
    order = np.lexsort(words[::-1])
    words, counts = words[:, order], counts[order]
    first = np.flatnonzero(np.append(True, (words[:, 1:] != words[:, :-1]).any(axis=0)))
    return Counts(words[:, first], np.add.reduceat(counts, first))
