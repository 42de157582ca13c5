"""What an exported folder says of itself: config.json, features.npz and a card."""

import io
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from asr.config import Config
from asr.exporting.graphs import ALIGNMENT, CTC, MEMORY, NEXT, STATE
from asr.exporting.requirements import require
from asr.exporting.writing import OPSET, Graph
from asr.features import LogMel
from asr.hypotheses import LONGEST_LOOP
from asr.spectra.own_statistics import VARIANCE_FLOOR
from asr.text.tokenizer import BLANK, BOS, EOS, PAD, UNK, CharacterTokenizer, Tokenizer
from asr.text.units import LetterUnits, TokenUnits, units_of
from asr.version import __version__

LATEST_VERSION = 2  # of the format, where features are of other kinds than the usual ones
FEATURES_FILE = "features.npz"
# Of search settings, those that a program without torch can have; two more are in the graph.
SEARCH_KEYS: tuple[str, ...] = (
    "beam_size",
    "ctc_weight",
    "length_power",
    "eos_threshold",
    "length_bonus",
    "num_best",
    "max_tokens",
    "max_token_ratio",
    "loop_repeats",
)
_WORD_START = "\u2581"


def describe(
    config: Config, tokenizer: Tokenizer, *, features: LogMel, graphs: tuple[Graph, Graph]
) -> dict[str, Any]:
    """Returns what config.json says of the graphs and of what goes in and comes out of them."""
    encoder, decoder = graphs
    made = describe_features(config, features)
    is_usual = made["normalization"] != "utterance_mean" and made.items() >= VERSION_1.items()
    return {
        "format": "asr-onnx",
        "format_version": 1 if is_usual else LATEST_VERSION,
        "asr_version": __version__,
        "opset": OPSET,
        "features": made,
        "tokens": describe_tokens(tokenizer),
        "encoder": _tensors(encoder),
        "decoder": _tensors(decoder),
        "memory": [name for name in decoder.inputs if name.startswith(MEMORY + ".")],
        # The encoder's output starts the state; repeat its axis 1 for each hypothesis.
        "state": [
            {"name": name, "next": NEXT + name.removeprefix(STATE)}
            for name in decoder.inputs
            if name.startswith(STATE + ".")
        ],
        "ctc": CTC if CTC in encoder.outputs else None,
        "ctc_units": describe_units(units_of(tokenizer, config.tokenizer.ctc_units)),
        "alignment": ALIGNMENT if ALIGNMENT in decoder.outputs else None,
        "search": {
            **{key: getattr(config.search, key) for key in SEARCH_KEYS},
            "attention_window_in_graph": config.search.attention_window,
            "temperature_in_graph": config.search.temperature,
            "longest_loop": LONGEST_LOOP,
        },
    }


# What readers of format version 1 do not know of; with other values than these it is version 2.
VERSION_1 = {"margin": 0, "log_factor": 1.0, "range": None}


def describe_features(config: Config, features: LogMel) -> dict[str, Any]:
    """Returns how features are made of a waveform, in numbers."""
    settings = config.features
    return {
        "sample_rate": config.sample_rate,
        "num_mels": features.num_mels,
        "window_length": features.window_length,
        "shift_length": features.shift_length,
        "fft_length": features.fft_length,
        "window": f"{settings.window}, periodic",
        "mel_scale": settings.filters,
        "low_hz": settings.low_hz,
        "high_hz": config.sample_rate / 2 if settings.high_hz is None else settings.high_hz,
        "preemphasis": settings.preemphasis,
        # Samples before the first one, of silence or mirrored, and as many as frames need after.
        "margin": features.margin if settings.centered else 0,
        "edges": settings.edges,
        "energy_floor": settings.energy_floor,
        "log_factor": 10 / math.log(10) if settings.scale == "decibels" else 1.0,
        "range": features.log_range,  # below an utterance's largest feature, times the factor
        "normalization": settings.normalization,
        "variance_floor": VARIANCE_FLOOR,
        "file": FEATURES_FILE,
        "arrays": {
            "window": [features.window_length],
            "filters": [features.fft_length // 2 + 1, features.num_mels],
            "mean": [features.num_mels],
            "deviation": [features.num_mels],
        },
    }


def describe_tokens(tokenizer: Tokenizer) -> dict[str, Any]:
    """Returns the special tokens' numbers, what each token spells, and how text is made of them."""
    return {
        "kind": tokenizer.kind,
        "file": tokenizer.file_name,
        "normalizer": tokenizer.normalizer,
        "pad": PAD,
        "bos": BOS,
        "eos": EOS,
        "unk": UNK,
        "blank": BLANK,
        "texts": [tokenizer.spelt(index) for index in range(tokenizer.vocab_size)],
        "joined_by": "concatenation; spaces at the start removed if kind has pieces; Unicode "
        "NFC; jamo that form no syllable removed",
        "has_pieces": not isinstance(tokenizer, CharacterTokenizer),
    }


def describe_units(units: TokenUnits) -> dict[str, Any] | None:
    """Returns what CTC's outputs are and how they spell tokens; None: they are the tokens."""
    if not isinstance(units, LetterUnits):
        return None
    return {
        "labels": [units.label(unit) for unit in range(units.num_units)],
        "of_tokens": [list(spelt) for spelt in units.spellings],
    }


def feature_arrays(features: LogMel) -> bytes:
    """Returns features.npz: window (W,), filters (F,M), mean (M,) and deviation (M,), float32.

    Filters are there, and not to be computed: in float64 they would be others by 1e-5, and features
    by 6e-4. Without `global` normalisation the mean is 0 and the deviation 1.
    """
    file = io.BytesIO()
    names = ("window", "filters", "mean", "deviation")
    arrays = {name: getattr(features, name).numpy() for name in names}
    if features.normalization != "global":
        arrays["mean"], arrays["deviation"] = (
            fill(features.num_mels, np.float32) for fill in (np.zeros, np.ones)
        )
    np.savez(file, **arrays)
    return file.getvalue()


def card(contents: Mapping[str, Any], model_card: str, *, sha256: str) -> str:
    """Returns the folder's README.md, with the card of the model that it was made of.

    Args:
        contents: of config.json.
        model_card: of the model folder; empty where it has none.
        sha256: of the model's weights.
    """
    files = "\n".join(f"| `{name}` | `{digest}` |" for name, digest in contents["sha256"].items())
    return f"""# Speech recognition model for ONNX

Made by asr {__version__} from the weights with SHA-256
`{sha256}`. `config.json` names every input,
output and setting; nothing here needs PyTorch: `egs/onnx/transcribe.py` of the toolkit is an
example in numpy.

| file | SHA-256 |
|---|---|
{files}

{_said_of_int8(contents)}
{_said_of_rates(contents)}
Language models are not part of it: search with one needs the toolkit itself.

{model_card or "The model folder held no card."}
"""


def _said_of_int8(contents: Mapping[str, Any]) -> str:
    if "files_int8" not in contents:
        return "It holds float32 weights only."
    left = contents["int8"]["left_in_float32"]
    said = "In the files named int8, products by weights and LSTMs are computed in int8"
    said += f"; {', '.join(left)} layers stay in float32." if left else "."
    return said + " What an utterance gives there depends a little on its batch mates."


def _said_of_rates(contents: Mapping[str, Any]) -> str:
    if "measured" not in contents:
        return "\nIts error rates were not measured (`asr export --measure CUTS` does).\n"
    measured = contents["measured"]
    rows = "\n".join(
        f"| {name} | {row['cer']:.2%} | {row['wer']:.2%} | {row['changed']} |"
        for name, row in measured["systems"].items()
    )
    return f"""
On `{measured["manifest"]}` ({measured["utterances"]} utterances, the model's own search settings):

| computed by | CER | WER | transcripts other than torch's |
|---|---|---|---|
{rows}
"""


def _tensors(graph: Graph) -> dict[str, dict[str, Any]]:
    """Returns type and axes of each input and output: numbers, and names of open axes."""
    onnx = require("onnx")
    model = onnx.load_from_string(graph.content).graph
    types = {
        part.name: onnx.helper.tensor_dtype_to_np_dtype(part.type.tensor_type.elem_type).name
        for part in (*model.input, *model.output)
    }
    return {
        side: {name: {"type": types[name], "axes": list(axes)} for name, axes in rows.items()}
        for side, rows in (("inputs", graph.inputs), ("outputs", graph.outputs))
    }
