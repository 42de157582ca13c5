import codecs
import json
from pathlib import Path

import pytest

from asr.errors import DataError
from asr.scoring.pairs import read_text_file, read_text_pair

WANTED = {"u1": "a, b", "u2": ""}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("r.csv", 'id,text\nu1,"a, b"\nu2,\n', "CSV, columns id, text"),
        ("r.csv", 'sep=;\nID;Text\nu1;a, b\nu2;""\n', "CSV, columns ID, Text"),
        ("r.txt", 'text,id\r\n"a, b",u1\r\n,u2\r\n', "CSV, columns id, text"),
        ("r.txt", "utt_id|hypothesis|reference\nu1|x|a, b\nu2|x|\n", "CSV, columns utt_id, refe"),
        ("r.tsv", "path\tsentence\nx/u1.mp3\ta, b\nx/u2.mp3\t\n", "TSV, columns path, sentence"),
        ("r.tsv", 'file\ttext\tref\nu1.wav\t"q\ta, b\nu2.wav\tr\t\n', "TSV, columns file, ref"),
        ("r.tsv", "아이디\t텍스트\nu1\ta, b\nu2\t\n", "TSV, columns 아이디, 텍스트"),
        ("r.json", '[{"id": "u1", "text": "a, b"}, {"id": "u2", "text": ""}]', "JSON, columns id"),
        ("r.json", '{"u1": "a, b", "u2": ""}', "JSON, texts by id"),
    ],
)
def test_tables_are_read_by_the_names_of_their_columns(
    tmp_path: Path, name: str, content: str, said: str
):
    (tmp_path / name).write_bytes(content.encode())
    found = read_text_file(tmp_path / name, field="reference")
    assert found.texts == WANTED
    assert found.said[0].startswith(f"{name}: read as {said}")


def test_a_text_of_a_table_may_hold_line_breaks_and_what_trn_takes_for_syntax(tmp_path: Path):
    text = "{ a / b } (c) @ ;; ,\n\x0b\x07 d"
    (tmp_path / "r.csv").write_text(f'id,text\nu1,"{text}"\n', "utf-8")
    assert read_text_file(tmp_path / "r.csv", field="reference").texts == {"u1": text}


def test_each_side_has_its_own_column(tmp_path: Path):
    path = tmp_path / "both.csv"
    path.write_text("id,text,reference,pred_text\nu1,x,one two,one too\n")
    said, heard = read_text_pair(path, path)
    assert said.texts == {"u1": "one two"}
    assert heard.texts == {"u1": "one too"}


@pytest.mark.parametrize("key", ["pred_text", "prediction", "hyp", "output", "whisper", "예측"])
@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_a_prediction_beside_the_text_is_the_hypothesis(tmp_path: Path, key: str, suffix: str):
    rows = [{"id": name, "text": "was said", key: "was heard"} for name in ("u1", "u2")]
    path = tmp_path / f"h.{suffix}"
    lines = [f"id,text,{key}", *(",".join(row.values()) for row in rows)]
    if suffix != "csv":
        lines = list(map(json.dumps, rows if suffix == "jsonl" else [rows]))
    path.write_text("\n".join(lines), "utf-8")
    said, heard = read_text_pair(path, path)
    assert set(said.texts.values()) == {"was said"}
    assert set(heard.texts.values()) == {"was heard"}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "h.csv",
            "id,text,old\nu1,a b,a c\n",
            "CSV, columns id, text (hold words too, not read: o",
        ),
        (
            "h.jsonl",
            '{"id": "u1", "text": "a", "old": "a b"}',
            "JSON lines, key text (hold words to",
        ),
        ("h.csv", "id,text,speaker\nu1,a b,s1\n", "CSV, columns id, text; utterances: 1"),
        ("h.csv", "id,hyp,ref\nu1,a b,a c\n", "CSV, columns id, hyp; utterances: 1"),
    ],
)
def test_columns_of_words_that_are_not_read_are_said(
    tmp_path: Path, name: str, content: str, said: str
):
    (tmp_path / name).write_text(content)
    found = read_text_file(tmp_path / name, field="hypothesis")
    assert found.said[0].startswith(f"{name}: read as {said}")


def test_recordings_in_other_folders_are_others_where_folders_mean_the_same(tmp_path: Path):
    ref, hyp = tmp_path / "ref.csv", tmp_path / "hyp.csv"
    ref.write_text("path,text\n/d/a/1.wav,one\n/d/b/2.wav,two\n")
    hyp.write_text("path,text\n/d/a/1.flac,one\n/d/c/2.flac,too\n")
    said, heard = read_text_pair(ref, hyp)
    assert list(said.texts) == ["/d/a/1", "/d/b/2"]
    assert list(heard.texts) == ["/d/a/1", "/d/c/2"]
    hyp.write_text("path,text\n/elsewhere/1.flac,one\n/elsewhere/2.flac,too\n")
    said, heard = read_text_pair(ref, hyp)
    assert list(said.texts) == list(heard.texts) == ["1", "2"]


def test_recordings_keep_their_folders_where_names_repeat_in_either_file(tmp_path: Path):
    ref, hyp = tmp_path / "ref.csv", tmp_path / "hyp.csv"
    ref.write_text("path,text\na/1.wav,one\nb/1.wav,two\n")
    hyp.write_text("path,text\nb\\1.wav,two\n")
    said, heard = read_text_pair(ref, hyp)
    assert said.texts == {"a/1": "one", "b/1": "two"}
    assert heard.texts == {"b/1": "two"}
    ref.write_text("path,text\na/1.wav,one\nb/v1.2,two\n")
    assert read_text_file(ref, field="reference").texts == {"1": "one", "v1.2": "two"}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp949"])
def test_spreadsheets_of_any_system_are_read_and_cp949_is_said(tmp_path: Path, encoding: str):
    path = tmp_path / "r.csv"
    path.write_bytes("id,text\nu1,나는 오늘 학교에 간다\n".encode(encoding))
    found = read_text_file(path, field="reference")
    assert found.texts == {"u1": "나는 오늘 학교에 간다"}
    assert ("cp949 (not UTF-8)" in found.said[0]) == (encoding == "cp949")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("r.csv", b"", "no rows; must have at least one"),
        ("r.csv", b"id,text\n", "no rows; must have at least one"),
        ("r.csv", b"u1,one\nu2,two\n", "r.csv: read as CSV, has no column for the id; has u1, one"),
        ("r.csv", b"id,words said\nu1,one\n", "has no column for the text of the reference; has"),
        ("r.csv", b"id,hypothesis\nu1,one\n", "has no column for the text of the reference; has"),
        ("r.csv", b"id,text,text\nu1,a,b\n", 'two columns are called "text" (rename one'),
        ("r.csv", b"id,text\nu1,one, two\n", "r.csv:2: 3 cells where there are 2 columns; quote"),
        ("r.csv", b'id,text\nu1,"one\n', "r.csv:2: unexpected end of data (is a quotation mark"),
        ("r.csv", b"id,text\nu1\n", 'r.csv:2: "text" is missing; must be a text'),
        ("r.csv", b"id,text\n,one\n", 'r.csv:2: "id" is ""; must be the id of an utterance'),
        ("r.csv", b"id,text\nu1,a\nu1,b\n", 'r.csv:3: utterance "u1" comes a second time'),
        (
            "r.csv",
            b"id,text\nu1,\xeb\x82\x98\nu2,\xeb\x82\x98\nu3,\xeb\x82\n",
            "r.csv:4: its text holds byt",
        ),
        ("r.csv", b"id,text\nu1,\x82\xe6\x97\n", "r.csv:2: not UTF-8 at byte 11"),
        ("r.json", b'[{"id": "u1"}]', "read as JSON, has no column for the text of the reference"),
        ("r.json", b'[{"id": "u1", "text": null}]', 'r.json item 1: "text" is null; must be a te'),
        ("r.json", b'[{"id": true, "text": ""}]', 'r.json item 1: "id" is true; must be the id'),
        ("r.json", b'[{"id": "u1", "text": "a"}, 7]', "r.json item 2: must be an object"),
        ("r.json", b'{"u1": "\\ud800"}', 'r.json "u1": its text holds bytes that are not UTF-8'),
        ("r.json", b'{"u1": "a", "u1": "b"}', '"u1" comes twice in an object'),
        ("r.json", b'[{"id": "u1", "text": "a"},\n', "not JSON: Expecting value"),
        ("r.json", b"{}", "r.json: read as JSON, has no column for the id; has"),
        ("r.json", b"[" * 100_000, "JSON nested too deep"),
    ],
)
def test_what_is_no_table_of_texts_is_one_sentence(
    tmp_path: Path, name: str, content: bytes, message: str
):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_text_file(path, field="reference")
    assert message in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_mark_of_utf8_is_no_part_of_a_column(tmp_path: Path):
    path = tmp_path / "r.tsv"
    path.write_bytes(codecs.BOM_UTF8 + b"id\ttext\nu1\tone\n")
    assert read_text_file(path, field="reference").texts == {"u1": "one"}
