"""Draws sentences like those of the training speech, none of which is spoken in dev or test."""

import argparse
import random
from pathlib import Path

from lhotse import CutSet

from asr.recipes.sentences import draw_sentences


def main() -> None:
    """Writes one sentence a line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of dev and test manifests")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    spoken = {
        supervision.text
        for split in ("dev", "test")
        for cut in CutSet.from_file(arguments.data / f"{split}.jsonl.gz")
        for supervision in cut.supervisions
    }
    drawn = draw_sentences("en", arguments.count + len(spoken), random.Random(7))
    kept = [sentence for sentence in drawn if sentence not in spoken][: arguments.count]
    arguments.out.write_text("".join(line + "\n" for line in kept), encoding="utf-8")
    print(f"{arguments.out}: {len(kept)} sentences")


if __name__ == "__main__":
    main()
