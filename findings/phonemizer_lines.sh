#!/usr/bin/env bash
# phonemizer gives fewer phonemizations than it was given texts, and puts marks of languages among the phones.
#
# Expected: a list of texts becomes a list as long, with an empty string for a text without words; phones are phones.
# Seen with phonemizer 3.4.0 and espeakng-loader 0.2.4 (eSpeak NG 1.52.0): of ["hello world", "", "good bye"] two are
# left, and of ["hello world", "...", "good bye"] three, so that it depends on what is empty: preserve_empty_lines is off
# unless asked for. Of the Korean "나는 TV 를 본다" comes nɐnɯn(en)tiː viː(ko) ɾɯɫ pondɐ, with "(en)" and "(ko)" as if
# they were phones, since language_switch keeps them unless told otherwise (a warning tells of them, of the lines not).
# Whoever pairs phones and recordings by their place gives each recording after the first empty text the phones of
# another one, and a tokenizer of characters learns brackets. Ask for preserve_empty_lines=True and
# language_switch="remove-flags".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check phonemizer==3.4.0 espeakng-loader==0.2.4
cat > "$folder/lines.py" <<'PYTHON'
import os
import sys
from importlib.metadata import version

import espeakng_loader

os.environ["ESPEAK_DATA_PATH"] = espeakng_loader.get_data_path()
from phonemizer import phonemize
from phonemizer.backend.espeak.wrapper import EspeakWrapper

EspeakWrapper.set_library(espeakng_loader.get_library_path())
print(", ".join(f"{name} {version(name)}" for name in ("phonemizer", "espeakng-loader")))
found = []
for middle in ("", "..."):
    texts = ["hello world", middle, "good bye"]
    phones = phonemize(texts, language="en-us", backend="espeak")
    kept = phonemize(texts, language="en-us", backend="espeak", preserve_empty_lines=True)
    print(texts, "becomes", phones, "or, as asked for,", kept)
    found += [len(phones), len(kept)]
(korean,) = phonemize(["나는 TV 를 본다"], language="ko", backend="espeak")
print("나는 TV 를 본다 becomes", korean)
if found != [2, 3, 3, 3] or "(en)" not in korean or "(ko)" not in korean:
    sys.exit("this has changed: two of three are expected, and marks of languages")
PYTHON
"$folder/venv/bin/python" "$folder/lines.py"
