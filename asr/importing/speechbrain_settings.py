"""The settings of a SpeechBrain recognizer, as a configuration of this toolkit.

Every option of each part is known by its name and default in SpeechBrain 1.1.2; what has no setting
here is refused by name.
"""

from typing import Any

from asr.config import Config, parse_config
from asr.errors import ConfigError, ModelError
from asr.importing.hyper import HyperFile
from asr.importing.known import REQUIRED, Options
from asr.importing.speechbrain_parts import Part, Parts

ACTIVATIONS = {
    "torch.nn.LeakyReLU": "leaky_relu",
    "torch.nn.ReLU": "relu",
    "torch.nn.ELU": "elu",
    "torch.nn.GELU": "gelu",
    "torch.nn.Tanh": "tanh",
}
RNN = "speechbrain.nnet.RNN."
STACKS = {f"{RNN}LSTM": "lstm", f"{RNN}GRU": "gru", f"{RNN}RNN": "rnn_relu"}
FBANK_DEFAULTS = {
    **{"deltas": False, "context": False, "requires_grad": False, "sample_rate": 16000},
    **{"f_min": 0, "f_max": None, "n_fft": 400, "n_mels": 40, "filter_shape": "triangular"},
    **{"param_change_factor": 1.0, "param_rand_factor": 0.0, "left_frames": 5, "right_frames": 5},
    **{"win_length": 25, "hop_length": 10},
}
NORMALIZER_DEFAULTS = {
    **{"mean_norm": True, "std_norm": True, "norm_type": "global", "avg_factor": None},
    **{"length_dim": 1, "update_until_epoch": 2, "avoid_padding_norm": False, "epsilon": 1e-10},
    **{"requires_grad": False, "device": "cpu"},
}
CRDNN_DEFAULTS = {
    **{"input_size": None, "input_shape": None, "activation": "torch.nn.LeakyReLU"},
    **{"dropout": 0.15, "cnn_blocks": 2, "cnn_channels": [128, 256], "cnn_kernelsize": [3, 3]},
    **{"time_pooling": False, "time_pooling_size": 2, "freq_pooling_size": 2},
    **{"rnn_class": f"{RNN}LiGRU", "inter_layer_pooling_size": [2, 2], "using_2d_pooling": False},
    **{"rnn_layers": 4, "rnn_neurons": 512, "rnn_bidirectional": True, "rnn_re_init": False},
    **{"dnn_blocks": 2, "dnn_neurons": 512, "projection_dim": -1, "use_rnnp": False},
}
DECODER_DEFAULTS = {
    **dict.fromkeys(("rnn_type", "attn_type", "hidden_size", "attn_dim", "num_layers"), REQUIRED),
    **{"enc_dim": REQUIRED, "input_size": REQUIRED, "nonlinearity": "relu", "re_init": True},
    **{"normalization": "batchnorm", "scaling": 1.0, "channels": None, "kernel_size": None},
    **{"bias": True, "dropout": 0.0},
}
EMBEDDING_DEFAULTS = {
    **{"num_embeddings": REQUIRED, "embedding_dim": 128},
    **{"consider_as_one_hot": False, "blank_id": 0},
}
LINEAR_DEFAULTS = {
    **{"n_neurons": REQUIRED, "input_shape": None, "input_size": None, "bias": True},
    **{"max_norm": None, "combine_dims": False},
}
NORMS = {"global": "global", "sentence": "utterance"}


def options_of(file: HyperFile, part: Part, defaults: dict[str, Any]) -> Options:
    """Returns the options of a part.

    Raises:
        ModelError: an option is unknown or missing.
    """
    return Options(file, part.key, call=part.call, defaults=defaults)


def import_config(parts: Parts, search: dict[str, Any]) -> Config:
    """Returns the configuration of a recognizer, without its tokenizer.

    Args:
        parts: of the recognizer.
        search: its search settings.

    Raises:
        ModelError: an option is unknown, or has a value that there is no setting for.
    """
    fbank = options_of(parts.file, parts.features, FBANK_DEFAULTS)
    tree = {
        "sample_rate": fbank.whole("sample_rate"),
        "features": {**_features(fbank), "normalization": _normalization(parts)},
        "encoder": _encoder(options_of(parts.file, parts.encoder, CRDNN_DEFAULTS)),
        **_decoder(parts),
        "loss": {"ctc_weight": 0.3 if parts.ctc else 0.0},
        "search": search,
    }
    try:
        return parse_config(tree, str(parts.file.path))
    except ConfigError as error:
        raise ModelError(f"{error}; no setting here can be so") from None


def _features(fbank: Options) -> dict[str, Any]:
    for name in ("deltas", "context", "requires_grad"):
        fbank.must_be(name, False, why="only plain filter banks are known")
    fbank.must_be("filter_shape", "triangular", why="only triangular filters are known")
    fbank.must_be("param_rand_factor", 0.0, 0, why="only filters that stay as they are are known")
    top = fbank.value("f_max")
    return {
        "num_mels": fbank.whole("n_mels"),
        "window": "hamming",
        "window_seconds": fbank.number("win_length") / 1000,
        "shift_seconds": fbank.number("hop_length") / 1000,
        "low_hz": fbank.number("f_min"),
        "high_hz": fbank.whole("sample_rate") // 2 if top is None else fbank.number("f_max"),
        "fft_length": fbank.whole("n_fft"),
        "centered": True,
        "filters": "symmetric",
        "energy_floor": 1e-10,
        "scale": "decibels",
        "range_db": 80.0,
    }


def _normalization(parts: Parts) -> str:
    if parts.normalizer is None:
        return "none"
    options = options_of(parts.file, parts.normalizer, NORMALIZER_DEFAULTS)
    options.must_be("mean_norm", True, why="only the whole normalisation is known")
    options.must_be("std_norm", True, why="only the whole normalisation is known")
    options.must_be("length_dim", 1, why="only time as the second dimension is known")
    return str(options.one_of("norm_type", NORMS))


def _encoder(crdnn: Options) -> dict[str, Any]:
    crdnn.must_be("projection_dim", -1, why="no projection before the recurrent layers is known")
    crdnn.must_be("use_rnnp", False, why="no projections between the recurrent layers are known")
    num_blocks, activation = crdnn.whole("cnn_blocks"), crdnn.one_of("activation", ACTIVATIONS)
    over_mels, over_time = crdnn.numbers("cnn_kernelsize", 2)  # so it is, whatever is said of it
    pools = crdnn.flag("time_pooling")
    return {
        "subsampling": "blocks",
        "blocks": {
            "channels": crdnn.numbers("cnn_channels", num_blocks),
            "mel_pooling": crdnn.numbers("inter_layer_pooling_size", num_blocks),
            "pools_time": crdnn.flag("using_2d_pooling"),
            "time_pooling": crdnn.whole("time_pooling_size") if pools else 1,
            "kernel": [over_time, over_mels],
            "activation": activation,
        },
        "cell": crdnn.one_of("rnn_class", STACKS),
        "hidden_dim": crdnn.whole("rnn_neurons"),
        "num_layers": crdnn.whole("rnn_layers"),
        "bidirectional": crdnn.flag("rnn_bidirectional"),
        "layer_norm": False,
        "dense_layers": crdnn.whole("dnn_blocks", least=0),
        "dense_dim": crdnn.whole("dnn_neurons"),
        "dense_activation": activation,
        "dropout": crdnn.number("dropout"),
    }


def _decoder(parts: Parts) -> dict[str, Any]:
    options = options_of(parts.file, parts.decoder, DECODER_DEFAULTS)
    options.must_be("bias", True, why="only cells with biases are known")
    embedding = options_of(parts.file, parts.embedding, EMBEDDING_DEFAULTS)
    embedding.must_be("consider_as_one_hot", False, why="only learnt embeddings are known")
    kind = options.one_of("attn_type", {"location": "location", "content": "additive"})
    attention: dict[str, Any] = {
        "type": kind,
        "dim": options.whole("attn_dim"),
        "sharpness": options.number("scaling"),
        "context_dim": options.whole("attn_dim"),
    }
    if kind == "location":
        attention |= {
            "num_filters": options.whole("channels"),
            "filter_width": 2 * options.whole("kernel_size", least=0) + 1,
            "feedback": "previous",
            "first": "even",
        }
    cell = options.one_of("rnn_type", {"gru": "gru", "lstm": "lstm", "rnn": "rnn"})
    if cell == "rnn":
        cell = options.one_of("nonlinearity", {"relu": "rnn_relu", "tanh": "rnn_tanh"})
    decoder = {
        "cell": cell,
        "embedding_dim": embedding.whole("embedding_dim"),
        "hidden_dim": options.whole("hidden_size"),
        "num_layers": options.whole("num_layers"),
        "start": "zeros",
        "recurrent_bias": True,
        "readout": "linear",
        "dropout": options.number("dropout"),
    }
    return {"attention": attention, "decoder": decoder}
