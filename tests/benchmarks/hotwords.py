"""What do phrases that a search is told to expect win, and what do they cost?

    python tests/benchmarks/hotwords.py MODEL DEV.jsonl.gz [--rewards 0 0.25 0.5 1 1.5]

Forty words of five letters and more that one utterance alone holds are given to every search, as
names are. The reward is chosen on a dev set; a test set says what the chosen one does.
"""

import argparse
from collections import Counter
from pathlib import Path

from asr.data.manifest import checked_cuts
from asr.scoring.alignment import align_words
from asr.use.decode import batches_of
from asr.use.recognizer import load_recognizer


def main() -> None:
    """Prints a row a reward."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("cuts", type=Path)
    parser.add_argument("--utterances", type=int, default=60)
    parser.add_argument("--rewards", type=float, nargs="+", default=[0, 0.25, 0.5, 1.0, 1.5])
    arguments = parser.parse_args()
    recognizer = load_recognizer(arguments.model, "cpu")
    cuts = list(checked_cuts(arguments.cuts))[: arguments.utterances]
    texts = [recognizer.tokenizer.normalize(cut.supervisions[0].text) for cut in cuts]
    held = Counter(word for text in texts for word in set(text.split()))
    names = sorted(word for word, count in held.items() if count == 1 and len(word) >= 5)[:40]
    print("| reward | of them heard | put where they are not | WER of the rest | WER |")
    print("|---|---|---|---|---|")
    for reward in arguments.rewards:
        given = [f"search.hotwords={names!r}", f"search.hotword_reward={reward}"]
        options = recognizer.choose(given if reward else [])
        seen, heard, false, others, wrong = 0, 0, 0, 0, 0
        for batch in batches_of(recognizer, cuts).epoch(0, ordered=True):
            found = recognizer.recognize_batch(batch.waveforms, batch.lengths, options)
            for text, one in zip(batch.texts, found, strict=True):
                for kind, word, other in align_words(text, one.text).steps:
                    is_name = word in names
                    seen, heard = seen + is_name, heard + (is_name and kind == "hit")
                    false += kind != "hit" and other in names
                    others += word is not None and not is_name
                    wrong += kind != "hit" and not is_name
        wer = (wrong + seen - heard) / (others + seen)
        row = [f"{reward:g}", f"{heard} of {seen}", str(false), f"{wrong / others:.1%}"]
        print(f"| {' | '.join(row)} | {wer:.1%} |", flush=True)


if __name__ == "__main__":
    main()
