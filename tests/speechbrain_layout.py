"""A folder as SpeechBrain's recognizers have it, made by hand: names and shapes, random numbers."""

from pathlib import Path

import sentencepiece
import torch
from torch import Tensor

HYPERPARAMS = Path(__file__).parent / "peers" / "hyperparams.yaml"
WORDS = "SO THE CAT SAT ON A MAT AND THEY THEN TOLD THAT TEN OTHER CATS ABOUT TEA IN THEIR HATS"
SIZE = 36  # tokens


def change(folder: Path, *changes: tuple[str, str]) -> None:
    """Replaces parts of a folder's hyperparams.yaml, each of which it must hold."""
    path = folder / "hyperparams.yaml"
    text = path.read_text("utf-8")
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    path.write_text(text, "utf-8")


def write_pieces(path: Path, **options: object) -> None:
    """Writes a tokenizer, in which 0 is the unknown and there is no begin or end."""
    with path.open("wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([WORDS, *WORDS.split()] * 3),
            model_writer=file,
            minloglevel=2,
            **{"vocab_size": SIZE, "unk_id": 0, "bos_id": -1, "eos_id": -1, **options},
        )


def linear(name: str, rows: int, columns: int) -> dict[str, tuple[int, ...]]:
    """Returns the shapes of a linear layer."""
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def stack(name: str, *, gates: int, sizes: list[int], hidden: int, back: bool) -> dict[str, tuple]:
    """Returns the shapes of recurrent layers."""
    shapes: dict[str, tuple] = {}
    for layer, size in enumerate(sizes):
        for suffix in ["", "_reverse"] if back else [""]:
            end = f"l{layer}{suffix}"
            shapes[f"{name}.weight_ih_{end}"] = (gates * hidden, size)
            shapes[f"{name}.weight_hh_{end}"] = (gates * hidden, hidden)
            shapes[f"{name}.bias_ih_{end}"] = shapes[f"{name}.bias_hh_{end}"] = (gates * hidden,)
    return shapes


def recognizer_shapes() -> dict[str, tuple]:
    """Returns the shapes of asr.ckpt."""
    shapes: dict[str, tuple] = {}
    for block, (before, after, mels) in enumerate([(1, 6, 40), (6, 8, 20)]):
        for number, inputs in ((1, before), (2, after)):
            name = f"0.CNN.block_{block}"
            shapes[f"{name}.conv_{number}.conv.weight"] = (after, inputs, 3, 3)
            shapes[f"{name}.conv_{number}.conv.bias"] = (after,)
            for part in ("weight", "bias"):
                shapes[f"{name}.norm_{number}.norm.{part}"] = (mels, after)
    shapes |= stack("0.RNN.rnn", gates=4, sizes=[80, 48], hidden=24, back=True)
    for block, inputs in enumerate((48, 20)):
        shapes |= linear(f"0.DNN.block_{block}.linear.w", 20, inputs)
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"0.DNN.block_{block}.norm.norm.{part}"] = (20,)
        shapes[f"0.DNN.block_{block}.norm.norm.num_batches_tracked"] = ()
    shapes["1.Embedding.weight"] = (SIZE, 10)
    shapes |= linear("2.proj", 28, 28 + 22) | linear("2.attn.mlp_enc", 22, 20)
    shapes |= linear("2.attn.mlp_dec", 22, 28) | {"2.attn.mlp_attn.weight": (1, 22)}
    shapes |= {"2.attn.conv_loc.weight": (5, 1, 21)} | linear("2.attn.mlp_loc", 22, 5)
    shapes |= linear("2.attn.mlp_out", 22, 20)
    cell, columns = "2.rnn.rnn_cells.0", {"ih": 10 + 22, "hh": 28}
    for part, size in columns.items():
        shapes |= {f"{cell}.weight_{part}": (84, size), f"{cell}.bias_{part}": (84,)}
    return shapes | linear("3.w", SIZE, 20) | linear("4.w", SIZE, 28)


def lm_shapes() -> dict[str, tuple]:
    """Returns the shapes of lm.ckpt."""
    shapes: dict[str, tuple] = {"embedding.Embedding.weight": (SIZE, 10)}
    shapes |= stack("rnn.rnn", gates=4, sizes=[10, 16], hidden=16, back=False)
    shapes |= linear("dnn.linear.w", 12, 16) | linear("dnn.norm.norm", 12, 0)
    shapes["dnn.norm.norm.weight"] = (12,)
    return shapes | linear("out.w", SIZE, 12)


def random_tensors(shapes: dict[str, tuple]) -> dict[str, Tensor]:
    """Returns small random tensors; variances are positive."""
    made = {name: 0.2 * torch.randn(shape) for name, shape in shapes.items()}
    return {name: v.abs() + 0.5 if "running_var" in name else v for name, v in made.items()}


def write_folder(folder: Path) -> Path:
    """Writes a whole folder and returns it."""
    folder.mkdir(parents=True)
    (folder / "hyperparams.yaml").write_text(HYPERPARAMS.read_text("utf-8"), "utf-8")
    write_pieces(folder / "tokenizer.ckpt")
    torch.save(random_tensors(recognizer_shapes()), folder / "asr.ckpt")
    torch.save(random_tensors(lm_shapes()), folder / "lm.ckpt")
    statistics = {"count": 7, "glob_mean": torch.randn(40), "glob_std": torch.rand(40) + 5}
    # Versions before 1.1 also kept these.
    statistics |= {"spk_dict_mean": {}, "spk_dict_std": {}, "spk_dict_count": {}}
    torch.save(statistics, folder / "normalizer.ckpt")
    return folder
