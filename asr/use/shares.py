"""What each process of torchrun has decoded, kept until all have: only what is missing comes anew.

A share is a file beside `hyp.jsonl`: a line with the key of the decoding, then its hypotheses.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from asr.config import SearchConfig
from asr.data.manifest import Cut
from asr.files import write_file, writing
from asr.machine.ranks import own_rank

PATTERN = "hyp.part-*-of-*.jsonl"


def decoding_key(
    digests: Sequence[str], cuts: Iterable[Cut], options: SearchConfig, *, words: bool
) -> str:
    """Returns what names a decoding: shares of one key fit together.

    Args:
        digests: hashes of the models.
        cuts: all of the manifest, in its order.
        options: of the search.
        words: whether lines hold words.
    """
    told: list[Any] = [*digests, options.model_dump(mode="json"), words, own_rank()[1]]
    digest = hashlib.sha256(json.dumps(told).encode())
    for cut in cuts:
        digest.update(json.dumps(cut.to_dict(), default=str, sort_keys=True).encode())
    return digest.hexdigest()


def share_path(folder: Path) -> Path:
    """Returns where this process keeps its share."""
    rank, size = own_rank()
    return folder / f"hyp.part-{rank}-of-{size}.jsonl"


def read_share(path: Path, key: str) -> dict[str, dict[str, object]] | None:
    """Returns the lines of a share by id; None where there is none of this decoding, whole."""
    try:
        head, *rows = [
            json.loads(line) for line in path.read_text("utf-8").rstrip("\n").split("\n")
        ]
        if head != {"decoding": key, "lines": len(rows)}:
            return None
        if any("error" in row for row in rows):  # audio that may be there now
            return None
        return {row["id"]: row for row in rows}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_share(path: Path, key: str, lines: dict[str, dict[str, object]]) -> None:
    """Writes a share.

    Raises:
        ModelError: it cannot be written.
    """
    rows = [{"decoding": key, "lines": len(lines)}, *lines.values()]
    write_file(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def remove_shares(folder: Path) -> None:
    """Removes all shares: `hyp.jsonl` holds them now.

    Raises:
        ModelError: one cannot be removed.
    """
    for path in folder.glob(PATTERN):
        with writing(path):
            path.unlink(missing_ok=True)
