"""The settings of an ESPnet recognizer, as a configuration of this toolkit.

Every option of each part is known by its name and default in ESPnet 202511; what has no setting
here is refused by name. What only a training of ESPnet's own needs is passed over.
"""

from typing import Any

from asr.config import Config, parse_config
from asr.errors import ConfigError, ModelError
from asr.importing.hyper import Call
from asr.importing.known import Options, Settings

CELLS = {"lstm": "lstm", "gru": "gru"}
FRONTEND_DEFAULTS = {
    **{"fs": 16000, "n_fft": 512, "win_length": None, "hop_length": 128, "window": "hann"},
    **{"center": True, "normalized": False, "onesided": True, "n_mels": 80, "fmin": None},
    **{"fmax": None, "htk": False, "frontend_conf": None, "apply_stft": True},
}
NORMALIZE_DEFAULTS: dict[str, dict[str, Any]] = {
    "global_mvn": {"stats_file": None, "norm_means": True, "norm_vars": True, "eps": 1e-20},
    "utterance_mvn": {"norm_means": True, "norm_vars": False, "eps": 1e-20},
}
STACK_DEFAULTS = {
    **{"rnn_type": "lstm", "bidirectional": True, "use_projection": True, "num_layers": 4},
    **{"hidden_size": 320, "output_size": 320, "dropout": 0.0},
}
ENCODER_DEFAULTS: dict[str, dict[str, Any]] = {
    "vgg_rnn": {**STACK_DEFAULTS, "in_channel": 1},
    "rnn": {**STACK_DEFAULTS, "subsample": [2, 2, 1, 1]},
}
DECODER_DEFAULTS = {
    **{"rnn_type": "lstm", "num_layers": 1, "hidden_size": 320, "sampling_probability": 0.0},
    **{"dropout": 0.0, "context_residual": False, "replace_sos": False, "num_encs": 1},
    **{"att_conf": {}},
}
ATTENTION_DEFAULTS = {
    **{"atype": "location", "num_att": 1, "num_encs": 1, "aheads": 4, "adim": 320, "awin": 5},
    **{"aconv_chans": 10, "aconv_filts": 100, "han_mode": False, "han_type": None},
    **{"han_heads": 4, "han_dim": 320, "han_conv_chans": -1, "han_conv_filts": 100, "han_win": 5},
}
ATTENTIONS = {"location": "location", "add": "additive"}
MODEL_DEFAULTS = {
    **{"aux_ctc": None, "ctc_weight": 0.5, "interctc_weight": 0.0, "ignore_id": -1},
    **{"lsm_weight": 0.0, "length_normalized_loss": False, "report_cer": True},
    **{"report_wer": True, "sym_space": "<space>", "sym_blank": "<blank>"},
    **{"transducer_multi_blank_durations": [], "transducer_multi_blank_sigma": 0.05},
    **{"sym_sos": "<sos/eos>", "sym_eos": "<sos/eos>", "autocast_frontend": False},
    **{"extract_feats_in_collect_stats": True, "lang_token_id": -1},
}
# Of parts of a recognizer: the kinds that are known; None stands for none.
KINDS: dict[str, tuple[str | None, ...]] = {
    "model": ("espnet", None),
    "encoder": ("vgg_rnn", "rnn"),
    "decoder": ("rnn",),
    "frontend": ("default",),
    "normalize": ("global_mvn", "utterance_mvn", None),
    "preencoder": (None,),
    "postencoder": (None,),
    "input_size": (None,),
    "adapter": (None, "lora"),  # named whether it is in use or not
}
# What ESPnet searches by where nobody says otherwise (`Speech2Text` of espnet2/bin).
SEARCH = {"beam_size": 20, "length_power": 0.0, "max_tokens": 1000, "max_token_ratio": 1.0}
CTC_WEIGHT, LM_WEIGHT = 0.5, 1.0


def check_kinds(file: Settings) -> None:
    """Refuses parts of a recognizer that are not known.

    Raises:
        ModelError: naming the part and what is known.
    """
    for part, known in KINDS.items():
        value = file.tree.get(part)
        if not any(value is one or value == one for one in known):
            names = ", ".join("none" if one is None else one for one in known)
            raise ModelError(
                f"{file.path}: {part} = {value!r:.80}; known: {names}; no other can be imported"
            )
    if file.tree.get("use_adapter"):
        raise ModelError(f"{file.path}: use_adapter = True; only whole weights are known")


def conf_of(file: Settings, part: str, defaults: dict[str, Any]) -> Options:
    """Returns the options of a part.

    Raises:
        ModelError: one is unknown, or they have no names.
    """
    key = f"{part}_conf"
    written = file.tree.get(key)
    call = Call("conf", str(file.tree.get(part)), {} if written is None else written)
    return Options(file, key, call=call, defaults=defaults)


def attention_of(file: Settings) -> Options:
    """Returns the options of the attention, which are among the decoder's.

    Raises:
        ModelError: one is unknown, or they have no names.
    """
    written = conf_of(file, "decoder", DECODER_DEFAULTS).value("att_conf")
    call = Call("conf", "rnn", {} if written is None else written)
    return Options(file, "att_conf", call=call, defaults=ATTENTION_DEFAULTS)


def import_config(file: Settings) -> Config:
    """Returns the configuration of a recognizer, without its tokenizer.

    Raises:
        ModelError: a part or an option is unknown, or has a value that there is no setting for.
    """
    check_kinds(file)
    frontend, model = conf_of(file, "frontend", FRONTEND_DEFAULTS), _model(file)
    rate = sample_rate(frontend)
    ctc_weight = model.number("ctc_weight")
    if not ctc_weight < 1:
        raise model.error(
            f"has ctc_weight = {ctc_weight:g}; only recognizers with a decoder are known"
        )
    tree = {
        "sample_rate": rate,
        "features": {**_features(frontend, rate), "normalization": _normalization(file)},
        "encoder": _encoder(file),
        "attention": _attention(file),
        "decoder": _decoder(file),
        "loss": {"ctc_weight": ctc_weight, "label_smoothing": model.number("lsm_weight")},
        "search": {**SEARCH, "ctc_weight": CTC_WEIGHT if ctc_weight > 0 else 0.0},
    }
    try:
        return parse_config(tree, str(file.path))
    except ConfigError as error:
        raise ModelError(f"{error}; no setting here can be so") from None


def sample_rate(frontend: Options) -> int:
    """Returns the rate in Hz, which is written as 16000 or as 16k.

    Raises:
        ModelError: it is neither.
    """
    value = frontend.value("fs")
    text = str(value).strip().lower()
    factor = 1000 if text.endswith("k") else 1
    try:
        rate = float(text.removesuffix("k")) * factor
    except ValueError:
        rate = 0.5
    if rate % 1 or not 0 < rate < 1e9 or isinstance(value, bool):
        raise frontend.error(f"has fs = {value!r:.80}; must be a rate in Hz, as 16000 or 16k")
    return int(rate)


def _model(file: Settings) -> Options:
    model = conf_of(file, "model", MODEL_DEFAULTS)
    model.must_be("interctc_weight", 0.0, 0, why="no CTC between layers is known")
    model.must_be("lang_token_id", -1, why="no token of the language is known")
    model.must_be("transducer_multi_blank_durations", [], why="no transducer is known")
    for name in ("sym_sos", "sym_eos", "sym_blank"):
        model.must_be(name, MODEL_DEFAULTS[name], why="only ESPnet's own special tokens are known")
    return model


def _features(frontend: Options, rate: int) -> dict[str, Any]:
    for name, value in {"center": True, "onesided": True, "apply_stft": True}.items():
        frontend.must_be(name, value, why="only log-mel features of centred frames are known")
    frontend.must_be("normalized", False, why="only spectra that are not scaled are known")
    inner = frontend.value("frontend_conf") or {}
    for name in ("use_wpe", "use_beamformer"):
        if not isinstance(inner, dict) or inner.get(name, False) is not False:
            raise frontend.error("has a frontend_conf that enhances speech; only plain is known")
    length, window = frontend.whole("n_fft"), frontend.value("win_length")
    low, high = frontend.value("fmin"), frontend.value("fmax")
    return {
        "num_mels": frontend.whole("n_mels"),
        "window": frontend.one_of("window", {"hann": "hann", "hamming": "hamming"}),
        "window_seconds": (length if window is None else frontend.whole("win_length")) / rate,
        "shift_seconds": frontend.whole("hop_length") / rate,
        "low_hz": 0 if low is None else frontend.number("fmin"),
        "high_hz": rate / 2 if high is None else frontend.number("fmax"),
        "fft_length": length,
        "centered": True,
        "edges": "mirrored",
        "filters": "htk_area" if frontend.flag("htk") else "slaney_area",
        "energy_floor": 1e-10,
    }


def _normalization(file: Settings) -> str:
    kind = file.tree.get("normalize")
    if kind is None:
        return "none"
    options = conf_of(file, "normalize", NORMALIZE_DEFAULTS[kind])
    if kind == "global_mvn":
        return "global"
    options.must_be("norm_means", True, why="only features whose mean is taken away are known")
    return "utterance" if options.flag("norm_vars") else "utterance_mean"


def _encoder(file: Settings) -> dict[str, Any]:
    kind = file.tree["encoder"]
    options = conf_of(file, "encoder", ENCODER_DEFAULTS[kind])
    projects, output_dim = options.flag("use_projection"), options.whole("output_size")
    settings = {
        "cell": options.one_of("rnn_type", CELLS),
        "hidden_dim": options.whole("hidden_size"),
        "num_layers": options.whole("num_layers"),
        "bidirectional": options.flag("bidirectional"),
        "layer_norm": False,
        "dropout": options.number("dropout"),
    }
    if projects:
        settings |= {"projection_dim": output_dim, "projection_activation": "tanh"}
    else:
        dense = {"dense_layers": 1, "dense_dim": output_dim, "dense_activation": "tanh"}
        settings |= {**dense, "dense_norm": False}
    if kind == "vgg_rnn":
        options.must_be("in_channel", 1, why="only features of one channel are known")
        return settings | {"subsampling": "blocks", "blocks": _vgg()}
    halvings = _halvings(options) if projects else 0
    pyramid = {"pyramid": "drop", "pyramid_layers": halvings} if halvings else {}
    return settings | {"subsampling": "none", **pyramid}


def _vgg() -> dict[str, Any]:
    return {
        "channels": [64, 128],
        "mel_pooling": [2, 2],
        "pools_time": True,
        "time_pooling": 1,
        "kernel": [3, 3],
        "activation": "relu",
        "edges": "zeros",
        "layer_norm": False,
        "leftover": "kept",
    }


def _halvings(options: Options) -> int:
    """Returns of how many layers, from the first on, every second frame is dropped."""
    num_layers, written = options.whole("num_layers"), options.value("subsample")
    factors = [1] * num_layers if written is None else written
    if not isinstance(factors, list) or not all(factor in (1, 2) for factor in factors):
        raise options.error(f"has subsample = {written!r:.80}; must be a list of 1 and 2")
    factors = factors[:num_layers]
    count = factors.count(2)
    if factors[:count] != [2] * count or count == num_layers:
        raise options.error(
            f"has subsample = {written!r:.80}; only the first layers, and not all, can drop frames"
        )
    return count


def _attention(file: Settings) -> dict[str, Any]:
    options = attention_of(file)
    options.must_be("num_att", 1, why="only one attention is known")
    options.must_be("num_encs", 1, why="only one encoder is known")
    options.must_be("han_mode", False, why="only one attention is known")
    kind = options.one_of("atype", ATTENTIONS)
    attention = {"type": kind, "dim": options.whole("adim"), "sharpness": 2.0}
    if kind == "location":
        attention |= {
            "num_filters": options.whole("aconv_chans"),
            "filter_width": 2 * options.whole("aconv_filts", least=0) + 1,
            "feedback": "previous",
            "first": "even",
        }
    return attention


def _decoder(file: Settings) -> dict[str, Any]:
    options = conf_of(file, "decoder", DECODER_DEFAULTS)
    options.must_be("num_encs", 1, why="only one encoder is known")
    options.must_be("replace_sos", False, why="only its own token begins a text here")
    return {
        "cell": options.one_of("rnn_type", CELLS),
        "embedding_dim": options.whole("hidden_size"),
        "hidden_dim": options.whole("hidden_size"),
        "num_layers": options.whole("num_layers"),
        "start": "zeros",
        "attends": "before",
        "context_output": options.flag("context_residual"),
        "recurrent_bias": True,
        "readout": "none",
        "dropout": options.number("dropout"),
    }
