"""Sections 3, 4, 5 and 7: what two directions, the teacher, the GRU and a language model change."""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from asr.data.batches import BatchDataset, Batches
from asr.data.manifest import read_cuts
from asr.encoder import Encoder
from asr.loss import IGNORED, masked_targets
from asr.pictures.plots import plot_curves
from asr.recognition import encode_padded
from asr.scoring.counts import score
from asr.use.recognizer import Recognizer, load_recognizer, search_encoded

Row = Sequence[object]


def main() -> None:
    """Writes directions, teacher, cells and language: .json, .md and .png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the manifests")
    parser.add_argument("--exp", type=Path, required=True, help="folder of the trained models")
    arguments = parser.parse_args()
    for write in (write_directions, write_teacher, write_cells, write_language):
        write(arguments.exp, arguments.data)


def write_directions(exp: Path, data: Path) -> None:
    """Section 3."""
    names = {"two directions": "two_directions", "one direction, as wide": "one_direction"}
    rows = [describe(exp / name, label) for label, name in names.items()]
    both, one = (error_rate(exp / name / "test") for name in names.values())
    said = verdict(both < one, "two directions have the lower CER", f"{both:.2%} against {one:.2%}")
    text = (
        "The quickstart's recognizer with a BLSTM encoder, and with one direction that is wider so "
        "that both have nearly the same number of parameters. The picture shows the dev set's CER."
    )
    header = ["encoder", "parameters (M)", "training (s)", "dev CER", "test CER", "test WER"]
    save(exp, "directions", text=text, table=(header, rows), said=said)
    draw_training(exp, "directions", names)


def write_teacher(exp: Path, data: Path) -> None:
    """Section 4."""
    names = {
        "teacher forcing": "two_directions",
        "scheduled sampling": "scheduled_sampling",
        "free running": "free_running",
    }
    rows, gaps, rates = [], {}, {}
    for label, name in names.items():
        recognizer = load_recognizer(exp / name, "cpu")
        taught, free = compare_histories(recognizer, data / "test.jsonl.gz")
        gaps[label], rates[label] = free - taught, free
        epochs = [f"{row['dev_cer']:.0%}" for row in history(exp / name)]
        rows.append([label, *map(percent, (taught, free, free - taught)), " ".join(epochs)])
    faster = rates["teacher forcing"] < rates["free running"]
    narrower = gaps["scheduled sampling"] < gaps["teacher forcing"]
    said = "\n\n".join(
        [
            verdict(faster, "teacher forcing learns faster than free running", ""),
            verdict(narrower, "scheduled sampling narrows the gap at inference", ""),
        ]
    )
    text = (
        "Three trainings that differ in what the decoder is fed: the reference; the reference less "
        "and less often (from 1 to 0.67, linearly); its own best token alone. Each model's next "
        "token is then compared with the reference after the reference's history, and its greedy "
        "transcript (without CTC) with the reference: the difference is the gap."
    )
    header = ["training", "token errors, reference fed", "CER, own output fed", "gap"]
    save(exp, "teacher", text=text, table=([*header, "dev CER by epoch"], rows), said=said)
    draw_training(exp, "teacher", names)


def write_cells(exp: Path, data: Path) -> None:
    """Section 5."""
    names = {"LSTM": "two_directions", "GRU": "gru"}
    seconds = time_encoders({label: load_recognizer(exp / n, "cpu") for label, n in names.items()})
    rows = [[*describe(exp / n, label), f"{seconds[label]:.3f}"] for label, n in names.items()]
    counts = [count_recurrent(load_recognizer(exp / name, "cpu")) for name in names.values()]
    ratio, pace = counts[1] / counts[0], seconds["GRU"] / seconds["LSTM"]
    lstm, gru = (error_rate(exp / name / "test") for name in names.values())
    said = (
        verdict(
            abs(ratio - 0.75) < 0.01,
            "a GRU has three quarters of the weights in its recurrent layers",
            f"{ratio:.3f}",
        )
        + f" Its encoder takes {pace:.2f} of the LSTM's time for a training step on this machine: "
        "the arithmetic is less, but the library's LSTM has a faster kernel where this is above "
        f"0.75. Test CER {gru:.2%} against {lstm:.2%}."
    )
    text = (
        "The same recognizer with LSTM and with GRU cells, in encoder and decoder. The last column "
        "is the median time of the encoder's forward and backward pass over 12 utterances of 3.4 "
        "s, the two timed in turn on one thread."
    )
    header = [
        "cells",
        "parameters (M)",
        "training (s)",
        "dev CER",
        "test CER",
        "test WER",
        "step (s)",
    ]
    save(exp, "cells", text=text, table=(header, rows), said=said)
    draw_training(exp, "cells", names)


def write_language(exp: Path, data: Path) -> None:
    """Section 7."""
    labels = {"none": "none", "ngram": "6-gram", "rnn": "recurrent (GRU)", "both": "both"}
    rows, rates, surfaces = [], {}, {}
    for name, label in labels.items():
        folder = exp / "lm" / name
        scores = score(*read_transcripts(folder))
        rates[name] = scores.cer
        trials = json.loads((folder / "tune.json").read_text())["trials"]
        best = min(trials, key=lambda trial: trial["cer"])
        fixed = ("number", "cer", "wer", "seconds")
        chosen = ", ".join(f"{key} {value:g}" for key, value in best.items() if key not in fixed)
        rows.append([label, chosen, *map(percent, (best["cer"], scores.cer, scores.wer))])
        falling, least = [], float("inf")
        for number, trial in enumerate(trials, start=1):
            least = min(least, trial["cer"])
            falling.append((float(number), 100 * least))
        surfaces[label] = falling
    helped = min(rates["ngram"], rates["rnn"], rates["both"]) < rates["none"]
    said = verdict(helped, "a language model lowers the test CER", "")
    text = (
        "The recognizer of section 3 with language models over its own tokens, trained on 5,000 "
        "other sentences of the same kind, in shallow fusion. All weights were chosen by `asr tune`"
        " on the dev set with the same number of trials; the test set was decoded once each. The "
        "picture shows the best dev CER so far against the trial."
    )
    header = ["language model", "chosen on dev", "dev CER", "test CER", "test WER"]
    save(exp, "language", text=text, table=(header, rows), said=said)
    plot_curves(
        surfaces,
        exp / "language.png",
        xlabel="trial of asr tune",
        ylabel="best dev CER so far (%)",
        title="Choosing the weights of search",
    )


@torch.inference_mode()
def compare_histories(recognizer: Recognizer, manifest: Path) -> tuple[float, float]:
    """Returns error rates of tokens fed the reference, and of transcripts fed by themselves."""
    dataset = BatchDataset(recognizer.tokenizer, sample_rate=recognizer.sample_rate)
    config = recognizer.config
    batches = Batches(read_cuts(manifest), dataset, config=config.data, seed=config.seed)
    options = config.search.model_copy(update={"beam_size": 1, "ctc_weight": 0.0})
    wrong = total = 0
    references, found = {}, {}
    for batch in batches.epoch(0, ordered=True):
        encoded = encode_padded(recognizer.model, batch.waveforms, batch.lengths, options=options)
        logits, _ = recognizer.model.decoder(batch.inputs, recognizer.model.prepare(encoded))
        labels = masked_targets(batch.targets, batch.target_lengths)
        real = labels != IGNORED
        wrong += int(((logits.argmax(dim=-1) != labels) & real).sum())
        total += int(real.sum())
        for name, text, best in zip(
            batch.ids, batch.texts, search_encoded(recognizer.model, encoded, options), strict=True
        ):
            references[name], found[name] = text, recognizer.tokenizer.decode(best[0].tokens)
    return wrong / total, score(references, found).cer


def time_encoders(recognizers: dict[str, Recognizer], runs: int = 9) -> dict[str, float]:
    """Returns the median seconds of each encoder's training pass, timed in turn."""
    torch.set_num_threads(1)
    features, lengths = torch.randn(12, 340, 80), torch.full((12,), 340)
    seconds: dict[str, list[float]] = {label: [] for label in recognizers}
    for _ in range(runs + 1):
        for label, recognizer in recognizers.items():
            encoder: Encoder = recognizer.model.encoder.train()
            started = time.perf_counter()
            encoder(features, lengths).values.sum().backward()
            seconds[label].append(time.perf_counter() - started)
    return {label: statistics.median(times[1:]) for label, times in seconds.items()}


def count_recurrent(recognizer: Recognizer) -> int:
    """Returns the number of weights in the encoder's recurrent layers."""
    layers = recognizer.model.encoder.layers
    return sum(weight.numel() for weight in layers.parameters() if weight.dim() == 2)


def describe(folder: Path, label: str) -> list[object]:
    """Returns a row: label, parameters, training time, dev CER, test CER and WER."""
    recognizer = load_recognizer(folder, "cpu")
    parameters = sum(weight.numel() for weight in recognizer.model.parameters())
    metrics = json.loads((folder / "metrics.json").read_text())
    scores = score(*read_transcripts(folder / "test"))
    return [
        label,
        f"{parameters / 1e6:.2f}",
        f"{metrics['train_wall_seconds']:.0f}",
        *map(percent, (metrics["dev"]["cer"], scores.cer, scores.wer)),
    ]


def error_rate(folder: Path) -> float:
    """Returns the CER of decoded utterances."""
    return score(*read_transcripts(folder)).cer


def read_transcripts(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Returns references and hypotheses by utterance."""
    lines = [json.loads(line) for line in (folder / "hyp.jsonl").read_text("utf-8").splitlines()]
    return (
        {line["id"]: line["reference"] for line in lines},
        {line["id"]: line["hypothesis"] for line in lines},
    )


def history(folder: Path) -> list[dict[str, float]]:
    """Returns what was logged of each epoch."""
    lines = (folder / "training" / "log.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def draw_training(exp: Path, name: str, models: dict[str, str]) -> None:
    """Draws the dev CER of models over their epochs."""
    series = {
        label: [(row["epoch"], 100 * min(1.2, row["dev_cer"])) for row in history(exp / folder)]
        for label, folder in models.items()
    }
    plot_curves(
        series,
        exp / f"{name}.png",
        xlabel="epoch",
        ylabel="dev CER (%), drawn up to 120",
        title="Greedy search on the dev set",
    )


def verdict(holds: bool, claim: str, figures: str) -> str:
    """Returns a sentence that says whether a claim holds in these runs."""
    shown = f" ({figures})" if figures else ""
    return (
        f"In these runs {claim}{shown}."
        if holds
        else f"**It does not hold here** that {claim}{shown}."
    )


def percent(value: float) -> str:
    """Returns a fraction as people read it."""
    return f"{value:.2%}"


def save(
    exp: Path, name: str, *, text: str, table: tuple[Sequence[str], Sequence[Row]], said: str
) -> None:
    """Writes a section's numbers and its Markdown."""
    header, rows = table
    lines = [list(map(str, row)) for row in rows]
    (exp / f"{name}.json").write_text(json.dumps({"header": header, "rows": lines}, indent=1))
    drawn = [f"| {' | '.join(line)} |" for line in (header, ["---"] * len(header), *lines)]
    parts = [text, "\n".join(drawn), f"![{name}](pictures/{name}.png)", said]
    (exp / f"{name}.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
