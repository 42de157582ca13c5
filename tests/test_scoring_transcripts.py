import gzip
import json

import pytest

from asr.errors import DataError
from asr.scoring.pairs import read_text_file
from asr.scoring.recognized import read_recognized

ROW = {"id": "a-2", "reference": "on the mat", "hypothesis": "on mat", "score": -1.5, "nbest": []}
ROW |= {"ended": "eos", "seconds": 1.5}


@pytest.mark.parametrize("name", ["plain", "ref.trn", "ref.jsonl", "sniffed-trn", "sniffed-json"])
def test_each_format_gives_the_same_texts(tmp_path, name):
    kaldi = "u1 나는  간다\r\n\nu2\nu3\tone two\n"
    trn = ";; comment\n나는  간다 (u1)\n(u2)\none two (u3)\n"
    json_lines = (
        '{"id": "u1", "text": "나는  간다"}\n{"id": "u2", "reference": ""}\n'
        '{"id": "u3", "reference": "one two", "hypothesis": "x"}\n'
    )
    content = {"plain": kaldi, "ref.trn": trn, "ref.jsonl": json_lines}
    content |= {"sniffed-trn": trn, "sniffed-json": json_lines}
    path = tmp_path / name
    path.write_bytes(content[name].encode("utf-8"))
    assert read_text_file(path, field="reference").texts == {
        "u1": "나는  간다",
        "u2": "",
        "u3": "one two",
    }


CUT = {"id": "u1", "start": 0, "supervisions": [{"start": 1.5, "text": "the mat"}]}
CUT["supervisions"] += [{"start": 0, "text": "on"}]


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz"])
def test_references_may_be_the_cuts_of_a_manifest_but_no_hypotheses(tmp_path, name):
    path, content = tmp_path / name, f"{json.dumps(CUT)}\n".encode()
    path.write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    assert read_text_file(path, field="reference").texts == {"u1": "on the mat"}
    with pytest.raises(DataError, match='line 1: "text" is missing'):
        read_text_file(path, field="hypothesis")


def test_a_manifest_that_is_torn_or_no_manifest_is_said(tmp_path):
    path = tmp_path / "cuts.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(CUT).encode())[:-9])
    with pytest.raises(DataError, match=r"cuts\.jsonl\.gz: cannot be unpacked"):
        read_text_file(path, field="reference")
    for broken in ([{"start": 0}], [{"text": "a"}], 5, [7]):
        path.write_bytes(gzip.compress(json.dumps(CUT | {"supervisions": broken}).encode()))
        with pytest.raises(DataError, match=r"line 1: .*text"):
            read_text_file(path, field="reference")


def test_hypotheses_of_json_lines_are_their_hypothesis_field(tmp_path):
    path = tmp_path / "hyp.jsonl"
    path.write_text(json.dumps(ROW) + "\n")
    assert read_text_file(path, field="hypothesis").texts == {"a-2": "on mat"}


def test_a_byte_order_mark_is_no_part_of_the_first_id(tmp_path):
    (tmp_path / "ref").write_bytes(b"\xef\xbb\xbfu1 a\n")
    assert read_text_file(tmp_path / "ref", field="reference").texts == {"u1": "a"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t", b"u1 a\nu2 b\nu1 c\n", r't line 3: utterance "u1" comes a second time'),
        ("t", b"u1 a\n\nu2 \xb3\n", r"t line 3: byte 0xb3 is not UTF-8; must be UTF-8"),
        ("t", b"a (u1)\nb c\n", r't line 2: "b c" does not end with \(id\)'),
        ("t.trn", b"u1 a b\n", r't.trn line 1: "u1 a b" does not end with \(id\)'),
        ("t.trn", b"{ a / b c (u1)\n", r"t.trn line 1: .* a brace without its other"),
        ("t.trn", b"{ a / { b } } c (u1)\n", r"t.trn line 1: .* braces within braces"),
        ("t.trn", b"{ a / } c (u1)\n", r"t.trn line 1: .* an alternative without a word"),
        ("t.trn", b"{ a / (b) } c (u1)\n", r"t.trn line 1: .* a bracket within braces"),
        ("t.trn", b"u(h) c (u1)\n", r"t.trn line 1: .* a bracket that is not around one word"),
        ("t.jsonl", b'{"id": "u1", "text": "a"}\nu2 b\n', r"t.jsonl line 2: is not JSON \("),
        ("t.jsonl", b"[1]\n", r"t.jsonl line 1: must be a JSON object with an id and a text"),
        ("t.jsonl", b'{"id": 7, "text": "a"}\n', r't.jsonl line 1: "id" is 7; must be a string'),
        ("t.jsonl", b'{"id": "u1"}\n', r't.jsonl line 1: "text" is missing; must be a string'),
        ("t.jsonl", b'{"id": "u", "reference": null}', r'"reference" is null; must be a string'),
    ],
)
def test_a_broken_line_is_an_error_that_names_file_and_line(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_text_file(tmp_path / name, field="reference")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hypothesis": None}, r'hyp.jsonl line 1: "hypothesis" is null; must be a string'),
        ({"seconds": "long"}, r'hyp.jsonl line 1: "seconds" is "long"; must be a finite number'),
        ({"seconds": float("nan")}, r'"seconds" is NaN; must be a finite number'),
        ({"seconds": True}, r'hyp.jsonl line 1: "seconds" is true; must be a finite number'),
        ({"ended": 3}, r'hyp.jsonl line 1: "ended" is 3; must be a string'),
    ],
)
def test_a_wrong_value_in_the_hypotheses_is_an_error(tmp_path, change, message):
    (tmp_path / "hyp.jsonl").write_text(json.dumps({**ROW, **change}) + "\n")
    with pytest.raises(DataError, match=message):
        read_recognized(tmp_path / "hyp.jsonl")


@pytest.mark.parametrize("order", [1, -1])
def test_a_text_beside_which_other_lines_have_a_hypothesis_is_not_taken_for_one(tmp_path, order):
    lines = [
        '{"id": "u1", "text": "said", "hypothesis": "heard"}\n',
        '{"id": "u2", "text": "said"}\n',
    ][::order]
    (tmp_path / "h.jsonl").write_text("".join(lines))
    with pytest.raises(DataError) as raised:
        read_text_file(tmp_path / "h.jsonl", field="hypothesis")
    assert str(raised.value).startswith(f"{tmp_path / 'h.jsonl'} line 2: has ")
    assert '"hypothesis" beside "text", unlike' in str(raised.value)
