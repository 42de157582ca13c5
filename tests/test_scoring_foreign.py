import pytest

from asr.scoring.foreign import foreign_kind

STM = ["u1 1 spk 0.0 2.0 <o> wrong word here", "u2 1 spk 2.0 3.5 <o> two"]


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("CSV", ["id,text", "u1,wrong word here", "u2,two"]),
        ("CSV", ["path,sentence", "a b c.wav,hello there"]),
        ("CSV", ["u1,same words", "u2,two"]),
        ("CSV", ['"u 1","hello, world"', '"u 2","two"']),
        ("CSV", ["hello there,u1", "one two,u2"]),
        ("CSV", ["파일명,전사", "가 나.wav,안녕 하세요"]),
        ("CSV with semicolons", ["id;text", "u1;one two"]),
        ("CSV with semicolons", ["u1;one two", "u2;three"]),
        (
            "a table with |",
            ["LJ001-0001|Printing, in|Printing, in", "LJ001-0002|in being|in being"],
        ),
        ("TSV", ["id\ttext", "u1\twrong word here"]),
        ("TSV", ["client_id\tpath\tsentence", "x\ta.mp3\thello"]),
        ("TSV", ["start\tend\ttext", "0\t1500\thello"]),
        ("TSV", ["u1\tspk\thello there", "u2\tspk\tyes"]),
        ("TSV", ["hello there\tu1", "yes\tu2"]),
        ("TSV", ["recorded\tsaid", "u1\thello", "u2\tthere"]),
        ("TSV", ["recorded\tsaid", "u1\thello", "u2"]),
        ("a table", ["utt_id text", "u1 hello"]),
        ("STM", STM),
        ("STM", ["u1 A spk 0 2.5 one two", "u1 A spk 3 4 three", "u2 A spk 0 1"]),
        ("CTM", ["u1 A 0.11 0.20 wrong 0.9", "u1 A 0.31 0.20 word 0.8"]),
        ("CTM", ["u1 1 0.11 0.20 wrong", "u1 1 0.31 0.20 word"]),
        ("Kaldi segments", ["u1 rec1 0.0 2.5", "u2 rec1 2.5 4.0"]),
        ("RTTM", ["SPEAKER rec 1 0.0 2.5 <NA> <NA> spk <NA> <NA>"]),
        ("a table of times", ["0.000000\t1.500000\thello", "1.500000\t2.000000\tyou"]),
        ("a list of files", ["u1 /data/u1.wav", "u2 sph2pipe -f wav u2.sph |"]),
        ("WebVTT subtitles", ["WEBVTT", "00:00.000 --> 00:01.500", "hello"]),
        ("subtitles", ["1", "00:00:00,000 --> 00:00:01,500", "hello", "2"]),
        ("subtitles", ["[Script Info]", "Dialogue: 0,0:00:00.00,0:00:01.00,,hello"]),
        ("an HTK label file", ["#!MLF!#", '"*/u1.lab"', "one", "."]),
        ("a Praat TextGrid", ['File type = "ooTextFile"', 'Object class = "TextGrid"']),
        ("XML", ['<?xml version="1.0"?>', "<Trans>"]),
    ],
)
def test_a_format_that_is_not_read_is_told_by_its_lines(kind: str, lines: list[str]) -> None:
    assert foreign_kind(lines) == kind


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["u1 a b", "u2"],
        ["u1\t나는 간다", "u2\tone two", "u3"],
        ["u1 a\tb", "u2 c", "u3\td"],
        ["u1 yes, no, and 1,000 won", "u2 a;b", "u3 a|b"],
        ["u1 1,000원", "u2 2,000원", "u3 3,500원"],
        ["u1 네,알겠습니다", "u2 아니요,없어요"],
        ["u1 it is 3.5 kg", "u2 0.5 1.5 2.5"],
        ["u1 1 800 555 1234", "u2 two"],
        ["u1 a --> b", "u2 <unk> b"],
        ["spk-text-01 the text", "spk-text-02 the file"],
        ["intro\thello", "u1\tyou"],  # two lines are too few to tell a heading by its looks
        ["yes,no (spk_01)", "no,yes (spk_02)"],
        ["u1 name,text", "u2 id text"],
        ["u1 a.wav", "u2 hello there"],
    ],
)
def test_kaldi_text_and_trn_show_nothing_foreign(lines: list[str]) -> None:
    assert foreign_kind(lines) is None
