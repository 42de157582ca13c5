"""Run by SpeechBrain's own interpreter: a folder of a recognizer, and what it says of recordings.

    python speechbrain_folder.py HYPERPARAMS FOLDER REFERENCES.pt AUDIO...

Writes hyperparams.yaml and checkpoints with random weights as SpeechBrain lays them out, then has
SpeechBrain load them, by the class that its users have, and keeps what each step gives.
"""

import shutil
import sys
from pathlib import Path

import sentencepiece
import soundfile
import torch
from hyperpyyaml import load_hyperpyyaml
from speechbrain.decoders import S2SRNNGreedySearcher
from speechbrain.inference.ASR import EncoderDecoderASR

STEPS = 45  # not until all is sure: what is nearly as good should matter, too
WORDS = "so the cat sat on a mat and they then told that ten other cats about tea in their hats"


def randomize(module: torch.nn.Module, generator: torch.Generator) -> None:
    """Moves every weight and statistic away from where it was made, where nothing would show."""
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if not tensor.is_floating_point():
            continue
        noise = torch.randn(tensor.shape, generator=generator)
        with torch.no_grad():
            if "running_var" in name:
                tensor.copy_(noise.abs() + 0.5)
            elif tensor.dim() == 1:
                tensor.add_(0.2 * noise)
            else:
                # Below 1 where it is multiplied by again and again: a ReLU has no bound.
                tensor.mul_(0.7 if "weight_hh" in name else 1.5).add_(0.05 * noise)


def learn(made: dict, audio: list[Path]) -> None:
    """Teaches the recognizer a few tokens for each recording, so that its hypotheses end."""
    model, normalizer = made["asr_model"].eval(), made["normalizer"].eval()
    optimizer, generator = torch.optim.Adam(model.parameters(), lr=3e-3), torch.Generator()
    texts = [
        torch.randint(3, 36, (5 + 2 * number,), generator=generator.manual_seed(number))
        for number in range(len(audio))
    ]
    inputs = []
    for path in audio:
        waveform = torch.from_numpy(soundfile.read(path, dtype="float32")[0])[None]
        with torch.no_grad():
            inputs.append(normalizer(made["compute_features"](waveform), torch.ones(1)))
    for _ in range(STEPS):
        losses = []
        for features, text in zip(inputs, texts, strict=True):
            values, bos = made["enc"](features), torch.tensor([made["bos_index"]])
            hidden, _ = made["dec"](
                made["emb"](torch.cat([bos, text])[None]), values, torch.ones(1)
            )
            goal = torch.cat([text, torch.tensor([made["eos_index"]])])
            losses.append(torch.nn.functional.cross_entropy(made["seq_lin"](hidden)[0], goal))
        optimizer.zero_grad()
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()


def write_folder(hyperparams: Path, folder: Path, audio: list[Path]) -> None:
    """Writes the folder: the file, tokens, statistics and weights."""
    folder.mkdir(parents=True)
    shutil.copy(hyperparams, folder / "hyperparams.yaml")
    with hyperparams.open() as file:
        made = load_hyperpyyaml(file)
    generator = torch.Generator().manual_seed(1)
    sizes = {"bos_id": -1, "eos_id": -1, "pad_id": -1}
    if made["bos_index"] != made["eos_index"]:
        sizes = {"bos_id": made["bos_index"], "eos_id": made["eos_index"], "pad_id": -1}
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([WORDS.upper(), *WORDS.upper().split()] * 3),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=made["output_neurons"],
        hard_vocab_limit=True,
        minloglevel=2,
        unk_id=0,
        **sizes,
    )
    (folder / "tokenizer.vocab").unlink()
    (folder / "tokenizer.model").rename(folder / "tokenizer.ckpt")
    for module in [made["asr_model"], made["lm_model"]]:
        randomize(module, generator)
    normalizer = made["normalizer"].train()
    features = made["compute_features"](0.1 * torch.randn(4, 32000, generator=generator))
    normalizer(features, torch.ones(4))
    normalizer.glob_mean += torch.randn(normalizer.glob_mean.shape, generator=generator)
    normalizer._save(folder / "normalizer.ckpt")
    learn(made, audio)
    torch.save(made["asr_model"].state_dict(), folder / "asr.ckpt")
    torch.save(made["lm_model"].state_dict(), folder / "lm.ckpt")


@torch.no_grad()
def describe(model: EncoderDecoderASR, audio: Path) -> dict[str, object]:
    """Returns what each step of a recognizer says of a recording, by itself in its batch."""
    samples, _ = soundfile.read(audio, dtype="float32")
    waveform, ones = torch.from_numpy(samples)[None], torch.ones(1)
    steps = dict(model.mods.encoder.named_children())
    features = steps["normalize"](steps["compute_features"](waveform), ones)
    values = model.encode_batch(waveform, ones)
    greedy = S2SRNNGreedySearcher(
        embedding=model.hparams.emb,
        decoder=model.hparams.dec,
        linear=model.hparams.seq_lin,
        bos_index=model.hparams.bos_index,
        eos_index=model.hparams.eos_index,
        min_decode_ratio=0.0,
        max_decode_ratio=1.0,
    )
    tokens = torch.tensor([[model.hparams.bos_index, 5, 9, 31, 7, 7, 12]])
    hidden, alignments = model.hparams.dec(model.hparams.emb(tokens), values, ones)
    [greedy_tokens], *_ = greedy(values, ones)
    words, [beam_tokens] = model.transcribe_batch(waveform, ones)
    lm_logits, _ = model.hparams.lm_model(tokens)
    return {
        "features": features[0],
        "values": values[0],
        "ctc": model.hparams.ctc_lin(values)[0].log_softmax(dim=-1),
        "tokens": tokens[0],
        "alignments": alignments[0],
        "log_probs": model.hparams.seq_lin(hidden)[0].log_softmax(dim=-1),
        "lm_log_probs": lm_logits[0].log_softmax(dim=-1),
        "greedy": [int(token) for token in greedy_tokens],
        "greedy_text": model.tokenizer.decode_ids([int(token) for token in greedy_tokens]),
        "beam": [int(token) for token in beam_tokens],
        "beam_text": words[0],
        "beam_score": float(model.mods.decoder(values, ones)[2].flatten()[0]),
    }


def main() -> None:
    """Writes the folder and the references."""
    hyperparams, folder, references, *audio = map(Path, sys.argv[1:])
    torch.manual_seed(0)
    torch.set_num_threads(1)
    write_folder(hyperparams, folder, audio)
    model = EncoderDecoderASR.from_hparams(
        source=str(folder), savedir=str(folder.parent / "speechbrain-cache")
    )
    torch.save([describe(model, path) for path in audio], references)


if __name__ == "__main__":
    main()
