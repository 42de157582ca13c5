"""A folder of one's own recordings, in the layouts that people have.

Looked for in this order: a Kaldi data directory (wav.scp, text; segments and utt2spk if they are
there); tables (.csv, .tsv, .jsonl, .json, WeNet's .list); audio files with a .txt of the same name
beside each. Columns are found by name, see `COLUMNS`. Tables or folders named train, dev (or valid)
and test are the splits. A folder without splits is divided into train, dev and test by speakers, or
where there are few of them by sentences, so that no sentence of one split is in another.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

from lhotse.cut import MonoCut

from asr.errors import ConfigError, DataError
from recipes.base import PrepareOptions, PrepareReport, refuse_unused
from recipes.folder_layouts import read_rows
from recipes.rows import cuts_of_rows, write_splits

HELD_OUT = 0.1  # share of the utterances that go to dev, and to test
MOST_HELD_OUT = 500  # utterances
FEW_SPEAKERS = 10  # fewer are not held out: the split is by sentences


def prepare(options: PrepareOptions) -> PrepareReport:
    """Return the report on train, dev and test .jsonl.gz of a folder.

    Raises:
        ConfigError: no folder is given, or an option means nothing here.
        DataError: the folder's layout is not known, or an utterance cannot be used and is not to
            be skipped; all problems are in OUT/problems.txt.
    """
    refuse_unused("folder", options, takes=("corpus", "language", "bad"))
    if options.corpus is None:
        raise ConfigError("folder: corpus is not set; give --corpus DIR with your recordings")
    if not options.corpus.is_dir():
        raise DataError(f"{options.corpus}: no such folder (give --corpus your recordings)")
    layout, splits = read_rows(options.corpus)
    rows = [row for found in splits.values() for row in found]
    options.say(f"{options.corpus}: {layout}, {len(rows)} utterances")
    cuts, notices = cuts_of_rows(splits, options, language=options.language)
    if len(cuts) == 1:
        (whole,) = cuts.values()
        cuts = divide(whole, options.seed)
    return write_splits(cuts, notices, options)


def divide(cuts: Sequence[MonoCut], seed: int) -> dict[str, list[MonoCut]]:
    """Return train, dev and test, each speaker, or of few speakers each sentence, in one only.

    Raises:
        DataError: there are not three speakers or sentences.
    """
    speakers = {str(cut.supervisions[0].speaker) for cut in cuts}
    by_speaker = len(speakers) >= FEW_SPEAKERS
    groups: dict[str, list[MonoCut]] = defaultdict(list)
    for cut in cuts:
        spoken = cut.supervisions[0]
        groups[str(spoken.speaker if by_speaker else spoken.text)].append(cut)
    if len(groups) < 3:
        raise DataError(
            f"folder: {len(groups)} different sentences; must be at least 3, one each for train, "
            "dev and test (add recordings)"
        )
    names = sorted(groups)
    random.Random(f"folder {seed}").shuffle(names)
    names.sort(key=lambda name: len(groups[name]), reverse=True)
    wanted = min(MOST_HELD_OUT, max(1, round(HELD_OUT * len(cuts))))
    splits: dict[str, list[MonoCut]] = {"train": [*groups[names[0]]], "dev": [], "test": []}
    for name in reversed(names[1:]):  # the smallest first, so that both come near what is wanted
        short = [split for split in ("test", "dev") if len(splits[split]) < wanted]
        splits[short[0] if short else "train"] += groups[name]
    return {name: sorted(found, key=lambda cut: cut.id) for name, found in splits.items()}
