"""The settings of a training from nothing beside an adapted model, and the table of both."""

import json
import sys
from pathlib import Path

from asr.config import load_config
from asr.errors import AsrError
from asr.scoring.rates import Report, score_folder


def options_from_nothing(adapted: Path, ancestor: Path) -> list[str]:
    """Returns the settings of a training from nothing for the same minutes.

    An epoch of it hears no old data and is shorter by their share, so there are more of them; its
    rate and the order of its first epoch are those with which the ancestor learnt from nothing.
    """
    config, known = (load_config(folder / "config.yaml") for folder in (adapted, ancestor))
    share = config.replay.share if config.replay.manifest else 0.0
    epochs = round(config.train.epochs / (1 - share))
    return [
        *("init={}", "freeze={}", "replay={}", f"train.epochs={epochs}"),
        f"train.learning_rate={known.train.learning_rate}",
        f"train.final_learning_rate={known.train.final_learning_rate}",
        f"train.curriculum={str(known.train.curriculum).lower()}",
    ]


def rates_of(report: Report) -> str:
    """Returns both error rates of a decoding, in per cent."""
    return f"{100 * report.scores.cer:.2f} / {100 * report.scores.wer:.2f}"


def rows_of(exp: Path, part: str) -> list[str]:
    """Returns a row for each seed: before, after, from nothing, and the seconds of both."""
    rows = []
    for adapted in sorted(exp.glob(f"{part}-*")):
        nothing = exp / f"{adapted.name}-nothing"
        if not (nothing / "held_out/hyp.jsonl").is_file():
            continue
        folders = [adapted / "held_out/before", adapted / "held_out/after", nothing / "held_out"]
        rates = [rates_of(score_folder(folder, "none", readings=False)) for folder in folders]
        seconds = [
            json.loads((folder / "metrics.json").read_text("utf-8"))["train_wall_seconds"]
            for folder in (adapted, nothing)
        ]
        compared = json.loads((adapted / "held_out/compare.json").read_text("utf-8"))
        cells = [part, adapted.name.removeprefix(f"{part}-"), *rates]
        cells += [f"{seconds[0]:.0f} / {seconds[1]:.0f}", compared["pairs"][0]["verdict"]]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main() -> None:
    """Prints what the script asks for."""
    what, *given = sys.argv[1:]
    if what == "options":
        print(*options_from_nothing(Path(given[0]), Path(given[1])))
        return
    print("| speech | seed | before, CER / WER % | after | from nothing | seconds | verdict |")
    print("|---|---|---|---|---|---|---|")
    for part in given[1:]:
        print(*rows_of(Path(given[0]), part), sep="\n")


if __name__ == "__main__":
    try:
        main()
    except AsrError as error:
        sys.exit(f"table.py: {error}")
