"""N-grams in flat arrays, so that all hypotheses of a batch are looked up at once.

Each n-gram below the highest order is a node, the context of what may come after it; an edge leads
to each n-gram from the node of its tokens but the last. The suffix of a node is the node of the
longest end of its tokens that is one. Node 0 is no token at all. V tokens, N nodes, E edges:
n-grams of two tokens and more.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from asr.lm.arpa import LOG_ZERO, NgramTable

ROOT = 0


class Trie(NamedTuple):
    """The n-grams in flat arrays."""

    unigrams: Tensor  # (V,) log probabilities
    unigram_nodes: Tensor  # (V,), ROOT for a token that the model does not list
    keys: Tensor  # (1+E,) ascending: of each edge node * V + token; the first leads nowhere
    log_probs: Tensor  # (1+E,)
    targets: Tensor  # (1+E,), the n-gram's node; for the highest order, which has none, its suffix
    backoffs: Tensor  # (N,)
    suffixes: Tensor  # (N,)

    def find(self, nodes: Tensor, tokens: Tensor, depth: int) -> tuple[Tensor, Tensor]:
        """Returns log probabilities (...) of tokens (...) after nodes (...), and the nodes then.

        No node is more than `depth` suffixes away from the root.
        """
        log_probs, targets = self.unigrams[tokens], self.unigram_nodes[tokens]
        charged, unfound = torch.zeros_like(log_probs), torch.ones_like(tokens, dtype=torch.bool)
        for _ in range(depth):
            wanted = nodes * len(self.unigrams) + tokens
            edges = torch.searchsorted(self.keys, wanted.contiguous()).clamp(max=len(self.keys) - 1)
            found = unfound & (self.keys[edges] == wanted)
            log_probs = torch.where(found, self.log_probs[edges], log_probs)
            targets = torch.where(found, self.targets[edges], targets)
            unfound = unfound & ~found
            charged = torch.where(unfound, charged + self.backoffs[nodes], charged)
            nodes = self.suffixes[nodes]
        return log_probs + charged, targets

    def edges(self, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Returns all edges from nodes (M,), as two tensors: index in nodes, and edge."""
        first = torch.searchsorted(self.keys, nodes * len(self.unigrams))
        counts = torch.searchsorted(self.keys, (nodes + 1) * len(self.unigrams)) - first
        rows = torch.arange(len(nodes), device=nodes.device).repeat_interleave(counts)
        offset = first + counts - counts.cumsum(dim=0)
        return rows, offset[rows] + torch.arange(len(rows), device=nodes.device)


def build_trie(tables: Sequence[NgramTable], vocab_size: int) -> tuple[Trie, tuple[int, ...]]:
    """Returns the n-grams of length 1, 2, ... in flat arrays, and how many there are of each."""
    rows = [torch.from_numpy(table.tokens).long() for table in tables]
    num_unigrams = len(rows[0])
    trie = Trie(
        unigrams=torch.full((vocab_size,), LOG_ZERO),
        unigram_nodes=torch.full((vocab_size,), ROOT),
        keys=torch.tensor([-1]),
        log_probs=torch.zeros(1),
        targets=torch.tensor([ROOT]),
        backoffs=torch.cat([torch.zeros(1), torch.from_numpy(tables[0].backoffs).float()]),
        suffixes=torch.full((num_unigrams + 1,), ROOT),
    )
    trie.unigrams[rows[0][:, 0]] = torch.from_numpy(tables[0].log_probs).float()
    trie.unigram_nodes[rows[0][:, 0]] = torch.arange(1, num_unigrams + 1)
    nums = [num_unigrams]
    nodes = [trie.unigram_nodes[row[:, 0]] for row in rows]  # of what each n-gram begins with
    for index in range(1, len(tables)):
        # Longer n-grams count, too: the table may have left out what they begin with.
        keys = [
            node * vocab_size + row[:, index]
            for node, row in zip(nodes[index:], rows[index:], strict=True)
        ]
        level = torch.cat([key.unique_consecutive() for key in keys]).unique()
        nodes[index:] = [len(trie.backoffs) + torch.searchsorted(level, key) for key in keys]
        places = torch.searchsorted(level, keys[0])
        is_last = index == len(tables) - 1
        trie = _add_level(trie, tables[index], level=level, places=places, is_last=is_last)
        nums.append(len(level))
    return trie, tuple(nums)


def _add_level(
    trie: Trie, table: NgramTable, *, level: Tensor, places: Tensor, is_last: bool
) -> Trie:
    """Returns the arrays with the n-grams of one length more.

    Args:
        trie: of all shorter ones.
        table: of that length (N).
        level: (L,) ascending, the keys of all of that length, those too that the table leaves out.
        places: (N,), of the table's in the level.
        is_last: whether this is the highest order.
    """
    before, tokens = level // len(trie.unigrams), level % len(trie.unigrams)
    depth = table.tokens.shape[1] - 2
    log_probs, suffixes = trie.find(trie.suffixes[before], tokens, depth)
    log_probs += trie.backoffs[before]
    log_probs[places] = torch.from_numpy(table.log_probs).float()
    targets = suffixes if is_last else torch.arange(len(level)) + len(trie.backoffs)
    trie = trie._replace(
        keys=torch.cat([trie.keys, level]),
        log_probs=torch.cat([trie.log_probs, log_probs]),
        targets=torch.cat([trie.targets, targets]),
    )
    if is_last:
        return trie
    backoffs = torch.zeros(len(level))
    backoffs[places] = torch.from_numpy(table.backoffs).float()
    return trie._replace(
        backoffs=torch.cat([trie.backoffs, backoffs]),
        suffixes=torch.cat([trie.suffixes, suffixes]),
    )
