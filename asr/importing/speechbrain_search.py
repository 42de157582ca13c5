"""The search settings of a SpeechBrain recognizer, and what of them has no counterpart here."""

from typing import Any, NamedTuple

from asr.errors import ModelError
from asr.importing.hyper import Call, HyperFile
from asr.importing.speechbrain_parts import CTC_SCORER, LM_SCORER, Parts

# Of the searchers of 1.1.2 and of those before 1.0; None: it names a part.
DEFAULTS: dict[str, Any] = {
    **dict.fromkeys(("embedding", "decoder", "linear", "language_model", "ctc_linear", "scorer")),
    **{"bos_index": None, "eos_index": None, "blank_index": 0},
    **{"min_decode_ratio": 0.0, "max_decode_ratio": 1.0, "beam_size": 1},
    **{"using_eos_threshold": True, "eos_threshold": 1.5, "length_normalization": True},
    **{"using_max_attn_shift": False, "max_attn_shift": 60, "minus_inf": -1e20},
    **{"temperature": 1.0, "temperature_lm": 1.0, "lm_weight": 0.0, "ctc_weight": 0.0},
    **{"coverage_penalty": 0.0, "length_rewarding": 0.0, "lm_modules": None},
    **{
        "return_topk": False,
        "topk": 1,
        "return_log_probs": False,
        "using_length_normalization": True,
    },
    **{"ctc_score_mode": "full", "ctc_window_size": 0},
}


class SearchSettings(NamedTuple):
    """What a searcher was told."""

    search: dict[str, Any]  # settings of ours
    lm_weight: float
    bos: int
    eos: int
    blank: int
    left: tuple[str, ...]  # settings that have none here, as `name = value`


def import_search(parts: Parts) -> SearchSettings:
    """Returns the settings of a recognizer's searcher.

    Raises:
        ModelError: an option is unknown, or no number.
    """
    file, part = parts.file, parts.searcher
    given = dict(part.call.options)
    if unknown := [name for name in given if name not in DEFAULTS]:
        raise ModelError(f'{file.path}: "{part.key}" has the option {unknown[0]}, not known here')
    values = {
        name: _plain(parts, name, given.get(name, default))
        for name, default in DEFAULTS.items()
        if default is not None or name.endswith("_index")
    }
    is_greedy = part.call.name.endswith("GreedySearcher")
    weights = _scorer_weights(file, given.get("scorer"))
    values |= {name: value for name, value in weights.items() if name in values}
    search = {
        "beam_size": max(1, int(values["beam_size"])),
        "length_power": 1.0 if values["length_normalization"] else 0.0,
        "max_token_ratio": float(values["max_decode_ratio"]),
        "max_tokens": 1000,
        "ctc_weight": float(values["ctc_weight"]) if parts.ctc else 0.0,
    }
    if not is_greedy:
        search["temperature"] = float(values["temperature"])
        if values["using_eos_threshold"]:
            search["eos_threshold"] = float(values["eos_threshold"])
    return SearchSettings(
        search,
        float(values["lm_weight"]),
        int(values["bos_index"]),
        int(values["eos_index"]),
        int(weights.get("blank_index", values["blank_index"])),
        tuple(_left(values)),
    )


def _plain(parts: Parts, name: str, value: Any) -> Any:
    file, part = parts.file, parts.searcher
    value = file.resolve(value)
    if name in ("bos_index", "eos_index") and value is None:
        raise ModelError(f'{file.path}: "{part.key}" has no {name}; write it')
    if isinstance(DEFAULTS[name], str) or isinstance(value, int | float):
        return value
    raise ModelError(f'{file.path}: "{part.key}" has {name} = {value!r:.80}; must be a number')


def _scorer_weights(file: HyperFile, scorer: Any) -> dict[str, Any]:
    """Returns the weights that a ScorerBuilder gives, under the names of older searchers."""
    call = file.follow(scorer)
    if not isinstance(call, Call) or not isinstance(call.options, dict):
        return {}
    weights = file.resolve(call.options.get("weights", {}))
    names = {"rnnlm": "lm_weight", "ctc": "ctc_weight", "coverage": "coverage_penalty"}
    names["length"] = "length_rewarding"
    found: dict[str, Any] = {}
    for name, value in weights.items():
        if name not in names or not isinstance(value, int | float):
            raise ModelError(f"{file.path}: the scorer {name} = {value!r:.80} is not known here")
        found[names[name]] = value
    for kind in ("full_scorers", "partial_scorers"):
        for one in file.follow(call.options.get(kind)) or []:
            part = file.follow(one)
            options = part.options if isinstance(part, Call) else None
            if not isinstance(options, dict):
                continue
            name = part.name.rpartition(".")[2]
            if name == LM_SCORER:
                found["temperature_lm"] = file.resolve(options.get("temperature", 1.0))
            if name == CTC_SCORER:
                found["blank_index"] = file.resolve(options.get("blank_index", 0))
    return found


def _left(values: dict[str, Any]) -> list[str]:
    usual = {"min_decode_ratio": 0, "temperature_lm": 1, "coverage_penalty": 0}
    usual["length_rewarding"] = 0
    names = [name for name, value in usual.items() if values[name] != value]
    if values["using_max_attn_shift"]:
        names.append("max_attn_shift")
    return [f"{name} = {values[name]}" for name in names]
