"""The words of a training text, of any kind, and those that it lacks."""

from pathlib import Path

import pytest
from lhotse import CutSet, MonoCut, SupervisionSegment

from asr.errors import ConfigError, DataError
from asr.scoring.counts import score
from asr.scoring.places import reference_words
from asr.scoring.vocabulary import KNOWN, Unseen, read_vocabulary, unseen_words
from asr.text.normalizers import get_normalizer

NONE = get_normalizer("none")


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def manifest(folder: Path, *texts: str, name: str = "train.jsonl.gz") -> Path:
    cuts = []
    for number, text in enumerate(texts):
        said = SupervisionSegment(f"u{number}", "r", 0.0, 1.0, text=text)
        cuts.append(MonoCut(f"u{number}", 0.0, 1.0, 0, supervisions=[said]))
    CutSet.from_cuts(cuts).to_file(folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["train.jsonl.gz", "train.jsonl"])
def test_a_manifest_of_cuts_is_read(tmp_path: Path, name: str) -> None:
    found = read_vocabulary(manifest(tmp_path, "a b", "b 가", name=name), NONE)
    assert found.words == {"a", "b", "가"}
    assert found.said == f"{name}: read as a manifest of cuts; different words: 3"


@pytest.mark.parametrize(
    ("name", "text", "title"),
    [
        ("train.txt", "a b\nb a\n", "read as plain text, a sentence a line"),
        ("train.txt", "a b (laughs)\nb a\n", "read as plain text, a sentence a line"),
        ("train.txt", "a, b\nb, a\n", "read as plain text, a sentence a line"),
        ("text", "u1 a b\nu2 b\n", "read as Kaldi text; utterances: 2"),
        ("ref.trn", "a b (u-1)\n", "read as trn; utterances: 1"),
        ("train.csv", "id,text\nu1,a b\n", "read as CSV, columns id, text; utterances: 1"),
        ("t.jsonl", '{"id": "u", "text": "a b"}\n', "read as JSON lines; utterances: 1"),
    ],
)
def test_what_a_text_is_read_as_is_found_and_said(
    tmp_path: Path, name: str, text: str, title: str
) -> None:
    found = read_vocabulary(write(tmp_path, name, text), NONE)
    assert found.words - {"(laughs)", "a,", "b,"} == {"a", "b"}
    assert found.said.startswith(f"{name}: {title}; different words: ")


def test_a_format_that_is_given_is_not_looked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "text", "u1 a\nu2 b\n")
    assert read_vocabulary(path, NONE, format_name="plain").words == {"u1", "u2", "a", "b"}
    assert read_vocabulary(path, NONE, format_name="kaldi").words == {"a", "b"}
    with pytest.raises(ConfigError) as raised:
        read_vocabulary(path, NONE, format_name="words")
    assert str(raised.value) == f'--against-format "words": unknown; known: {", ".join(KNOWN)}'


def test_the_text_goes_through_the_normaliser(tmp_path: Path) -> None:
    path = write(tmp_path, "t.txt", "Don’t, STOP!\n")
    assert read_vocabulary(path, get_normalizer("english")).words == {"don't", "stop"}


@pytest.mark.parametrize(
    ("earlier", "words", "said"),
    [
        ("english 2", {"don't", "stop"}, ", through normalizer english 2 as the references"),
        ("none 2", {"Don’t,", "STOP!"}, ""),
        ("english 1", {"Don’t,", "STOP!"}, ", not through normalizer english 1 as the references"),
    ],
)
def test_the_text_goes_through_what_the_references_went_through_before(
    tmp_path: Path, earlier: str, words: set[str], said: str
) -> None:
    path = write(tmp_path, "t.txt", "Don’t, STOP!\n")
    found = read_vocabulary(path, NONE, earlier=earlier)
    assert found.words == words
    assert found.said.startswith(f"t.txt: read as plain text, a sentence a line{said}")


@pytest.mark.parametrize("text", ["", "\n \n", "... !\n"])
def test_a_text_without_a_word_is_an_error(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "t.txt", text)
    with pytest.raises(DataError) as raised:
        read_vocabulary(path, get_normalizer("english"))
    assert str(raised.value) == (
        f"{path}: read as plain text, a sentence a line, holds no word; must hold the text that "
        "the recognizer was trained on"
    )


def test_a_file_that_cannot_be_read_names_the_right_option(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none: cannot be read"):
        read_vocabulary(tmp_path / "none", NONE)
    path = write(tmp_path, "t.csv", "one,two\nx,y\n")
    with pytest.raises(DataError, match="or say by --against-format that it is something else"):
        read_vocabulary(path, NONE)


def test_words_that_training_lacks_are_counted(tmp_path: Path) -> None:
    vocabulary = read_vocabulary(write(tmp_path, "t.txt", "a b\n"), NONE)
    scores = score({"u": "a c d", "v": "c b"}, {"u": "a c x", "v": "b"})
    # not in training: c, d, c; of these c of u is recognised
    assert unseen_words(reference_words(scores), vocabulary) == Unseen(5, 3, 2, 1)
