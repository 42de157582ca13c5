"""What a tokenizer learns from the texts of a corpus in shards, once, and kept with its index."""

import contextlib
import hashlib
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from asr.data.shard_index import ShardIndex
from asr.errors import ModelError
from asr.files import writing
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import Tokenizer, load_tokenizer, train_tokenizer

MOST_TEXTS = 1_000_000


def learn_tokenizer(
    indexes: Sequence[ShardIndex], *, kind: str, vocab_size: int | None, normalizer: str
) -> Tokenizer:
    """Returns a tokenizer of the texts of corpora in shards, as `train_tokenizer` does.

    Args:
        indexes: of the shards; it is kept with the first.
        kind: as in `train_tokenizer`.
        vocab_size: likewise.
        normalizer: likewise.

    Raises:
        ConfigError: as `train_tokenizer`.
        DataError: likewise.
    """
    rule = get_normalizer(normalizer)
    others = [index.digest for index in indexes[1:]]
    settings = [kind, vocab_size, rule.name, rule.version, MOST_TEXTS, *others]
    name = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    folder = indexes[0].kept_in / f"tokenizer-{name}"
    try:
        return load_tokenizer(folder, kind=kind, normalizer=normalizer)
    except ModelError:  # there is none yet
        pass
    texts = texts_to_learn_from(indexes, rule.apply)
    tokenizer = train_tokenizer(texts, kind=kind, vocab_size=vocab_size, normalizer=normalizer)
    with contextlib.suppress(OSError, ModelError):  # another user's folder: learnt again next time
        _keep(tokenizer, folder)
    return tokenizer


def texts_to_learn_from(
    indexes: Sequence[ShardIndex], normalize: Callable[[str], str]
) -> Iterator[str]:
    """Yields normalised texts: all of them, or of very many an even part with all characters."""
    stride = -(-sum(index.num_utterances for index in indexes) // MOST_TEXTS)
    known: set[str] = set()
    texts = itertools.chain.from_iterable(index.texts() for index in indexes)
    for number, text in enumerate(map(normalize, texts)):
        if number % stride == 0 or not known.issuperset(text):
            known.update(text)
            yield text


def _keep(tokenizer: Tokenizer, folder: Path) -> None:
    with writing(folder):
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.parent))
    try:
        tokenizer.save(unfinished)
        unfinished.chmod(0o755)
        unfinished.replace(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
