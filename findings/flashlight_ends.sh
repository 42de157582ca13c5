#!/usr/bin/env bash
# Flashlight's lexicon decoder hears another word where a recording ends right after the last one.
#
# Expected: of frames that are sure of "sea | shore", with a lexicon that has both words (and "she", "so"), these two;
# a model is seldom trained to hear a separator where nothing follows.
# Seen with flashlight-text 0.0.7: if the last frame is a separator, both words. Without one, the last word, whose spelling
# ends with the separator as the tool's own lexicons have it, cannot be finished, and the best sequence of finished words is
# given in its place: "sea she", at a score far below the right one, and without a word. One frame of blank at the
# end makes up for it, since the separator may take its place; the same frames decoded without a lexicon are right.
# So of a list of recordings cut close after their last word, that word is wrong, where the model was right. Add
# a frame of separator to the emissions, or spell each word with and without one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check flashlight-text==0.0.7 numpy==2.4.6
cat > "$folder/ends.py" <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from flashlight.lib.text import decoder as fl
from flashlight.lib.text.dictionary import Dictionary

TOKENS = "-|aehors"  # a blank first, then what parts words
WORDS = ("sea", "shore", "she", "so")
SURE, UNSURE = 0.0, -10.0  # log probabilities of a frame

tokens, words = Dictionary(), Dictionary()
for token in TOKENS:
    tokens.add_entry(token)
for word in (*WORDS, "<unk>"):
    words.add_entry(word)
lm = fl.ZeroLM()


def lexicon_of(*ends):
    trie = fl.Trie(len(TOKENS), 1)
    for word in WORDS:
        for end in ends:
            trie.insert([TOKENS.index(letter) for letter in word + end], words.get_index(word), 0.0)
    trie.smear(fl.SmearingMode.MAX)
    return trie


def emissions_of(frames):
    values = np.full((len(frames), len(TOKENS)), UNSURE, np.float32)
    values[np.arange(len(frames)), [TOKENS.index(token) for token in frames]] = SURE
    return values


def decode(decoder, frames):
    values = emissions_of(frames)
    return decoder.decode(values.ctypes.data, *values.shape)[0]


def by_lexicon(frames, *ends):
    options = fl.LexiconDecoderOptions(
        100, len(TOKENS), 1000.0, 0.0, 0.0, float("-inf"), 0.0, False, fl.CriterionType.CTC
    )
    unknown = words.get_index("<unk>")
    decoder = fl.LexiconDecoder(options, lexicon_of(*ends), lm, 1, 0, unknown, [], False)
    best = decode(decoder, frames)
    return " ".join(words.get_entry(number) for number in best.words if number >= 0), best.score


def without_lexicon(frames):
    options = fl.LexiconFreeDecoderOptions(
        beam_size=100, beam_size_token=len(TOKENS), beam_threshold=1000.0, lm_weight=0.0,
        sil_score=0.0, log_add=False, criterion_type=fl.CriterionType.CTC,
    )
    best = decode(fl.LexiconFreeDecoder(options, lm, 1, 0, []), frames)
    return "".join(TOKENS[number] for number in best.tokens).strip("|").replace("|", " ")


print("flashlight-text", version("flashlight-text"))
found = {
    "ends with a separator": by_lexicon("sea|shore|", "|"),
    "ends with the word": by_lexicon("sea|shore", "|"),
    "ends with a blank": by_lexicon("sea|shore-", "|"),
    "ends with the word, spelt both ways": by_lexicon("sea|shore", "|", ""),
    "ends with the word, no lexicon": (without_lexicon("sea|shore"), SURE),
}
for what, (text, score) in found.items():
    print(f"{what}: {text} ({score:g})")
wrong = [what for what, (text, _) in found.items() if text != "sea shore"]
if wrong != ["ends with the word"]:
    sys.exit(f"this has changed: wrong where it {wrong}")
PYTHON
"$folder/venv/bin/python" "$folder/ends.py"
