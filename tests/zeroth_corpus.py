"""A small corpus in the layout of Zeroth-Korean, and its archive: syllables are tones."""

import gzip
import io
import random
import tarfile
from pathlib import Path

import numpy as np
import soundfile
from conftest import tone

SYLLABLES = "가나다라"  # each a tone of its own
LETTERS = str.maketrans(SYLLABLES, "abcd")
RATE = 16000
SCRIPT = "003"
# Over morphemes, most of several syllables, as the corpus's own are.
LANGUAGE_MODEL = r"""
\data\
ngram 1=12
ngram 2=3

\1-grams:
-99	<s>	-0.3
-1.0	</s>
-2.0	<UNK>	-0.3
-0.8	가	-0.3
-0.8	나	-0.3
-0.8	다	-0.3
-0.9	라	-0.2
-0.6	나다	-0.2
-1.1	다라	-0.1
-1.2	라가
-1.3	가다	-0.4
-1.9	다가라	-0.1

\2-grams:
-0.2	<s> 가
-0.3	가 나다
-0.4	라 </s>

\end\
"""


def make_sentences(count: int, seed: int) -> list[str]:
    """Returns different sentences of two words."""
    draw = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        words = ["".join(draw.sample(SYLLABLES, draw.randint(1, 3))) for _ in range(2)]
        found[" ".join(words)] = None
    return list(found)


def write_set(folder: Path, readings: dict[str, list[str]]) -> None:
    """Writes the flac files and transcripts of a set: speaker -> what that speaker reads."""
    for speaker, sentences in readings.items():
        inside = folder / SCRIPT / speaker
        inside.mkdir(parents=True)
        lines = []
        for number, sentence in enumerate(sentences):
            name = f"{speaker}_{SCRIPT}_{number:04d}"
            samples = tone(sentence.translate(LETTERS), RATE, seed=number)
            soundfile.write(inside / f"{name}.flac", samples, RATE)
            lines.append(f"{name} {sentence}\n")
        (inside / f"{speaker}_{SCRIPT}.trans.txt").write_text("".join(lines), "utf-8")


def write_corpus(folder: Path, *, num_speakers: int = 6, num_readings: int = 6) -> Path:
    """Writes a corpus of 12 sentences; two test speakers read four of them and four others."""
    sentences = make_sentences(16, seed=0)
    known, new = sentences[:12], sentences[12:]
    train = {
        str(101 + index): [known[(2 * index + place) % 12] for place in range(num_readings)]
        for index in range(num_speakers)
    }
    test = {"201": [*known[:2], *new[:2]], "202": [*known[2:4], *new[2:]]}
    write_set(folder / "train_data_01", train)
    write_set(folder / "test_data_01", test)
    rows = ["SPEAKERID|NAME|SEX|SCRIPTID|DATASET\n"]
    for data, speakers in (("train_data_01", train), ("test_data_01", test)):
        rows += [f"{s}|somebody|{'fm'[int(s) % 2]}|{SCRIPT}|{data}\n" for s in speakers]
    (folder / "AUDIO_INFO").write_text("".join(rows), "utf-8")
    packed = gzip.compress(LANGUAGE_MODEL.encode(), mtime=0)
    (folder / "zeroth.lm.tgsmall.arpa.gz").write_bytes(packed)
    return folder


def pack(folder: Path) -> bytes:
    """Returns the archive of a corpus, without a folder around it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, path.name)
    return buffer.getvalue()


def count_samples(path: Path) -> int:
    """Returns how many samples a file holds."""
    return len(np.asarray(soundfile.read(path)[0]))
