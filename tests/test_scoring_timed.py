from pathlib import Path

import pytest
from conftest import error_of, run

from asr.errors import DataError
from asr.scoring.pairs import read_text_file, read_text_pair

STM = """;; a comment
f1 1 ann 0.0 2.0 <o,f0> hello there big world
f1 1 ann 3.0 5.0 <o,f0> how are you
f1 1 ann 5.0 6.0 IGNORE_TIME_SEGMENT_IN_SCORING
f1 1 ann 7.0 9.0 <o,f0> last one
f2 1 inter_segment_gap 0 1
"""
# As sclite 2.10 parts it: "world" ends behind its segment's end, so it is of the next one.
CTM = """;; a comment
f1 1 0.1 0.2 hello 0.9
f1 1 0.5 0.2 there <NA>
f1 1 1.0 0.2 big NA
f1 1 1.9 0.3 world
f1 1 2.4 0.2 gap
f1 1 3.1 0.2 how 0.8 lex ann
f1 1 5.1 0.2 ignored
f1 1 6.3 0.2 before
f1 1 7.1 0.2 last
f1 1 7.4 0.2 @
f1 1 9.5 0.2 after
"""
PARTED = {
    "f1-1-0.000-2.000": "hello there big",
    "f1-1-3.000-5.000": "world gap how",
    "f1-1-7.000-9.000": "before last after",
    "f2-1-0.000-1.000": "",
}


def write(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path


def test_a_word_belongs_to_the_segment_of_its_middle_and_what_is_outside_is_said(tmp_path: Path):
    ref, hyp = write(tmp_path / "ref.stm", STM), write(tmp_path / "hyp.ctm", CTM)
    said, heard = read_text_pair(ref, hyp)
    assert heard.texts == PARTED
    assert said.texts["f1-1-0.000-2.000"] == "hello there big world"
    assert said.texts["f2-1-0.000-1.000"] == ""
    assert said.places["f1-1-3.000-5.000"].speaker == "ann"
    assert list(said.texts) == list(heard.texts)
    assert said.said == (
        "ref.stm: read as STM; utterances: 5",
        "ref.stm: 1 segments are IGNORE_TIME_SEGMENT_IN_SCORING, and skipped",
        "ref.stm: 3 of 5 segments begin with labels, as <o,f0>, which are no words",
    )
    assert heard.said == (
        "hyp.ctm: read as CTM; utterances: 4",
        "hyp.ctm: 1 words are @, which is none",
        "hyp.ctm: 4 words lie in no segment, and count in the next one of their file, as in sclite",
        "hyp.ctm: no words at all for f2 (1 files)",
    )


def test_unsorted_words_are_sorted_and_it_is_said(tmp_path: Path):
    ref, hyp = write(tmp_path / "ref.stm", STM), tmp_path / "hyp.ctm"
    comment, *words = CTM.splitlines()
    write(hyp, "\n".join([comment, *reversed(words)]))
    _, heard = read_text_pair(ref, hyp)
    assert heard.texts == PARTED
    assert "hyp.ctm: 10 words stood before earlier ones, and are sorted" in heard.said


def test_a_segment_ends_before_its_end(tmp_path: Path):
    ref = write(tmp_path / "ref.stm", "f A s 0 2 a b\nf A s 2 4 c\n")
    hyp = write(tmp_path / "hyp.ctm", "f A 0.0 1.0 a\nf A 1.5 1.0 b\nf A 2.5 0.5 c\n")
    assert list(read_text_pair(ref, hyp)[1].texts.values()) == ["a", "b c"]


def test_files_of_one_segment_are_utterances_in_any_format(tmp_path: Path):
    stm = write(tmp_path / "ref.stm", "u1 1 s 0 2 one two\nu2 1 s 0 1.5\n")
    ctm = write(tmp_path / "hyp.ctm", "u1 1 0.0 0.5 one\nu1 1 0.6 0.5 too\nu3 1 0 1 x\n")
    kaldi = write(tmp_path / "text", "u1 one too\nu2\n")
    assert read_text_pair(stm, kaldi)[0].texts == {"u1": "one two", "u2": ""}
    assert read_text_pair(kaldi, ctm)[1].texts == {"u1": "one too", "u3": "x"}
    assert read_text_pair(kaldi, stm)[1].texts == {"u1": "one two", "u2": ""}
    assert read_text_file(ctm, field="reference").texts == {"u1": "one too", "u3": "x"}


def test_stm_is_scored_against_stm(tmp_path: Path):
    ref = write(tmp_path / "ref.stm", STM)
    one_each = "f1 1 x 0 2.00 hello there\nf1 1 x 5 6 noise here\nf1 1 x 7 9 last one\n"
    hyp = write(tmp_path / "hyp.stm", one_each)
    done = run("score", "--ref", ref, "--hyp", hyp, "--only", "wer")
    assert done.stdout == "55.56 %\n"  # 2 of 4, 3 of 3, 0 of 2 words
    hyp = write(tmp_path / "hyp.stm", one_each.partition("\n")[0])  # of one segment a file
    assert run("score", "--ref", ref, "--hyp", hyp, "--only", "wer").stdout == "77.78 %\n"


def test_words_that_are_all_numbers_are_ctm(tmp_path: Path):
    path = write(tmp_path / "hyp", "f1 1 0.10 0.20 3\nf1 1 0.50 0.20 1\n")
    assert read_text_file(path, field="hypothesis").texts == {"f1": "3 1"}


@pytest.mark.parametrize(
    ("stm", "ctm", "message"),
    [
        ("f 1 s 0\n", "f 1 0 1 a\n", 'ref.stm line 1: "f 1 s 0" is too short; must be FILE CH'),
        ("f 1 s 3 2 a\n", "f 1 0 1 a\n", "ref.stm line 1: ends at 2, before its begin 3"),
        ("f 1 s x 2 a\n", "f 1 0 1 a\n", 'ref.stm line 1: "x" is no time; must be seconds from 0'),
        ("f 1 s nan 2 a\n", "f 1 0 1 a\n", 'ref.stm line 1: "nan" is no time'),
        ("f 1 s 0 2 a\n", "f 1 0 1\n", 'hyp.ctm line 1: "f 1 0 1" is too short; must be FILE CHA'),
        ("f 1 s 0 2 a\n", "f 1 -1 1 a\n", 'hyp.ctm line 1: "-1" is no time'),
        ("f 1 s 0 2 a\n", "f 1 * * <ALT_BEGIN>\n", "hyp.ctm line 1: alternatives in CTM are not"),
        ("f 1 s 0 2 a\n", "g 1 0 1 a\n", 'hyp.ctm line 1: "g" is not in '),
        ("f A s 0 2 a\nf B t 0 2 b\n", "f 1 0 1 a\n", '"f" has channel 1, and in '),
        ("f 1 s 0 2 a\nf 1 t 1 3 b\n", "f 1 0 1 a\n", "ref.stm line 2: overlaps ref.stm line 1"),
        ("f 1 s 0 2 a\n", "f 1 1 1 a\nf 1 0 3 b\n", 'line 1: "a" is not in the order of time, and'),
        ("f 1 s 0 2 a\n", "f 1 0 1 a\nf 1 0 1 a\n", 'line 2: "a" stands there twice, at the same'),
        ("f 1 s 0 2 {a b\n", "f 1 0 1 a\n", 'ref.stm line 1: "{a b" holds alternatives'),
    ],
)
def test_times_that_do_not_fit_are_one_sentence(tmp_path: Path, stm: str, ctm: str, message: str):
    ref, hyp = write(tmp_path / "ref.stm", stm), write(tmp_path / "hyp.ctm", ctm)
    assert message in error_of("score", "--ref", ref, "--hyp", hyp)


def test_two_channels_of_a_file_need_stm(tmp_path: Path):
    hyp = write(tmp_path / "hyp.ctm", "f A 0 1 a\nf B 0 1 b\n")
    with pytest.raises(DataError, match='"f" has the channels A and B; without STM'):
        read_text_file(hyp, field="hypothesis")
