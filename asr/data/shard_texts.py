"""What a tokenizer learns from the texts of a corpus in shards, once, and kept with its index."""

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from asr.data.shard_index import ShardIndex
from asr.errors import ModelError
from asr.files import writing
from asr.text.normalizers import get_normalizer
from asr.text.tokenizer import Tokenizer, load_tokenizer, train_tokenizer

MOST_TEXTS = 1_000_000


def learn_tokenizer(
    index: ShardIndex, *, kind: str, vocab_size: int | None, normalizer: str
) -> Tokenizer:
    """Returns a tokenizer of the texts of a corpus in shards, as `train_tokenizer` does.

    Raises:
        ConfigError: as `train_tokenizer`.
        DataError: likewise.
    """
    rule = get_normalizer(normalizer)
    settings = [kind, vocab_size, rule.name, rule.version, MOST_TEXTS]
    name = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    folder = index.kept_in / f"tokenizer-{name}"
    try:
        return load_tokenizer(folder, kind=kind, normalizer=normalizer)
    except ModelError:  # there is none yet
        pass
    texts = texts_to_learn_from(index, rule.apply)
    tokenizer = train_tokenizer(texts, kind=kind, vocab_size=vocab_size, normalizer=normalizer)
    with contextlib.suppress(OSError, ModelError):  # another user's folder: learnt again next time
        _keep(tokenizer, folder)
    return tokenizer


def texts_to_learn_from(index: ShardIndex, normalize: Callable[[str], str]) -> Iterator[str]:
    """Yields normalised texts: all of them, or of very many an even part with all characters."""
    stride = -(-index.num_utterances // MOST_TEXTS)
    known: set[str] = set()
    for number, text in enumerate(map(normalize, index.texts())):
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
