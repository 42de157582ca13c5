"""Transcribes by an exported model; soundfile, numpy and onnxruntime are all that it needs.

    asr export MODEL --out FOLDER
    python egs/onnx/transcribe.py FOLDER FILE.wav...

Greedy search by the decoder alone: the text of `asr transcribe --beam-size 1 --set
search.ctc_weight=0`, for files no longer than the utterances of training. --int8: in int8.
"""

import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile


def log_mel(waveform, settings, arrays):
    """Returns features (1,T,M), normalised, of samples (N,) float32 in [-1, 1]."""
    length = settings["window_length"]
    waveform = with_edges(waveform, settings) if settings["margin"] else waveform
    waveform = np.pad(waveform, (0, max(0, length - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(waveform, length)[:: settings["shift_length"]]
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    frames = frames - np.float32(settings["preemphasis"]) * before
    spectrum = np.fft.rfft(frames * arrays["window"], settings["fft_length"])
    energies = (spectrum.real**2 + spectrum.imag**2) @ arrays["filters"]
    features = np.log(np.maximum(energies, settings["energy_floor"])).astype(np.float64)
    features = features * settings["log_factor"]  # in decibels, or as they are
    if settings["range"] is not None:
        features = np.maximum(features, features.max() - settings["range"])
    mean, deviation = arrays["mean"], arrays["deviation"]  # 0 and 1 without normalisation
    if settings["normalization"].startswith("utterance"):
        mean = features.mean(axis=0)
    if settings["normalization"] == "utterance":
        deviation = np.sqrt(features.var(axis=0) + settings["variance_floor"])
    return ((features - mean) / deviation).astype(np.float32)[None]


def with_edges(waveform, settings):
    """Returns samples of which frames are centred on whole shifts, so that some are beyond."""
    shift, margin = settings["shift_length"], settings["margin"]
    last = max(0, (len(waveform) - settings["fft_length"] % 2) // shift) * shift
    needed = last + settings["window_length"]
    mode = {"silence": "constant", "mirrored": "reflect"}[settings["edges"]]
    return np.pad(waveform, (margin, max(0, needed - margin - len(waveform))), mode)[:needed]


def greedy(features, config, encoder, decoder):
    """Returns the best token at each step, until the end, the cap or a loop."""
    tokens, search, chosen = config["tokens"], config["search"], []
    encoded = run(encoder, features=features, lengths=np.array([features.shape[1]]))
    memory = {name: encoded[name] for name in config["memory"]}
    state = {part["name"]: encoded[part["name"]] for part in config["state"]}
    cap = np.ceil(encoded["memory_lengths"][0] * search["max_token_ratio"])
    periods, repeats = range(1, search["longest_loop"] + 1), search["loop_repeats"]
    while len(chosen) < np.clip(cap, 1, search["max_tokens"]):
        last = chosen[-1] if chosen else tokens["bos"]
        found = run(decoder, tokens=np.array([[last]]), **memory, **state)
        state = {part["name"]: found[part["next"]] for part in config["state"]}
        found["log_probs"][..., [tokens["pad"], tokens["bos"]]] = -np.inf
        chosen.append(int(found["log_probs"].argmax()))
        if chosen[-1] == tokens["eos"]:
            return chosen[:-1]
        if any(chosen[-n:] * repeats == chosen[-n * repeats :] for n in periods):
            break
    return chosen


def run(session, **given):
    """Returns a graph's outputs by their names."""
    names = [found.name for found in session.get_outputs()]
    return dict(zip(names, session.run(names, given), strict=True))


def spell(chosen, tokens):
    """Returns the text of tokens; of jamo (the last line) those that make a syllable."""
    text = "".join(tokens["texts"][token] for token in chosen)
    text = unicodedata.normalize("NFC", text.lstrip(" ") if tokens["has_pieces"] else text)
    return re.sub("[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]", "", text)


def main():
    """Prints a line of text for each file."""
    words = [word for word in sys.argv[1:] if word != "--int8"]
    if len(words) < 2 or any(word.startswith("-") for word in words):
        sys.exit(__doc__)
    folder, *paths = map(Path, words)
    if not (folder / "config.json").is_file():
        sys.exit(f"{folder}: has no config.json; give the --out of asr export")
    config = json.loads((folder / "config.json").read_text("utf-8"))
    files = config.get("files_int8" if "--int8" in sys.argv else "files")
    files = files or sys.exit(f"{folder}: has no int8 graphs; asr export --int8 makes them")
    graphs = [onnxruntime.InferenceSession(folder / files[name]) for name in ("encoder", "decoder")]
    arrays, rate = np.load(folder / "features.npz"), config["features"]["sample_rate"]
    for path in paths:
        try:
            audio, found = soundfile.read(path, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            sys.exit(f"{path}: cannot be read ({error})")
        if found != rate:
            sys.exit(f"{path}: has {found} samples a second; must have {rate}")
        is_sound = len(audio) and np.isfinite(audio).all()
        audio = audio if is_sound else sys.exit(f"{path}: no samples, or some are no numbers")
        features = log_mel(audio.mean(axis=1), config["features"], arrays)
        print(" ".join(spell(greedy(features, config, *graphs), config["tokens"]).split()))


if __name__ == "__main__":
    main()
