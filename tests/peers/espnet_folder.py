"""Run by ESPnet's own interpreter: a folder of a recognizer, and what it says of recordings.

    python espnet_folder.py VARIANT.json FOLDER REFERENCES.pt AUDIO...

Builds recognizer and language model by ESPnet's own tasks, packs their files as ESPnet publishes
them, then has ESPnet load them, by the class that its users have, and keeps what each step gives.
"""

import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import soundfile
import torch
import yaml
from espnet2.bin.asr_inference import Speech2Text
from espnet2.main_funcs.pack_funcs import pack
from espnet2.tasks.asr import ASRTask
from espnet2.tasks.lm import LMTask

STEPS = 70  # not until all is sure: what is nearly as good should matter, too
WORDS = "SO THE CAT SAT ON A MAT AND THEY THEN TOLD THAT TEN OTHER CATS ABOUT TEA IN THEIR HATS"
SIZE = 36  # tokens of the sentencepiece model
STATS = Path("exp/asr_stats_raw/train/feats_stats.npz")
ASR, LM = Path("exp/asr_train"), Path("exp/lm_train")


def write_tokens(kind: str) -> dict[str, Any]:
    """Writes a sentencepiece model if need be, and returns what config.yaml says of tokens."""
    if kind == "char":
        tokens = ["<space>", *sorted(set(WORDS) - {" "}, reverse=True)]
        settings: dict[str, Any] = {"token_type": "char", "bpemodel": None}
    else:
        path = Path("data/token_list") / f"bpe_{kind}{SIZE}" / "bpe.model"
        path.parent.mkdir(parents=True)
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter([WORDS, *WORDS.split()] * 3),
            model_prefix=str(path.with_suffix("")),
            vocab_size=SIZE,
            model_type=kind,
            minloglevel=2,
        )
        model = sentencepiece.SentencePieceProcessor(model_file=str(path))
        tokens = [model.id_to_piece(number) for number in range(3, SIZE)]
        settings = {"token_type": "bpe", "bpemodel": str(path)}
    return {**settings, "token_list": ["<blank>", "<unk>", *tokens, "<sos/eos>"]}


def write_config(task: Any, folder: Path, changes: dict[str, Any]) -> Path:
    """Writes config.yaml as a training of ESPnet does: every option of its own."""
    folder.mkdir(parents=True)
    path = folder / "config.yaml"
    settings = {**task.get_default_config(), **changes}
    path.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), "utf-8")
    return path


def randomize(module: torch.nn.Module, generator: torch.Generator) -> None:
    """Moves every weight away from where it was made, where nothing would show."""
    for parameter in module.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        with torch.no_grad():
            if parameter.dim() == 1:
                parameter.add_(0.1 * noise)
            else:
                parameter.mul_(1.2).add_(0.02 * noise)


def read(path: Path) -> torch.Tensor:
    """Returns a waveform (1,N)."""
    return torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None]


def learn(model: Any, audio: list[Path]) -> None:
    """Teaches the recognizer a few tokens for each recording, so that its hypotheses end."""
    model.eval()  # without dropout
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    size, inputs = len(model.token_list), []
    for number, path in enumerate(audio):
        generator = torch.Generator().manual_seed(number)
        text = torch.randint(3, size - 1, (1, 4 + 2 * number), generator=generator)
        waveform = read(path)
        lengths = torch.tensor([waveform.size(1)])
        inputs.append((waveform, lengths, text, torch.tensor([text.size(1)])))
    for _ in range(STEPS):
        optimizer.zero_grad()
        sum(model(*batch)[0] for batch in inputs).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()


def write_statistics(audio: list[Path], changes: dict[str, Any]) -> None:
    """Writes feats_stats.npz as ESPnet does, of the features of these recordings."""
    plain, _ = ASRTask.build_model_from_file(
        write_config(ASRTask, Path("stats"), {**changes, "normalize": None, "normalize_conf": {}})
    )
    features = []
    for path in audio:
        waveform = read(path)
        found, _ = plain.frontend(waveform, torch.tensor([waveform.size(1)]))
        features.append(found[0].detach().numpy())
    rows = np.concatenate(features)
    STATS.parent.mkdir(parents=True)
    np.savez(STATS, count=len(rows), sum=rows.sum(0), sum_square=(rows**2).sum(0))


def write_folder(variant: dict[str, Any], folder: Path, audio: list[Path]) -> None:
    """Writes the folder as it is published: meta.yaml, and the files that it names."""
    generator = torch.Generator().manual_seed(1)
    tokens = write_tokens(variant["tokens"])
    changes = {**variant["asr"], **tokens}
    write_statistics(audio, changes)
    if changes.get("normalize") == "global_mvn":
        changes["normalize_conf"] = {"stats_file": str(STATS)}
    config = write_config(ASRTask, ASR, changes)
    model, _ = ASRTask.build_model_from_file(config)
    randomize(model, generator)
    learn(model, audio)
    weights = ASR / "valid.acc.ave_10best.pth"
    torch.save(model.state_dict(), weights)
    lm_config = write_config(LMTask, LM, {**variant["lm"], **tokens, "lm": "seq_rnn"})
    lm, _ = LMTask.build_model_from_file(lm_config)
    randomize(lm, generator)
    with torch.no_grad():
        lm.lm.decoder.bias[0] = -30.0  # as after a training: no text holds a blank
    torch.save(lm.state_dict(), LM / "valid.loss.ave.pth")
    pack(
        files={"asr_model_file": weights, "lm_file": LM / "valid.loss.ave.pth"},
        yaml_files={"asr_train_config": config, "lm_train_config": lm_config},
        option=[path for path in [STATS, tokens["bpemodel"]] if path],
        outpath="packed.zip",
    )
    with zipfile.ZipFile("packed.zip") as packed:
        packed.extractall(folder)


def load(**options: Any) -> Speech2Text:
    """Returns ESPnet's recognizer of the folder that it stands in."""
    return Speech2Text(
        asr_train_config=str(ASR / "config.yaml"),
        asr_model_file=str(ASR / "valid.acc.ave_10best.pth"),
        **options,
    )


def heard(speech2text: Speech2Text, waveform: torch.Tensor) -> dict[str, Any]:
    """Returns its best hypothesis."""
    text, tokens, _, found = speech2text(waveform[0].numpy())[0]
    return {
        "text": text,
        "num_tokens": len(found.yseq) - 2,
        "score": float(found.score),
        "forced": len(found.yseq) - 2 >= found_length(speech2text, waveform),
        "tokens": tokens,
    }


def found_length(speech2text: Speech2Text, waveform: torch.Tensor) -> int:
    """Returns the memory frames of a recording, which are the most tokens that ESPnet finds."""
    values, _ = speech2text.asr_model.encode(waveform, torch.tensor([waveform.size(1)]))
    return int(values.size(1))


@torch.no_grad()
def describe(loaded: dict[str, Speech2Text], waveform: torch.Tensor) -> dict[str, Any]:
    """Returns what each step of a recognizer says of a recording, by itself in its batch."""
    model = loaded["greedy"].asr_model
    lengths = torch.tensor([waveform.size(1)])
    features, frames = model._extract_feats(waveform, lengths)
    if model.normalize is not None:
        features, frames = model.normalize(features, frames)
    values, value_lengths = model.encode(waveform, lengths)
    tokens = torch.tensor([model.sos, 5, 9, 7, 7, 12, 4])
    state, alignments, log_probs = model.decoder.init_state(values[0]), [], []
    for count in range(1, len(tokens) + 1):
        scores, state = model.decoder.score(tokens[:count], state, values[0])
        alignments.append(state["a_prev"][0])
        log_probs.append(scores)
    logits, _ = model.decoder(values, value_lengths, tokens[None], torch.tensor([len(tokens)]))
    torch.testing.assert_close(torch.stack(log_probs), logits[0].log_softmax(dim=-1))
    lm = loaded["with lm"].beam_search.full_scorers["lm"]
    lm_logits, _ = lm(tokens[None], None)
    return {
        "features": features[0],
        "values": values[0],
        "ctc": model.ctc.log_softmax(values)[0],
        "tokens": tokens,
        "alignments": torch.stack(alignments),
        "log_probs": torch.stack(log_probs),
        "lm_log_probs": lm_logits[0].log_softmax(dim=-1),
        **{name: heard(speech2text, waveform) for name, speech2text in loaded.items()},
    }


def main() -> None:
    """Writes the folder and the references."""
    variant, folder, references, *audio = (Path(name).resolve() for name in sys.argv[1:])
    torch.manual_seed(0)
    torch.set_num_threads(1)
    experiment = folder.parent / "experiment"
    experiment.mkdir()
    os.chdir(experiment)  # ESPnet's paths are those of the folder that a recipe stands in
    write_folder(json.loads(variant.read_text("utf-8")), folder, audio)
    os.chdir(folder)
    lm = {"lm_train_config": str(LM / "config.yaml"), "lm_file": str(LM / "valid.loss.ave.pth")}
    loaded = {
        "greedy": load(beam_size=1, ctc_weight=0.0),
        "attention": load(beam_size=8, ctc_weight=0.0),
        "both": load(beam_size=12),  # ESPnet fails where it is as wide as the vocabulary
        "with lm": load(beam_size=10, ctc_weight=0.3, lm_weight=0.4, penalty=0.2, **lm),
    }
    torch.save([describe(loaded, read(path)) for path in audio], references)


if __name__ == "__main__":
    main()
