"""A folder as ESPnet's are published, made by hand: names and shapes, random numbers."""

from pathlib import Path
from typing import Any

import torch
import yaml
from sentencepiece import SentencePieceProcessor
from speechbrain_layout import SIZE, linear, random_tensors, stack, write_pieces

from asr.spectra.filters import area_filters

ASR, LM = Path("exp/asr_train"), Path("exp/lm_train")
PIECES = Path("data/token_list/bpe_unigram36/bpe.model")
MELS, HIDDEN, VALUES, QUERY, KEYS = 16, 14, 12, 18, 10
META = {
    "files": {
        "asr_model_file": f"{ASR}/valid.acc.ave_10best.pth",
        "lm_file": f"{LM}/valid.loss.ave.pth",
    },
    "yaml_files": {
        "asr_train_config": f"{ASR}/config.yaml",
        "lm_train_config": f"{LM}/config.yaml",
    },
}
CONFIG: dict[str, Any] = {
    "optim": "adadelta",  # of the training alone
    "token_type": "bpe",
    "bpemodel": str(PIECES),
    "input_size": None,
    "model": "espnet",
    "model_conf": {"ctc_weight": 0.5, "lsm_weight": 0.1},
    "frontend": "default",
    "frontend_conf": {"fs": "16k", "n_mels": MELS},
    "specaug": "specaug",
    "normalize": "global_mvn",
    "normalize_conf": {"stats_file": "exp/asr_stats_raw/train/feats_stats.npz"},
    "preencoder": None,
    "encoder": "vgg_rnn",
    "encoder_conf": {"num_layers": 2, "hidden_size": HIDDEN, "output_size": VALUES},
    "postencoder": None,
    "decoder": "rnn",
    "decoder_conf": {
        "hidden_size": QUERY,
        "att_conf": {"adim": KEYS, "aconv_chans": 3, "aconv_filts": 4},
    },
}
LM_CONFIG: dict[str, Any] = {"lm": "seq_rnn", "lm_conf": {"unit": 8, "nhid": 9}}


def change(folder: Path, config: Path = ASR, **changes: Any) -> None:
    """Replaces settings of a config.yaml; a dict's own settings one by one."""
    path = folder / config / "config.yaml"
    tree = yaml.safe_load(path.read_text("utf-8"))
    for key, value in changes.items():
        is_part = isinstance(value, dict) and isinstance(tree.get(key), dict)
        tree[key] = {**tree[key], **value} if is_part else value
    path.write_text(yaml.safe_dump(tree, allow_unicode=True), "utf-8")


def weights(folder: Path) -> Path:
    """Returns the recognizer's checkpoint."""
    return folder / META["files"]["asr_model_file"]


def tokens_of(folder: Path) -> list[str]:
    """Returns the list of tokens: the pieces, between ESPnet's special ones."""
    model = SentencePieceProcessor(model_file=str(folder / PIECES))
    pieces = [model.id_to_piece(number) for number in range(3, SIZE)]
    return ["<blank>", "<unk>", *pieces, "<sos/eos>"]


def recognizer_shapes(size: int) -> dict[str, tuple]:
    """Returns the shapes of a recognizer with so many tokens."""
    shapes: dict[str, tuple] = {"normalize.mean": (MELS,), "normalize.std": (MELS,)}
    channels = {
        "conv1_1": (1, 64),
        "conv1_2": (64, 64),
        "conv2_1": (64, 128),
        "conv2_2": (128, 128),
    }
    for name, (before, after) in channels.items():
        shapes[f"encoder.enc.0.{name}.weight"] = (after, before, 3, 3)
        shapes[f"encoder.enc.0.{name}.bias"] = (after,)
    for layer, inputs in enumerate((128 * MELS // 4, VALUES)):
        name = f"encoder.enc.1.birnn{layer}"
        shapes |= stack(name, gates=4, sizes=[inputs], hidden=HIDDEN, back=True)
        shapes |= linear(f"encoder.enc.1.bt{layer}", VALUES, 2 * HIDDEN)
    shapes["decoder.embed.weight"] = (size, QUERY)
    for part, columns in {"ih": QUERY + VALUES, "hh": QUERY}.items():
        shapes[f"decoder.decoder.0.weight_{part}"] = (4 * QUERY, columns)
        shapes[f"decoder.decoder.0.bias_{part}"] = (4 * QUERY,)
    attention = "decoder.att_list.0"
    shapes |= linear(f"{attention}.mlp_enc", KEYS, VALUES) | linear(f"{attention}.gvec", 1, KEYS)
    shapes[f"{attention}.mlp_dec.weight"] = (KEYS, QUERY)
    shapes[f"{attention}.mlp_att.weight"] = (KEYS, 3)
    shapes[f"{attention}.loc_conv.weight"] = (3, 1, 1, 9)
    return shapes | linear("decoder.output", size, QUERY) | linear("ctc.ctc_lo", size, VALUES)


def lm_shapes(size: int) -> dict[str, tuple]:
    """Returns the shapes of a language model with so many tokens."""
    shapes: dict[str, tuple] = {"lm.encoder.weight": (size, 8)}
    shapes |= stack("lm.rnn", gates=4, sizes=[8, 9], hidden=9, back=False)
    return shapes | linear("lm.decoder", size, 9)


def write_folder(folder: Path) -> Path:
    """Writes a whole folder and returns it."""
    for path in (ASR, LM, PIECES.parent):
        (folder / path).mkdir(parents=True)
    (folder / "meta.yaml").write_text(yaml.safe_dump(META), "utf-8")
    write_pieces(folder / PIECES, bos_id=1, eos_id=2)
    tokens = tokens_of(folder)
    for path, config in ((ASR, CONFIG), (LM, LM_CONFIG)):
        whole = yaml.safe_dump({**config, "token_list": tokens}, allow_unicode=True)
        (folder / path / "config.yaml").write_text(whole, "utf-8")
    tensors = random_tensors(recognizer_shapes(len(tokens)))
    tensors["normalize.std"] = tensors["normalize.std"].abs() + 2
    tensors["frontend.logmel.melmat"] = area_filters(257, 0.0, 8000.0, MELS, 16000)
    torch.save(tensors, weights(folder))
    torch.save(random_tensors(lm_shapes(len(tokens))), folder / META["files"]["lm_file"])
    return folder
