"""A folder of one's own recordings, in the layouts that people have.

Looked for in this order: a Kaldi data directory (wav.scp, text; segments and utt2spk if they are
there); tables (.csv, .tsv, .jsonl, .json, WeNet's .list); audio files with a .txt of the same name
beside each. Columns are found by name, see `tables/columns.py`, or given. Tables or folders named
train, dev and test, see `recipes/splits.py`, are the splits, also where one table stands above the
folders or says the splits in a column; where there is no dev, a part of train is held out for it.
What programs and systems leave, such as .ipynb_checkpoints, is passed over. A folder without splits
is divided into train, dev and test: by speakers, so that no speaker of one split is in
another, or where there are few of them by sentences, so that no sentence is. What splits share with
train all the same, the sentences or the speakers, is said.
"""

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence

from lhotse.cut import MonoCut

from asr.errors import ConfigError, DataError
from asr.recipes.base import PrepareOptions, PrepareReport, refuse_unused
from asr.recipes.folder_layouts import read_rows
from asr.recipes.language import guess_language
from asr.recipes.manifests import speaker_of
from asr.recipes.rows import cuts_of_rows, words_of, write_splits
from asr.tables.columns import Columns
from asr.tables.speakers import UNKNOWN

HELD_OUT = 0.1  # share of the utterances that go to dev, and to test
MOST_HELD_OUT = 500  # utterances
FEW_SPEAKERS = 10  # fewer are not held out: the split is by sentences


def prepare(options: PrepareOptions) -> PrepareReport:
    """Returns the report on train, dev and test .jsonl.gz of a folder.

    Raises:
        ConfigError: no folder is given, or an option means nothing here.
        DataError: the folder's layout is not known, or an utterance cannot be used and is not to
            be skipped; all problems are in OUT/problems.txt.
    """
    cuts, notices = gather(options)
    try:
        return write_splits(_divided(cuts, notices, options.seed), notices, options)
    except DataError:
        _say_notices(notices, options)
        raise


def gather(options: PrepareOptions) -> tuple[dict[str, list[MonoCut]], list[str]]:
    """Returns the cuts of each split that a folder itself has, or all in one, and notices.

    Raises:
        ConfigError: as `prepare`.
        DataError: as `prepare`.
    """
    takes = ("corpus", "language", "bad", "audio_column", "text_column")
    refuse_unused("folder", options, takes=takes)
    if options.corpus is None:
        raise ConfigError("folder: corpus is not set; give --corpus DIR with your recordings")
    if not os.path.isdir(options.corpus):
        raise DataError(f"{options.corpus}: no such folder (give --corpus your recordings)")
    chosen = Columns(options.audio_column, options.text_column)
    layout = read_rows(options.corpus, chosen)
    if any(chosen) and not layout.has_table:
        raise ConfigError(
            f"{options.corpus}: is {layout.name}, and has no columns (leave --audio-column and "
            "--text-column out)"
        )
    rows = [row for found in layout.splits.values() for row in found]
    language = options.language or guess_language(row.text for row in rows if not row.problem)
    options.say(f"{options.corpus}: {layout.name}, {len(rows)} utterances, in {language}")
    try:
        cuts, more = cuts_of_rows(layout.splits, options, language=language)
    except DataError:
        _say_notices(layout.notices, options)
        raise
    return cuts, [*more, *layout.notices]


def _say_notices(notices: Iterable[str], options: PrepareOptions) -> None:
    """Says the notices where there is no report: they may say why so little can be used."""
    for notice in notices:
        options.say(f"notice: {notice}")


def _divided(
    cuts: dict[str, list[MonoCut]], notices: list[str], seed: int
) -> dict[str, list[MonoCut]]:
    """Returns train, dev and maybe test: those given, and what is held out where one is not."""
    if len(cuts) == 1:
        (whole,) = cuts.values()
        return divide(whole, seed)
    if "dev" in cuts:
        return cuts
    divided = cuts | divide(cuts["train"], seed, held_out=("dev",))
    notices.append(
        f"no dev is given: {len(divided['dev'])} utterances of train are held out for it"
    )
    return divided


def divide(
    cuts: Sequence[MonoCut], seed: int, held_out: Sequence[str] = ("dev", "test")
) -> dict[str, list[MonoCut]]:
    """Returns train and what is held out, each speaker, or of few each sentence, in one only.

    Raises:
        DataError: there are not as many speakers or sentences as splits.
    """
    if not cuts:
        raise DataError("folder: no utterance can be used; must be at least one (mend the corpus)")
    by_speaker = len({*map(speaker_of, cuts)}) >= FEW_SPEAKERS
    groups: dict[str, list[MonoCut]] = defaultdict(list)
    for cut in cuts:
        groups[speaker_of(cut) if by_speaker else words_of(cut)].append(cut)
    names = ["train", *held_out]
    if len(groups) < len(names):
        raise DataError(
            f"folder: {len(groups)} different sentences to divide; must be at least {len(names)}, "
            f"one each for {', '.join(names)} (add recordings)"
        )
    keys = sorted(groups)
    random.Random(f"folder {seed}").shuffle(keys)
    # Who is not named may be anybody, and belongs to train.
    keys.sort(key=lambda key: (by_speaker and key == UNKNOWN, len(groups[key])), reverse=True)
    wanted = min(MOST_HELD_OUT, max(1, round(HELD_OUT * len(cuts))))
    splits: dict[str, list[MonoCut]] = {name: [] for name in names}
    splits["train"] += groups[keys[0]]
    for key in reversed(keys[1:]):  # the smallest first, so that all come near what is wanted
        short = [name for name in reversed(held_out) if len(splits[name]) < wanted]
        splits[short[0] if short else "train"] += groups[key]
    return {name: sorted(found, key=lambda cut: cut.id) for name, found in splits.items()}
