"""YesNo: sixty recordings of eight Hebrew words each, yes or no; a recipe of seconds.

Layout: `waves_yesno/0_1_0_0_1_1_1_0.wav`: the name is the transcript, 0 for no and 1 for yes, so
that no two recordings are of the same words. One man speaks.

There is no official split. In the order of their names every second recording is test, as others
have it; of the rest every fifth is dev: 24 train, 6 dev, 30 test.
"""

import re
from pathlib import Path

from asr.audio.kinds import visible_glob
from asr.recipes.base import PrepareOptions, PrepareReport, corpus_folder, refuse_unused
from asr.recipes.row_checks import Row
from asr.recipes.rows import cuts_of_rows, unlike_published, write_splits

HOW = "fetch openslr.org/resources/1/waves_yesno.tar.gz and unpack it"
NUM_RECORDINGS = 60
WORDS = {"0": "NO", "1": "YES"}
NAME = re.compile(r"[01](_[01])*")


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev and test .jsonl.gz.

    Raises:
        ConfigError: an option means nothing here, or no folder is given.
        DataError: the folder holds no recordings, or one that cannot be used and is not skipped.
    """
    refuse_unused("yesno", options, takes=("corpus", "download", "bad"))
    folder = corpus_folder("yesno", options, inside=("waves_yesno",), how=HOW)
    paths = visible_glob(folder, "*.wav")
    odd = [_odd(path) for path in paths if not NAME.fullmatch(path.stem)]
    rows = [_row(path) for path in paths if NAME.fullmatch(path.stem)]
    rest = rows[::2]
    dev = rest[4::5]
    train = [row for row in rest if row not in dev]
    splits = {"train": [*train, *odd], "dev": dev, "test": rows[1::2]}
    cuts, notices = cuts_of_rows(splits, options, language="he")
    notices += unlike_published([("recordings", len(rows), NUM_RECORDINGS)])
    return write_splits(cuts, notices, options)


def _odd(path: Path) -> Row:
    problem = (
        "must be named for its words, 0 or 1 each, as 0_1_0_0_1_1_1_0.wav (delete it, or give "
        "--corpus the folder waves_yesno)"
    )
    return Row("", path, "", "yesno", str(path), problem=problem)


def _row(path: Path) -> Row:
    text = " ".join(WORDS[digit] for digit in path.stem.split("_"))
    return Row(path.stem, path, text, "yesno", str(path))
