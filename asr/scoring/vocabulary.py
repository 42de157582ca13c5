"""The words of a training text, and what becomes of words that are not among them."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from asr.errors import ConfigError, DataError
from asr.scoring.alignment import split_words
from asr.scoring.formats import CSV, FORMATS, KALDI, TSV, find_format, format_by_suffix
from asr.scoring.lines import Line, read_lines
from asr.scoring.pairs import read_text_file
from asr.scoring.places import ReferenceWords
from asr.scoring.tables import is_heading
from asr.text.normalizers import NORMALIZERS, Normalizer

PLAIN, CUTS = "plain", "cuts"
KNOWN = (CUTS, PLAIN, *FORMATS)


class Vocabulary(NamedTuple):
    """The words of a training text.

    Attributes:
        path: of the text.
        said: how it was read, a sentence.
        words: normalised.
    """

    path: Path
    said: str
    words: frozenset[str]


class Unseen(NamedTuple):
    """Words of the references that the training text lacks.

    Attributes:
        num_words: of the references in all.
        num_unseen: of these, those that training lacks.
        num_different: how many different ones.
        num_right: how many of them were recognised.
    """

    num_words: int
    num_unseen: int
    num_different: int
    num_right: int


def unseen_words(found: ReferenceWords, vocabulary: Vocabulary) -> Unseen:
    """Returns how many words of the references a training text lacks."""
    rows = [row for row, word in enumerate(found.words) if word not in vocabulary.words]
    return Unseen(
        num_words=len(found.words),
        num_unseen=len(rows),
        num_different=len({found.words[row] for row in rows}),
        num_right=sum(not found.kinds[row] for row in rows),
    )


def read_vocabulary(
    path: Path,
    rule: Normalizer,
    *,
    earlier: str | None = None,
    format_name: str | None = None,
) -> Vocabulary:
    """Returns the words of a training text, normalised.

    It may be a manifest of cuts, a file of transcripts in any format of `pairs.py`, or plain text
    with a sentence a line. Lines that begin with words which differ, and look like ids, are Kaldi
    text; else what shows no format is plain.

    Args:
        path: of the text.
        rule: what the references went through when they were scored.
        earlier: name and version of what they went through before; None: nothing is known.
        format_name: one of `KNOWN`; None: found out.

    Raises:
        ConfigError: the name of the format is unknown.
        DataError: the file cannot be read, breaks its format, or holds no word.
    """
    if format_name is not None and format_name not in KNOWN:
        raise ConfigError(f'--against-format "{format_name}": unknown; known: {", ".join(KNOWN)}')
    path = Path(path)
    try:
        title, texts = _read(path, format_name)
    except DataError as error:
        raise DataError(str(error).replace("--format", "--against-format")) from None
    before, said = _earlier_rule(earlier)
    words = frozenset(word for text in texts for word in split_words(rule.apply(before(text))))
    if not words:
        raise DataError(
            f"{path}: {title}, holds no word; must hold the text that the recognizer was trained on"
        )
    return Vocabulary(path, f"{path.name}: {title}{said}; different words: {len(words):,}", words)


def _earlier_rule(name: str | None) -> tuple[Callable[[str], str], str]:
    """Returns what the references went through when they were decoded, and what is said of it."""
    known = {f"{rule.name} {rule.version}": rule for rule in NORMALIZERS.values()}
    if name is None or name.startswith("none "):
        return str, ""
    if name in known:
        return known[name].apply, f", through normalizer {name} as the references"
    return str, f", not through normalizer {name} as the references, which is not known here"


def _read(path: Path, format_name: str | None) -> tuple[str, Iterable[str]]:
    """Returns what a file was read as, and its texts."""
    from asr.data.manifest import cut_text, read_cuts  # lhotse and torch take seconds

    if format_name == CUTS or (format_name is None and _is_manifest(path)):
        texts = (cut_text(cut, lambda text: text) for cut in read_cuts(path))
        return "read as a manifest of cuts", texts
    format_name = format_name or _find(path)
    if format_name == PLAIN:
        lines = (line.text for line in read_lines(path))
        return "read as plain text, a sentence a line", lines
    file = read_text_file(path, field="reference", format_name=format_name)
    said = file.said[0].removeprefix(f"{path.name}: ")
    return said, file.texts.values()


def _find(path: Path) -> str | None:
    """Returns the format of a file that may be plain text; None: `pairs.py` finds it."""
    if path.is_dir() or format_by_suffix(path):
        return None
    lines = list(read_lines(path))
    name = find_format(path, lines)
    if name in (CSV, TSV) and not _has_heading(lines[0]):
        return PLAIN  # sentences with as many commas each
    if name not in (KALDI, None) or (name is None and all(map(_ends_in_bracket, lines))):
        return None
    return KALDI if _begin_with_ids(lines) else PLAIN


def _has_heading(line: Line) -> bool:
    return any(is_heading(line.text.split(mark), "reference") for mark in ",;|\t")


def _ends_in_bracket(line: Line) -> bool:
    return line.text.endswith(")")


def _is_manifest(path: Path) -> bool:
    """Returns whether a file is packed by gzip, as no text may be, or its first line is a cut."""
    from asr.data.json_lines import GZIP_START

    if path.is_dir() or not path.is_file():
        return False
    with open(path, "rb") as file:
        start = file.readline(1 << 20)
    if start.startswith(GZIP_START):
        return True
    try:
        values = json.loads(start)
    except (ValueError, RecursionError):
        return False
    return isinstance(values, dict) and ("supervisions" in values or "tracks" in values)


def _begin_with_ids(lines: list[Line]) -> bool:
    names = [line.text.split(maxsplit=1)[0] for line in lines]
    look_so = all(any(mark.isdigit() or mark in "-_" for mark in name) for name in names)
    return bool(names) and look_so and len(set(names)) == len(names)
