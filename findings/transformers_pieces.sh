#!/usr/bin/env bash
# One sentencepiece file gives other tokens by the class of transformers that reads it, without a word.
#
# Expected: the file says whether it is a unigram model or BPE and which number unknown text has; a reader
# follows that, or refuses what it cannot follow.
# Seen with transformers 5.24.0 and sentencepiece 0.2.3: T5Tokenizer reads BPE as unigram and LlamaTokenizer
# unigram as BPE, so that known words become other pieces; an unknown letter is 2 in T5Tokenizer, which is
# another token of the file (</s>, its unknown being 3), and nothing at all in LlamaTokenizer;
# T5Tokenizer(vocab_file=...) leaves the file unread and knows no word. No warning with any of them.
# Speech2TextTokenizer, which asks sentencepiece itself, gives what the file says.
# A recognizer fed such tokens learns or is scored on other text than one thinks. Use sentencepiece, or compare
# a few lines with it first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  transformers==5.24.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf==7.36.2
cat > "$folder/pieces.py" <<'PYTHON'
import sys
from pathlib import Path

import sentencepiece
import transformers
from transformers import LlamaTokenizer, T5Tokenizer

print("transformers", transformers.__version__, "sentencepiece", sentencepiece.__version__)
LINES = [
    "she had your dark suit in greasy wash water all year",
    "the cat sat on the mat and the dog sat on the cat",
    "don't ask me to carry an oily rag like that",
]
TEXTS = ["the dark cat sat on that mat", "café"]
folder, found = Path(sys.argv[1]), {}
for kind, size in (("unigram", 60), ("bpe", 60)):
    place = folder / kind
    place.mkdir()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 3), model_prefix=str(place / "tokenizer"), vocab_size=size,
        model_type=kind, pad_id=0, bos_id=1, eos_id=2, unk_id=3, minloglevel=2,
        hard_vocab_limit=False,
    )
    (place / "spiece.model").write_bytes((place / "tokenizer.model").read_bytes())
    said = sentencepiece.SentencePieceProcessor(model_file=str(place / "tokenizer.model"))
    readers = {
        "T5Tokenizer": T5Tokenizer.from_pretrained(place, extra_ids=0),
        "LlamaTokenizer": LlamaTokenizer.from_pretrained(place),
        "T5Tokenizer(vocab_file)": T5Tokenizer(vocab_file=str(place / "spiece.model"), extra_ids=0),
    }
    for text in TEXTS:
        wanted = said.encode(text)
        print(f"{kind} {text!r}: sentencepiece {wanted}")
        for name, reader in readers.items():
            tokens = reader.encode(text, add_special_tokens=False)
            print(f"    {name}: {tokens}{'' if tokens == wanted else '  other'}")
            found[kind, name, text] = tokens == wanted
EXPECTED = {
    ("unigram", "T5Tokenizer"): (True, False),
    ("unigram", "LlamaTokenizer"): (False, False),
    ("bpe", "T5Tokenizer"): (False, False),
    ("bpe", "LlamaTokenizer"): (True, False),
    ("unigram", "T5Tokenizer(vocab_file)"): (False, False),
    ("bpe", "T5Tokenizer(vocab_file)"): (False, False),
}
same = {key: tuple(found[*key, text] for text in TEXTS) for key in EXPECTED}
if same != EXPECTED:
    sys.exit(f"this has changed: {same}, where {EXPECTED} is expected")
PYTHON
"$folder/venv/bin/python" "$folder/pieces.py" "$folder" 2>&1 | grep -v "PyTorch was not found"
