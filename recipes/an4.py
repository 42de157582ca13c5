"""AN4: words, numbers and names spelt out in English, of 84 speakers, in 1991; less than an hour.

Layout: `an4/etc/an4_train.transcription` and `an4_test.transcription`, a line an utterance as
`<s> WORDS </s> (an251-fash-b)`, where the middle of the id is the speaker and a test line may lack
`<s>` and `</s>`; `an4/wav/an4_clstk/fash/an251-fash-b.sph`, and `an4test_clstk` for test, in NIST
SPHERE format; copies in another format are read as well. An utterance is called `fash-an251-b`
here, so that the names sort by speaker.

Dev is the first hundred training utterances by name, as others have it: eight whole speakers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lhotse.cut import MonoCut

from asr.audio.kinds import READ, kind_of, visible_glob
from asr.errors import DataError
from asr.recipes.base import PrepareOptions, PrepareReport, corpus_folder, refuse_unused
from asr.recipes.row_checks import Row
from asr.recipes.rows import cuts_of_rows, unlike_published, write_splits
from asr.tables.text_files import read_lines

HOW = "fetch www.speech.cs.cmu.edu/databases/an4/an4_sphere.tar.gz and unpack it"
NUM_UTTERANCES = {"train": 948, "test": 130}
NUM_WORDS = {"dev": 591, "test": 773}
NUM_DEV = 100
PUBLISHED = ".sph"
LINE = re.compile(r"(?:<s>)?(?P<text>.*?)(?:</s>)?\s*\((?P<id>\w+-(?P<speaker>\w+)-\w+)\)")


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev and test .jsonl.gz.

    Raises:
        ConfigError: an option means nothing here, or no folder is given.
        DataError: a file is missing or breaks its format, the corpus is complete but its words are
            not those published, or an utterance cannot be used and is not to be skipped.
    """
    refuse_unused("an4", options, takes=("corpus", "download", "bad"))
    folder = corpus_folder("an4", options, inside=("an4",), how=HOW)
    rows = {
        "train": _read(folder / "etc/an4_train.transcription", folder / "wav/an4_clstk"),
        "test": _read(folder / "etc/an4_test.transcription", folder / "wav/an4test_clstk"),
    }
    is_complete = all(len(rows[name]) == count for name, count in NUM_UTTERANCES.items())
    num_dev = NUM_DEV if is_complete else min(NUM_DEV, len(rows["train"]) // 10)
    splits = {"train": rows["train"][num_dev:], "dev": rows["train"][:num_dev]}
    cuts, notices = cuts_of_rows({**splits, "test": rows["test"]}, options, language="en")
    if is_complete and not notices:
        _check_words(folder, cuts)
    notices += unlike_published(
        [(f"{name} utterances", len(rows[name]), count) for name, count in NUM_UTTERANCES.items()]
    )
    return write_splits(cuts, notices, options)


def _read(transcript: Path, audio: Path) -> list[Row]:
    """Returns the utterances in the order of their names; audio without a text has an empty one."""
    found = _recordings(audio)
    rows = [*_transcribed(transcript, audio, found)]
    paths = {row.audio for row in rows}
    rows += [
        Row(f"{path.parent.name}-{path.stem}", path, "", path.parent.name, str(path))
        for path in found.values()
        if path not in paths
    ]
    return sorted(rows, key=lambda row: row.name)


def _recordings(audio: Path) -> dict[tuple[str, str], Path]:
    """Returns the recordings by speaker and stem; the one as published counts before a copy."""
    files = [path for path in visible_glob(audio, "*/*") if kind_of(path) in READ]
    files.sort(key=lambda path: (kind_of(path) != PUBLISHED, path))
    found: dict[tuple[str, str], Path] = {}
    for path in files:
        found.setdefault((path.parent.name, path.stem), path)
    return found


def _transcribed(
    transcript: Path, audio: Path, recordings: Mapping[tuple[str, str], Path]
) -> Iterator[Row]:
    for number, line in read_lines(transcript):
        if not line.strip():
            continue
        where = f"{transcript}:{number}"
        found = LINE.fullmatch(line.strip())
        if found is None:
            problem = (
                f'"{line[:60]}"; must be words and an id in brackets, as '
                "<s> YES </s> (an251-fash-b) (fetch the corpus again)"
            )
            yield Row("", transcript, "", None, where, problem=problem)
            continue
        name, speaker = found["id"], found["speaker"]
        first, _, last = name.split("-")
        path = recordings.get((speaker, name), audio / speaker / f"{name}{PUBLISHED}")
        if not path.exists() and path.with_suffix(".raw").exists():
            raise DataError(
                f"{path.with_suffix('.raw')}: samples without a header, which may be of either "
                f"byte order; must be {path.name} ({HOW})"
            )
        yield Row(f"{speaker}-{first}-{last}", path, found["text"], speaker, where)


def _check_words(folder: Path, cuts: dict[str, list[MonoCut]]) -> None:
    counts = [
        (f"{name} words", _num_words(cuts[name]), published)
        for name, published in NUM_WORDS.items()
    ]
    wrong = unlike_published(counts)
    if wrong:
        raise DataError(f"{folder}: {'; '.join(wrong)} (fetch the corpus again)")


def _num_words(cuts: Iterable[MonoCut]) -> int:
    return sum(len(str(cut.supervisions[0].text).split()) for cut in cuts)
