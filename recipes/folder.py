"""A folder of one's own recordings, in the layouts that people have.

Looked for in this order: a Kaldi data directory (wav.scp, text; segments and utt2spk if they are
there); tables (.csv, .tsv, .jsonl, .json, WeNet's .list); audio files with a .txt of the same name
beside each. Columns are found by name, see `COLUMNS`. Tables or folders named train, dev (or valid)
and test are the splits; where there is no dev, a part of train is held out for it. A folder without
splits is divided into train, dev and test: by speakers, so that no speaker of one split is in
another, or where there are few of them by sentences, so that no sentence is. What splits share with
train all the same, the sentences or the speakers, is said.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

from lhotse.cut import MonoCut

from asr.errors import ConfigError, DataError
from asr.recipes.base import PrepareOptions, PrepareReport, refuse_unused
from asr.recipes.folder_layouts import read_rows
from asr.recipes.manifests import speaker_of
from asr.recipes.rows import cuts_of_rows, words_of, write_splits

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
    refuse_unused("folder", options, takes=("corpus", "language", "bad"))
    if options.corpus is None:
        raise ConfigError("folder: corpus is not set; give --corpus DIR with your recordings")
    if not options.corpus.is_dir():
        raise DataError(f"{options.corpus}: no such folder (give --corpus your recordings)")
    layout = read_rows(options.corpus)
    count = sum(map(len, layout.splits.values()))
    options.say(f"{options.corpus}: {layout.name}, {count} utterances")
    cuts, notices = cuts_of_rows(layout.splits, options, language=options.language)
    notices += layout.notices
    if len(cuts) == 1:
        (whole,) = cuts.values()
        cuts = divide(whole, options.seed)
    elif "dev" not in cuts:
        cuts |= divide(cuts["train"], options.seed, held_out=("dev",))
        notices.append(
            f"no dev is given: {len(cuts['dev'])} utterances of train are held out for it"
        )
    return write_splits(cuts, notices, options)


def divide(
    cuts: Sequence[MonoCut], seed: int, held_out: Sequence[str] = ("dev", "test")
) -> dict[str, list[MonoCut]]:
    """Returns train and what is held out, each speaker, or of few each sentence, in one only.

    Raises:
        DataError: there are not as many speakers or sentences as splits.
    """
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
    keys.sort(key=lambda key: len(groups[key]), reverse=True)
    wanted = min(MOST_HELD_OUT, max(1, round(HELD_OUT * len(cuts))))
    splits: dict[str, list[MonoCut]] = {name: [] for name in names}
    splits["train"] += groups[keys[0]]
    for key in reversed(keys[1:]):  # the smallest first, so that all come near what is wanted
        short = [name for name in reversed(held_out) if len(splits[name]) < wanted]
        splits[short[0] if short else "train"] += groups[key]
    return {name: sorted(found, key=lambda cut: cut.id) for name, found in splits.items()}
