r"""ARPA files: n-gram language models as text, with a word for each token.

    \data\
    ngram 1=4
    ngram 2=3

    \1-grams:
    -99     <s>     -0.3      log10 probability, words, log10 backoff (none of the longest; when
                              reading, 0 where it is left out)
    -0.9    </s>
    ...

    \end\

Tables hold natural logarithms; numbers of lines and lengths of n-grams begin at 1.
"""

import codecs
import collections
import contextlib
import gzip
import itertools
import math
import re
import zlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from asr.errors import DataError
from asr.text.tokenizer import BOS, EOS, PAD, UNK

# Stands for log 0, as in search's other scorers, where infinities would cancel into NaN.
LOG_ZERO = -1e4
LOG_10 = math.log(10)
_NEVER_LOG10 = -99.0  # what ARPA files write for a word that is never foretold: <s>
_OTHER_MODELS = {
    b"mmap lm http://kheafield.com/code": "a binary of KenLM",
    b"blmt": "a binary of IRSTLM",
    b"iARPA": "an iARPA file of IRSTLM, whose numbers are not final (compile-lm --text=yes)",
    b"\xd6\xfd\xb2\x7e": "a transducer of OpenFst",
    b"BZh": "packed with bzip2",
    b"\xfd7zXZ": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"PK\x03\x04": "a zip archive",
}
_COUNT = re.compile(rb"ngram\s+(\d{1,18})\s*=\s*(\d{1,18})\s*")


class NgramTable(NamedTuple):
    """A model's n-grams of one length, sorted by their tokens, the first token first."""

    tokens: npt.NDArray[np.int32]  # (N,n)
    log_probs: npt.NDArray[np.float64]  # (N,), natural, of the last token after the others
    backoffs: npt.NDArray[np.float64]  # (N,), natural, charged where the n-gram has no such child


def format_arpa(tables: Sequence[NgramTable], symbols: Sequence[str]) -> Iterator[str]:
    """Yields the lines of an ARPA file, without line ends.

    Args:
        tables: the n-grams of length 1, 2, ...
        symbols: the word of each token.
    """
    yield "\\data\\"
    for length, table in enumerate(tables, start=1):
        yield f"ngram {length}={len(table.tokens)}"
    for length, table in enumerate(tables, start=1):
        yield from ("", f"\\{length}-grams:")
        columns = (table.tokens, table.log_probs / LOG_10, table.backoffs / LOG_10)
        for tokens, log_prob, backoff in zip(*(column.tolist() for column in columns), strict=True):
            words = " ".join([symbols[token] for token in tokens])
            number = _NEVER_LOG10 if tokens == [BOS] else log_prob
            # A backoff of 0 too: pyctcdecode takes a word that has none for an unknown one.
            last = f"\t{backoff:.7g}" if length < len(tables) or backoff else ""
            yield f"{number:.7g}\t{words}{last}"
    yield from ("", "\\end\\")


def read_tables(path: Path, symbols: Sequence[str]) -> list[NgramTable]:
    r"""Returns the n-grams of length 1, 2, ... in an ARPA file, plain or gzip.

    Args:
        path: of the file; text before its `\data\` is skipped.
        symbols: the word of each token; <UNK> is read as <unk>.

    Raises:
        DataError: the file cannot be read, is no ARPA file, is cut short or inconsistent, or holds
            a word that is no token's.
    """
    return _Reader(Path(path), symbols).read()


def list_words(path: Path) -> list[str]:
    """Returns the words of an ARPA file's 1-grams, in their order, as far as it has such a section.

    Raises:
        DataError: the file cannot be read.
    """
    words: list[str] = []
    with _open_lines(path) as lines:
        for line in itertools.dropwhile(lambda line: line.strip() != b"\\1-grams:", lines):
            if line.startswith(b"\\"):
                if words:
                    break
                continue
            words += [word.decode(errors="replace") for word in line.split()[1:2]]
    return words


def check_arpa(path: Path) -> None:
    r"""Refuses a file, plain or gzip, that has no line `\data\`, whatever its name.

    Raises:
        DataError: it is not an ARPA file, or cannot be read.
    """
    with _open_lines(path) as lines:
        if not any(map(_begins_data, lines)):
            raise _not_arpa(path)


def _begins_data(line: bytes) -> bool:
    return line.removeprefix(codecs.BOM_UTF8).strip() == b"\\data\\"


def _not_arpa(path: Path) -> DataError:
    return DataError(
        f"{path}: is not an ARPA file (it has no line \\data\\); give an n-gram model in ARPA "
        "format"
    )


@contextlib.contextmanager
def _open_lines(path: Path) -> Iterator[Iterable[bytes]]:
    """Yields the lines of a file, plain or gzip; says what goes wrong or what other kind it is."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        zipped = start.startswith(b"\x1f\x8b")
        with gzip.open(path) if zipped else path.open("rb") as lines:
            for mark, kind in _OTHER_MODELS.items():
                if lines.peek(64).startswith(mark):
                    raise DataError(f"{path}: is {kind}; give the n-gram model as an ARPA file")
            yield lines
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{path}: cannot be read as an ARPA file ({error}); copy or make it again"
        ) from None


class _Reader:
    """One reading of one file, a line at a time; `number` is the line that it is at."""

    def __init__(self, path: Path, symbols: Sequence[str]) -> None:
        self.path, self.symbols, self.number = path, symbols, 0
        self.lines: Iterator[bytes] = iter(())
        self.words = {symbol.encode(): token for token, symbol in enumerate(symbols)}
        assert len(self.words) == len(symbols)
        del self.words[symbols[PAD].encode()]
        self.words.setdefault(b"<UNK>", UNK)

    def read(self) -> list[NgramTable]:
        """Returns the file's n-grams of length 1, 2, ..."""
        with _open_lines(self.path) as lines:
            self.lines = self._numbered(lines)
            tables = self._read_tables()
            collections.deque(lines, maxlen=0)  # to the end, where a packed file's checksum is
            return tables

    def _numbered(self, file: Iterable[bytes]) -> Iterator[bytes]:
        for line in file:
            self.number += 1
            yield line

    def _read_tables(self) -> list[NgramTable]:
        """Returns all sections, each checked against the header and the words of the first."""
        counts, line = self._read_counts()
        tables: list[NgramTable] = []
        listed: dict[bytes, int] = {}
        for length, count in enumerate(counts, start=1):
            self._expect_marker(f"\\{length}-grams:", line)
            table, line = self._read_section(length, self.words if length == 1 else listed)
            if len(table.tokens) != count:
                raise self._error(
                    f"here end {len(table.tokens)} {length}-grams, but the header of the file says "
                    f"{count}; copy or make it again"
                )
            tables.append(table)
            if length == 1:
                own = set(table.tokens[:, 0].tolist())
                listed = {word: token for word, token in self.words.items() if token in own}
        self._expect_marker("\\end\\", line)
        return tables

    def _read_counts(self) -> tuple[list[int], bytes]:
        """Returns the numbers of n-grams that the header says, and the line behind it."""
        for line in self.lines:
            if _begins_data(line):
                break
        else:
            raise _not_arpa(self.path)
        counts: list[int] = []
        for line in self.lines:
            match = _COUNT.fullmatch(line)
            if match and int(match[1]) == len(counts) + 1:
                counts.append(int(match[2]))
            elif line.startswith(b"\\") and counts:
                return counts, line
            elif line.strip():
                raise self._bad_line(line, f"ngram {len(counts) + 1}=COUNT, of at most 18 digits")
        raise self._cut_short("\\1-grams:")

    def _read_section(self, length: int, words: Mapping[bytes, int]) -> tuple[NgramTable, bytes]:
        """Returns the n-grams of one length, of these words, and the line behind them."""
        tokens, log_probs, backoffs = array("i"), array("d"), array("d")
        where = f"{self.path} line {self.number}"
        for line in self.lines:
            fields = line.split()
            if not fields:
                continue
            if len(fields) == 1 and line.startswith(b"\\"):
                break
            try:
                log_prob = float(fields[0])
                backoff = float(fields[length + 1]) if len(fields) > length + 1 else 0.0
                row = [words[word] for word in fields[1 : length + 1]]
            except (ValueError, KeyError):
                raise self._bad_ngram(line, length) from None
            fits = len(row) == length and len(fields) <= length + 2
            if not (fits and log_prob <= 0 and backoff < math.inf):
                raise self._bad_ngram(line, length)
            tokens.extend(row)
            log_probs.append(log_prob)
            backoffs.append(backoff)
        else:
            raise self._cut_short("\\end\\")
        rows = np.array(tokens, dtype=np.int32).reshape(-1, length)
        order = np.lexsort(rows.T[::-1])
        table = NgramTable(rows[order], _to_natural(log_probs)[order], _to_natural(backoffs)[order])
        self._check_section(table, f"{where}: the {length}-grams that begin here")
        return table, line

    def _check_section(self, table: NgramTable, what: str) -> None:
        """Refuses a section with an n-gram twice, or without the marks of sentence ends."""
        twice = (table.tokens[1:] == table.tokens[:-1]).all(axis=1)
        if twice.any():
            words = " ".join(self.symbols[token] for token in table.tokens[twice.argmax()])
            raise DataError(f'{what} hold "{words}" twice; make the file again')
        for token in (BOS, EOS):
            if table.tokens.shape[1] == 1 and token not in table.tokens:
                raise DataError(
                    f"{what} hold no {self.symbols[token]}; make the file again with a program "
                    "that marks where a sentence begins and ends"
                )

    def _bad_ngram(self, line: bytes, length: int) -> DataError:
        """Returns what is wrong with a line that holds no n-gram of ours."""
        for word in line.split()[1 : length + 1]:
            if word not in self.words and line.endswith(b"\n"):
                return self._error(
                    f'word "{_show(word)}" is none of the tokens; give an n-gram model over the '
                    "tokens of the recognizer, as asr train-lm makes it"
                )
        return self._bad_line(
            line,
            f"a log10 probability of at most 0, {length} of the words in the 1-grams and, for "
            "some, a backoff",
        )

    def _expect_marker(self, marker: str, line: bytes) -> None:
        if line.strip() != marker.encode():
            raise self._bad_line(line, marker)

    def _bad_line(self, line: bytes, rule: str) -> DataError:
        if not line.endswith(b"\n"):
            return self._cut_short("\\end\\")
        return self._error(f'"{_show(line)}" must be {rule}; make the file again')

    def _cut_short(self, marker: str) -> DataError:
        return self._error(f"the file ends without {marker}; it was cut short, copy it again")

    def _error(self, message: str) -> DataError:
        return DataError(f"{self.path} line {self.number}: {message}")


def _to_natural(log10s: "array[float]") -> npt.NDArray[np.float64]:
    """Returns natural logarithms, `LOG_ZERO` at least."""
    return np.maximum(np.array(log10s) * LOG_10, LOG_ZERO)


def _show(content: bytes) -> str:
    return content.strip().decode(errors="replace")[:80]
