import gzip
import itertools
import json
from pathlib import Path

import pytest
from conftest import error_of, run

from asr.errors import ConfigError, DataError
from asr.scoring.pairs import read_text_file, read_text_pair

ALWAYS = ["utt1 funny (laughter)", "utt2 hello (noise)"]
KOREAN = ["K_000001 거의 (70%)/(칠십퍼센트)", "K_000002 네"]
SOMETIMES = ["utt1 yeah that is funny (laughter)", "utt2 hello there", "utt3 (hm) yes"]


def write(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return path


@pytest.mark.parametrize("lines", [ALWAYS, KOREAN, SOMETIMES])
def test_kaldi_text_that_ends_in_brackets_is_read_in_any_order_of_its_lines(
    tmp_path: Path, lines: list[str]
) -> None:
    wanted = dict(line.split(maxsplit=1) for line in lines)
    for order in itertools.permutations(lines):
        path = write(tmp_path, "ref.txt", list(order))
        assert read_text_file(path, field="reference").texts == wanted


@pytest.mark.parametrize("name", ["ref", "ref.txt", "ref.trn"])
def test_trn_is_read_in_any_order_of_its_lines(tmp_path: Path, name: str) -> None:
    for order in itertools.permutations([";; all of it", "one two (s-u1)", "(s-u2)", "3 (s-u3)"]):
        path = write(tmp_path, name, list(order))
        found = read_text_file(path, field="reference").texts
        assert found == {"s-u1": "one two", "s-u2": "", "s-u3": "3"}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_trn_with_a_line_that_has_no_id_is_refused_at_that_line(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    lines = ["one two (s-u1)", "three four", "five (s-u3)"]
    path = write(tmp_path, "ref", [lines[index] for index in order])
    where = f'ref line {order.index(1) + 1}: "three four" does not end with (id)'
    with pytest.raises(DataError) as raised:
        read_text_file(path, field="reference")
    assert where in str(raised.value)
    assert "--format kaldi" in str(raised.value)


def test_the_ids_of_the_other_file_tell_kaldi_text_from_trn(tmp_path: Path) -> None:
    unclear = write(tmp_path, "unclear", ["alpha yes (beta)", "gamma no (delta)"])
    kaldi = write(tmp_path, "kaldi", ["alpha yes", "gamma no"])
    json_lines = [json.dumps({"id": name, "text": "x"}) for name in ("beta", "delta")]
    trn = write(tmp_path, "trn.jsonl", json_lines)
    assert read_text_pair(unclear, kaldi)[0].texts == {"alpha": "yes (beta)", "gamma": "no (delta)"}
    assert read_text_pair(trn, unclear)[1].texts == {"beta": "alpha yes", "delta": "gamma no"}


def test_where_the_ids_do_not_tell_the_format_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "ref", ["alpha yes (beta)", "gamma no (delta)"])
    with pytest.raises(DataError, match="ref line 1: ends in a bracket, which may be a word of"):
        read_text_file(path, field="reference")
    assert read_text_file(path, field="reference", format_name="trn").texts["beta"] == "alpha yes"
    kaldi = read_text_file(path, field="reference", format_name="kaldi").texts
    assert kaldi["alpha"] == "yes (beta)"
    with pytest.raises(ConfigError, match='--format "srt": unknown; known: kaldi, trn, jsonl, stm'):
        read_text_file(path, field="reference", format_name="srt")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("ref.srt", "SubRip subtitles"),
        ("ref.vtt", "WebVTT subtitles"),
        ("ref.TextGrid", "a Praat TextGrid"),
    ],
)
def test_other_formats_are_refused_by_name_unless_the_format_is_given(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = write(tmp_path, name, ["u1 hello", "u2 there"])
    with pytest.raises(DataError) as raised:
        read_text_file(path, field="reference")
    assert str(raised.value).startswith(f"{path}: is {kind}, which asr score does not read; write")
    texts = read_text_file(path, field="reference", format_name="kaldi").texts
    assert texts == {"u1": "hello", "u2": "there"}


@pytest.mark.parametrize("name", ["ref", "ref.json"])
@pytest.mark.parametrize(
    "text",
    [
        '[{"id": "u1", "text": "a"}, {"id": "u2", "text": "b"}]',
        '[{"id": "u1", "text": "a"},\n {"id": "u2", "text": "b"}]',
        '[\n{"id": "u1", "text": "a"},\n{"id": "u2", "text": "b"}\n]',
        '{"data": [{"audio": "x/u1.wav", "wrd": "a"}, {"audio": "x/u2.wav", "wrd": "b"}]}',
        '{"u1": {"text": "a", "seconds": 1.5}, "u2": {"text": "b"}}',
        '{\n  "u1": "a",\n  "u2": "b"\n}',
        '{"u1": "a", "u2": "b"}',
        '{"id": "u1", "text": "a"}\n{"id": "u2", "text": "b"}\n',
        '{"audio_filepath": "u1.wav", "text": "a"}\n{"audio_filepath": "u2.wav", "text": "b"}\n',
    ],
)
def test_json_is_read_in_any_of_its_forms(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    found = read_text_file(path, field="reference")
    assert found.texts == {"u1": "a", "u2": "b"}
    assert found.said[0].startswith(f"{name}: read as JSON")


def test_a_format_is_told_by_lines_where_the_name_does_not(tmp_path: Path) -> None:
    path = write(tmp_path, "ref.txt", ["u1 1 spk 0.0 2.0 <o> wrong word here"])
    found = read_text_file(path, field="reference")
    assert found.texts == {"u1": "wrong word here"}
    assert found.said == ("ref.txt: read as STM; utterances: 1",)


def test_the_command_takes_a_format_for_files_alone(tmp_path: Path) -> None:
    ref = write(tmp_path, "ref.tsv", ["u1\tone two", "u2\tthree"])
    hyp = write(tmp_path, "hyp.txt", ["u1 one too", "u2 three"])
    message = error_of("score", "--ref", ref, "--hyp", hyp)
    assert "ref.tsv: read as TSV, has no column for the id; has u1, one two (name the" in message
    one = run("score", "--ref", ref, "--hyp", hyp, "--only", "wer", "--ref-format", "kaldi")
    assert one.stdout == "33.33 %\n"
    assert "hyp.txt: read as Kaldi text; utterances: 2" in one.stderr
    both = ["score", "--ref", ref, "--hyp", hyp, "--only", "wer", "--format"]
    assert run(*both, "kaldi").stdout == "33.33 %\n"
    assert '--format "x": unknown' in error_of(*both, "x")
    assert "--format with files" in error_of("score", tmp_path, "--format", "kaldi")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            gzip.compress(b"u1 a\n"),
            "is packed with gzip; must be UTF-8 text (unpack it with gunzip)",
        ),
        (b"PK\x03\x04xxx", "is a zip archive or a spreadsheet; must be UTF-8 text"),
        ("u1 a\n".encode("utf-16"), "is UTF-16; must be UTF-8 text (iconv -f UTF-16 -t UTF-8"),
        ("u1 a\n".encode("utf-16-le"), "holds the byte 0, as no text does; must be UTF-8 text"),
        (b";; only\nu1 a\n", 'line 1: ";;" begins a comment of trn or STM, which Kaldi text has'),
        (b'{"id": "u1", "text": "\\ud800"}\n', 'line 1: "text" holds half a character'),
        (b'{"id": "u1"}\n', '"text" is missing; must be a string; each line is {"id": ..., "text"'),
        (b'{"id": "u1", "text": "a"}\n' + b"[" * 100_000, "line 2: is not JSON (maximum recursion"),
        (b"the cat\nthe dog\n", 'utterance "the" comes a second time; must come once (each line'),
    ],
)
def test_what_is_no_text_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "ref").write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_text_file(tmp_path / "ref", field="reference")
    assert message in str(raised.value)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b"\r\r\n"])
def test_lines_end_as_on_any_system(tmp_path: Path, end: bytes) -> None:
    (tmp_path / "ref").write_bytes(end.join([b"u1 one", b"u2 two three", b""]))
    found = read_text_file(tmp_path / "ref", field="reference").texts
    assert found == {"u1": "one", "u2": "two three"}


def test_offices_dots_fillers_and_apostrophes_are_no_errors(tmp_path: Path) -> None:
    pairs = [("3ㆍ1 운동", "3 1 운동"), ("안녕ㅤ하세요", "안녕 하세요"), ("５Ｇ 요금제", "5g 요금제")]
    pairs += [("㎏ 단위", "kg 단위"), ("don`t", "don't"), ("don´t", "don’t")]
    ref = write(tmp_path, "ref", [f"u{n} {pair[0]}" for n, pair in enumerate(pairs)])
    hyp = write(tmp_path, "hyp", [f"u{n} {pair[1]}" for n, pair in enumerate(pairs)])
    done = run("score", "--ref", ref, "--hyp", hyp, "--normalizer", "korean", "--only", "cer,wer")
    assert done.stdout == "CER 0.00 % WER 0.00 %\n"
