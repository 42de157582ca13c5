"""Speed of an exported model in onnxruntime beside torch, float32 and int8, in one run.

    python tests/benchmarks/onnx_speed.py MODEL CUTS.jsonl.gz --threads 1 2 --batch 1 16

Encoder (features to memory, keys included) and greedy search by the decoder alone, over the same
utterances; the systems take turns, so that a noisy minute touches all alike. Figures are medians;
compare the ratios of one run.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from asr.config import SearchConfig
from asr.data.manifest import checked_cuts
from asr.exporting.folder import ExportPlan, export
from asr.exporting.measuring import features_of
from asr.exporting.runtime import load_exported
from asr.recognition import scorers_of
from asr.search import search
from asr.use.recognizer import Recognizer, load_recognizer

Work = Callable[[], object]
Batch = tuple[torch.Tensor, torch.Tensor]


def main() -> None:
    """Measures and prints one table for each number of threads and size of batches."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("cuts", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--utterances", type=int, default=32)
    arguments = parser.parse_args()
    recognizer = load_recognizer(arguments.model, "cpu")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "onnx"
        export(ExportPlan(arguments.model, out, int8=True))
        for threads in arguments.threads:
            torch.set_num_threads(threads)
            for size in arguments.batch:
                batches, seconds = read(recognizer, arguments.cuts, arguments.utterances, size)
                works = works_of(recognizer, out, threads, batches)
                print(f"\n{threads} threads, batches of {size}, {seconds:.0f} s of audio")
                report(measure(works, arguments.rounds), seconds)


def read(
    recognizer: Recognizer, cuts: Path, num_utterances: int, size: int
) -> tuple[list[Batch], float]:
    """Returns features of the first utterances in batches, and how many seconds they are."""
    waves = [
        torch.from_numpy(cut.resample(recognizer.sample_rate).load_audio()[0])
        for _, cut in zip(range(num_utterances), checked_cuts(cuts), strict=False)
    ]
    batches = []
    for start in range(0, len(waves), size):
        rows = waves[start : start + size]
        lengths = torch.tensor([len(row) for row in rows])
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        with torch.inference_mode():
            batches.append(features_of(recognizer.model.features, padded, lengths))
    return batches, sum(len(wave) for wave in waves) / recognizer.sample_rate


def works_of(
    recognizer: Recognizer, out: Path, threads: int, batches: list[Batch]
) -> dict[str, dict[str, Work]]:
    """Returns what is timed, by figure and system."""
    model = recognizer.model
    greedy = {"beam_size": 1, "num_best": 1, "ctc_weight": 0.0}
    options: SearchConfig = recognizer.options.model_copy(update=greedy)

    def torch_encodes() -> object:
        with torch.inference_mode():
            return [model.prepare(model.encoder(*batch)) for batch in batches]

    def torch_searches() -> object:
        with torch.inference_mode():
            for batch in batches:
                encoded = model.encoder(*batch)
                search(scorers_of(model, encoded, options), encoded.lengths, options)
        return None

    works = {"encoder": {"torch": torch_encodes}, "greedy": {"torch": torch_searches}}
    for name, int8 in (("onnx", False), ("onnx int8", True)):
        exported, _ = load_exported(out, int8=int8, threads=threads)

        def encodes(exported: object = exported) -> object:
            return [exported.encode(*batch) for batch in batches]

        def searches(exported: object = exported) -> object:
            for batch in batches:
                search(*exported.scorers(exported.encode(*batch), options), options)
            return None

        works["encoder"][name], works["greedy"][name] = encodes, searches
    return works


def measure(works: dict[str, dict[str, Work]], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Returns the seconds of each round, after one that is not counted; systems take turns."""
    seconds = {figure: {name: [] for name in rows} for figure, rows in works.items()}
    for figure, rows in works.items():
        for counted in [False] + [True] * rounds:
            for name, work in rows.items():
                started = time.perf_counter()
                work()
                if counted:
                    seconds[figure][name].append(time.perf_counter() - started)
    return seconds


def report(seconds: dict[str, dict[str, list[float]]], audio_seconds: float) -> None:
    """Prints medians, spreads, ratios to torch, and times real time; greedy counts the encoder."""
    print("| figure | system | seconds | torch / it | times real time |\n|---|---|---|---|---|")
    for figure, rows in seconds.items():
        first = statistics.median(rows["torch"])
        for name, row in rows.items():
            median = statistics.median(row)
            print(
                f"| {figure} | {name} | {median:.3f} ({min(row):.3f}-{max(row):.3f}) | "
                f"{first / median:.2f} | {audio_seconds / median:.0f} |"
            )


if __name__ == "__main__":
    main()
