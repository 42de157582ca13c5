"""Tables as spreadsheets, other tools and people write them."""

import csv
import json
import os
from pathlib import Path

import pytest
from conftest import error_of, run
from own_recordings import TEXTS, everything, prepared, problems, write_clips, write_wav

from asr.errors import DataError
from asr.tables.json_rows import read_json
from asr.tables.separated import read_separated
from asr.tables.text_files import likely_encoding, read_lines

KOREAN = ("하나 둘", "셋 넷", "다섯 여섯", "안녕하세요", "오늘 날씨가 좋네요", "고맙습니다")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_clips(tmp_path / "mine")


def rows_of(texts: tuple[str, ...], delimiter: str = ",") -> list[str]:
    return [f"clips/u{number}.wav{delimiter}{text}" for number, text in enumerate(texts)]


def texts_of(folder: Path, **options: str) -> dict[str, str]:
    _, cuts = prepared(folder, **options)
    return {name: text for name, (text, _, _) in sorted(everything(cuts).items())}


def numbered(texts: tuple[str, ...]) -> dict[str, str]:
    return {f"u{number}": text for number, text in enumerate(texts)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_spreadsheet_is_read_whatever_parts_its_cells(
    folder: Path, encoding: str, delimiter: str
) -> None:
    lines = [f"파일명{delimiter}전사", *rows_of(KOREAN, delimiter), ""]
    (folder / "t.csv").write_bytes("\r\n".join(lines).encode(encoding))
    assert texts_of(folder) == numbered(KOREAN)


@pytest.mark.parametrize(
    ("audio", "text", "speaker"),
    [
        ("파일", "텍스트", "화자"),
        ("파일명", "문장", "발화자"),
        (" 파일 이름 ", "전사 문장", "화자 ID"),
        ("File Name", "Transcription", "Speaker-ID"),
        ("AUDIO_FILE", "Text", "SPEAKER"),
    ],
)
def test_headings_in_korean_and_however_written_are_understood(
    folder: Path, audio: str, text: str, speaker: str
) -> None:
    lines = [f"{audio};{text};{speaker}", *(f"{row};ann" for row in rows_of(KOREAN, ";"))]
    (folder / "t.csv").write_text("\n".join(lines), "utf-8")
    _, cuts = prepared(folder)
    assert everything(cuts)["u0"] == ("하나 둘", "ann", 1.0)
    assert {cut.supervisions[0].language for found in cuts.values() for cut in found} == {"ko"}


def test_a_table_of_korean_windows_is_read_and_that_is_said(folder: Path) -> None:
    (folder / "t.csv").write_bytes("\r\n".join(["파일,전사", *rows_of(KOREAN)]).encode("cp949"))
    report, cuts = prepared(folder)
    assert {text for text, _, _ in everything(cuts).values()} == {*KOREAN}
    assert report.notices == ["t.csv: not UTF-8, and read as cp949, Korean Windows' own encoding"]


@pytest.mark.parametrize(
    ("encoding", "text", "name"),
    [
        ("cp1252", "le café est fermé", "cp1252"),
        ("cp1252", "größer", "cp949"),  # too short to tell
        ("cp932", "こんにちは", "cp932"),
        ("euc_jp", "今日は天気がいい", "euc_jp"),
        ("gb18030", "你好世界今天天气很好", "gb18030"),
        ("big5", "今天天氣很好", "big5"),
        ("cp1251", "привет как дела", "cp1251"),
        ("koi8_r", "привет как дела", "koi8_r"),
        ("johab", "안녕하세요 오늘", "johab"),
    ],
)
def test_a_table_in_an_encoding_that_is_not_read_is_refused_by_its_likely_name(
    folder: Path, encoding: str, text: str, name: str
) -> None:
    data = f"path,text\nclips/u0.wav,{text}\nclips/u1.wav,{text}\n".encode(encoding)
    (folder / "t.csv").write_bytes(data)
    with pytest.raises(DataError, match=rf"t.csv:2: not UTF-8 at byte \d+, {name} by its look"):
        prepared(folder)
    assert likely_encoding(data) == name


def test_other_refusals_of_encodings_say_where_and_what_to_do(folder: Path) -> None:
    table = folder / "t.csv"
    table.write_bytes("path,text\nclips/u0.wav,안녕".encode("iso2022_kr") + b"\x1b$")
    with pytest.raises(DataError, match=r"t.csv: ISO 2022, by its look \(save it as UTF-8\)"):
        prepared(folder)
    table.write_bytes("path,text\nclips/u0.wav,안녕".encode("utf-16") + b"x")
    with pytest.raises(DataError, match=r"t.csv: not UTF-16 at byte \d+, though it begins so"):
        prepared(folder)
    table.write_bytes("안녕하세요 반갑습니다".encode("cp949"))
    with pytest.raises(DataError, match=r"t.csv: not UTF-8, cp949 by its look"):
        list(read_lines(table))


def test_a_row_that_is_not_utf_8_in_a_table_that_is_is_a_problem_of_its_line(folder: Path) -> None:
    lines = ["path,text", *rows_of(KOREAN)]
    data = [line.encode() for line in lines]
    data[2] = "clips/u1.wav,좋다".encode("cp949")
    (folder / "t.csv").write_bytes(b"\n".join(data))
    assert problems(folder) == ["t.csv:3: the transcript is not UTF-8; must be"]
    report, cuts = prepared(folder, bad="skip")
    assert len(everything(cuts)) == 5
    assert report.notices[0].startswith("1 of 6 utterances cannot be used and are skipped")


def test_short_texts_beside_recordings_are_judged_together(tmp_path: Path) -> None:
    for number, text in enumerate(("뷁", "안녕하세요", "오늘 날씨", "하나")):
        path = write_wav(tmp_path / "mine" / f"{number}.wav")
        path.with_suffix(".txt").write_bytes(text.encode("cp949"))
    report, cuts = prepared(tmp_path / "mine")
    assert everything(cuts)["0"][0] == "뷁"
    assert report.notices[0].startswith("0.txt and 3 more: not UTF-8, and read as cp949")
    (tmp_path / "mine" / "0.txt").write_bytes("é".encode("cp1252"))
    assert problems(tmp_path / "mine") == [
        "0.wav: 0.txt:1: not UTF-8 at byte 0, cp1252 by its look (save it as UTF-8)"
    ]


def test_the_line_ends_of_an_old_mac_and_the_directive_of_a_spreadsheet_are_read(
    folder: Path,
) -> None:
    (folder / "t.csv").write_bytes("\r".join(["sep=;", "path;text", *rows_of(TEXTS, ";")]).encode())
    assert texts_of(folder) == numbered(TEXTS)


def test_empty_columns_and_rows_of_a_spreadsheet_are_nothing(folder: Path) -> None:
    lines = ["", "path;text;;", *(f"{row};;" for row in rows_of(TEXTS, ";")), ";;;", ";;;;;"]
    (folder / "t.csv").write_text("\n".join(lines))
    assert texts_of(folder) == numbered(TEXTS)


def test_a_cell_under_no_heading_is_a_problem(folder: Path) -> None:
    lines = ["path,text,", *(f"{row}," for row in rows_of(TEXTS))]
    lines[1] = "clips/u0.wav,well, hello"
    (folder / "t.csv").write_text("\n".join(lines))
    assert problems(folder) == ['t.csv:2: " hello" is in a column without a name; quote the text']


def test_columns_may_be_chosen(folder: Path) -> None:
    lines = ["clip;said;text", *(f"{row};old" for row in rows_of(TEXTS, ";"))]
    (folder / "t.csv").write_text("\n".join(lines))
    out = folder.parent / "out"
    command = ["prepare", "folder", "--corpus", folder, "--out", out]
    assert "no column for the audio; has clip" in error_of(*command)
    assert 'no column "clips" for the audio; has clip' in error_of(
        *command, "--audio-column", "clips"
    )
    done = run(*command, "--audio-column", "clip", "--text-column", "said")
    assert done.returncode == 0, done.stderr
    _, cuts = prepared(folder, audio_column="clip", text_column="said")
    assert everything(cuts)["u0"][0] == "one two"
    (folder / "t.csv").unlink()
    for number, text in enumerate(TEXTS):
        (folder / "clips" / f"u{number}.txt").write_text(text)
    message = "a text beside each recording, and has no columns (leave --audio-column and"
    assert message in error_of(*command, "--text-column", "said")


def test_a_table_without_headings_or_with_two_of_a_name_is_refused(folder: Path) -> None:
    (folder / "t.csv").write_text("\n".join(rows_of(TEXTS)))
    with pytest.raises(DataError, match=r"\(the first row must name the columns\)"):
        prepared(folder)
    (folder / "t.csv").write_text("path,text,text\nclips/u0.wav,a,b")
    with pytest.raises(DataError, match="two columns for the text are called text; must be one"):
        prepared(folder)


def test_a_space_may_follow_the_comma_also_before_a_quotation_mark(folder: Path) -> None:
    rows = ["ID, wav, wrd", 'a, clips/u0.wav, "one, two"', "b, clips/u1.wav, three"]
    rows += ['c,clips/u2.wav,"he said ""yes"""']
    (folder / "t.csv").write_text("\n".join(rows), "utf-8")
    assert texts_of(folder) == {"a": "one, two", "b": "three", "c": 'he said "yes"'}


@pytest.mark.parametrize("sign", ["$data_root", "{data_root}", "${data_root}"])
def test_a_path_that_another_tool_is_to_complete_is_refused(folder: Path, sign: str) -> None:
    rows = {f"u{n}": {"wav": f"{sign}/u{n}.wav", "words": TEXTS[n]} for n in range(3)}
    (folder / "t.json").write_text(json.dumps(rows), "utf-8")
    said = f"{sign} stands for a folder; put the folder in its place"
    assert problems(folder)[0] == f't.json "u0": {sign}/u0.wav: {said}'
    for number in range(3):  # a folder may be called so
        write_wav(folder / sign / f"u{number}.wav")
    assert texts_of(folder) == numbered(TEXTS[:3])


def test_quoted_line_breaks_and_commas_are_of_the_text(folder: Path) -> None:
    texts = ("well, hello", "two\nlines, with\n\ncommas", 'she said "no"', *TEXTS[3:])
    with (folder / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [
                ("path", "text"),
                *((f"clips/u{number}.wav", text) for number, text in enumerate(texts)),
            ]
        )
    assert texts_of(folder) == numbered(tuple(" ".join(text.split()) for text in texts))


def test_an_open_quotation_mark_takes_no_other_row_with_it(folder: Path) -> None:
    lines = ["path,text", *rows_of(TEXTS)]
    lines[2] = 'clips/u1.wav,"three four'
    lines[4] = 'clips/u3.wav,seven eight"'
    (folder / "t.csv").write_text("\n".join(lines))
    (only,) = problems(folder)
    assert only.startswith("t.csv:3: its quoted cell would take in line 4, a row (is a quotation")
    assert [*texts_of(folder, bad="skip")] == ["u0", "u2", "u3", "u4", "u5"]
    lines[4] = rows_of(TEXTS)[3]
    (folder / "t.csv").write_text("\n".join(lines))
    (only,) = problems(folder)
    assert only.startswith("t.csv:3: unexpected end of data (is a quotation mark left open?")
    assert [*texts_of(folder, bad="skip")] == ["u0", "u2", "u3", "u4", "u5"]


@pytest.mark.parametrize(
    ("header", "pieces", "lines"),
    [
        ("path,text", ["clips/u1.wav,three", "four"], "34"),
        ("path,text", ["clips/u1.wav,three", "four, five"], "34"),
        ("path,text", ["clips/u1.wav,three", "", "four", "five"], "356"),
        ("text,path", ["three", "four,clips/u1.wav"], "34"),
        ("id,path,text,speaker", ["x,clips/u1.wav,three", "four,ann"], "34"),
        ("id,text,path", ["x,three", "four,clips/u1.wav"], "34"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_all_pieces_of_a_row_that_a_line_break_cut_are_named(
    folder: Path, header: str, pieces: list[str], lines: str, kind: str
) -> None:
    whole = []
    for number, text in enumerate(TEXTS):
        cells = {"id": f"u{number}", "path": f"clips/u{number}.wav", "text": text, "speaker": "a"}
        whole.append(",".join(cells[name] for name in header.split(",")))
    whole[1:2] = pieces
    text = "\n".join([header, *whole])
    (folder / f"t.{kind}").write_text(text.replace(",", "\t") if kind == "tsv" else text)
    if kind == "csv":
        whole.insert(0, '"open,clips/u0.wav')
        (folder / "t.csv").write_text("\n".join([header, *whole]))
        assert len(problems(folder)) == len(lines) + 1
        (folder / "t.csv").write_text(text)
    found = problems(folder)
    assert sorted(line.split(":")[1] for line in found) == [*lines]
    assert any("line break" in line for line in found)
    assert [*texts_of(folder, bad="skip")] == ["u0", "u2", "u3", "u4", "u5"]


def test_a_row_that_has_lost_a_cell_is_a_problem_and_one_without_its_last_is_none(
    folder: Path,
) -> None:
    rows = [f"{row},s{n % 2}" for n, row in enumerate(rows_of(TEXTS))]
    rows[1], rows[2] = "clips/u1.wav,s1", "clips/u2.wav,five six"
    (folder / "t.csv").write_text("\n".join(["path,text,speaker", *rows]))
    assert problems(folder) == [
        't.csv:3: 2 cells where there are 3 columns; "s1" may be speaker and not text (write the '
        "cell that is missing, or leave it empty)"
    ]
    assert texts_of(folder, bad="skip")["u2"] == "five six"
    rows = [f"{row},id{n}" for n, row in enumerate(rows_of(TEXTS))]
    rows[1] = "clips/u1.wav,id1"
    (folder / "t.csv").write_text("\n".join(["path,text,id", *rows]))
    assert problems(folder)[0].startswith('t.csv:3: 2 cells where there are 3 columns; "id1" may')


def test_a_text_before_its_recording_may_hold_line_breaks_and_marks_may_be_left_open(
    folder: Path,
) -> None:
    rows = [f"{text},clips/u{number}.wav" for number, text in enumerate(TEXTS)]
    rows[1] = '"three\nfour",clips/u1.wav'
    (folder / "t.csv").write_text("\n".join(["text,path", *rows]))
    assert texts_of(folder) == numbered(TEXTS)
    rows[1:4] = ['"three four,clips/u1.wav', rows[2], 'seven eight",clips/u3.wav']
    (folder / "t.csv").write_text("\n".join(["text,path", *rows]))
    assert problems(folder)[0].startswith("t.csv:3: its quoted cell would take in line 4, a row")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"""Hello,"" she said."', '"Hello," she said.'),
        ('"say ""no"""', 'say "no"'),
        ('"그래?"', '"그래?"'),
        ('"그래?" 하고 "응"', '"그래?" 하고 "응"'),
        ('"open', '"open'),
        ('half "way', 'half "way'),
        ('""Hello""', '""Hello""'),
        ('"tab\tin ""it"""', 'tab in "it"'),
        ('"two\nlines of ""it"""', 'two lines of "it"'),
    ],
)
@pytest.mark.parametrize("is_last", [True, False])
def test_a_tsv_holds_quoted_cells_and_lone_marks(
    folder: Path, cell: str, text: str, is_last: bool
) -> None:
    names = ("path", "sentence") if is_last else ("path", "sentence", "speaker")
    rows = [f"clips/u{n}.wav\t{cell if n == 1 else old}" for n, old in enumerate(TEXTS)]
    rows = rows if is_last else [f"{row}\tann" for row in rows]
    (folder / "t.tsv").write_text("\n".join(["\t".join(names), *rows, ""]), "utf-8")
    found = read_separated(folder / "t.tsv").records
    assert [" ".join(record.cells["sentence"].split()) for record in found] == [
        text if n == 1 else old for n, old in enumerate(TEXTS)
    ]
    assert not any(record.problem for record in found)


def test_a_tsv_that_is_quoted_throughout_is_read_as_such(folder: Path) -> None:
    rows = ['"path"\t"text"', *(f'"clips/u{n}.wav"\t"{text}"' for n, text in enumerate(TEXTS))]
    (folder / "t.tsv").write_text("\n".join(rows))
    assert texts_of(folder) == numbered(TEXTS)


@pytest.mark.parametrize("kind", ["array", "by id", "in an object", "objects", "lines", "one line"])
@pytest.mark.parametrize("ending", ["json", "jsonl"])
def test_json_is_read_in_every_form(folder: Path, kind: str, ending: str) -> None:
    rows = [{"wav": f"clips/u{n}.wav", "words": text} for n, text in enumerate(TEXTS)]
    by_id = {f"id{n}": row for n, row in enumerate(rows)}
    content = {
        "array": json.dumps(rows),
        "by id": json.dumps(by_id, indent=2),
        "in an object": json.dumps({"version": 1, "data": rows}),
        "objects": "\n".join(json.dumps(row, indent=1) for row in rows),
        "lines": "\n\n".join(map(json.dumps, rows)),
        "one line": json.dumps(by_id),
    }[kind]
    (folder / f"t.{ending}").write_text(content)
    prefix = "id" if kind in ("by id", "one line") else "u"
    assert texts_of(folder) == {f"{prefix}{n}": text for n, text in enumerate(TEXTS)}


def test_lines_of_json_that_are_none_are_problems_and_a_broken_array_is_refused(
    folder: Path,
) -> None:
    rows = [json.dumps({"wav": f"clips/u{n}.wav", "text": text}) for n, text in enumerate(TEXTS)]
    path = folder / "t.jsonl"
    lines = [rows[0], rows[1][:-9], "[1]", '{"wav": "a", "wav": "b"}', *rows[4:]]
    path.write_text("\n".join(lines))
    found = problems(folder)
    assert found[0].startswith("t.jsonl:2: not JSON: ")
    assert found[1] == "t.jsonl:3: must be an object, as in {...}"
    assert found[2] == 't.jsonl:4: not JSON: "wav" comes twice in an object'
    assert [*texts_of(folder, bad="skip")] == ["u0", "u4", "u5"]
    path.write_text("[\n" + ",\n".join(rows))
    with pytest.raises(DataError, match=r"t.jsonl:\d: not JSON: .* or one array of objects\)"):
        prepared(folder)
    path.write_text('{"a": {"wav": "x"}, "a": {"wav": "y"}}')
    with pytest.raises(DataError, match='"a" comes twice in an object'):
        read_json(path)


def test_where_stems_meet_ids_are_made_of_paths(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for name in ("ann/000", "ben/000", "a/b-c", "a-b/c"):
        write_wav(folder / f"{name}.wav")
    table = folder / "t.csv"
    table.write_text("path,text\nann/000.wav,one\nben/000.wav,two\na/b-c.wav,three\n")
    assert texts_of(folder) == {"a-b-c": "three", "ann-000": "one", "ben-000": "two"}
    table.write_text("path,text\na/b-c.wav,one\na-b/c.wav,two\nben/000.wav,three\nann/000.wav,x")
    found = {"a--b-c": "one", "a-b--c": "two", "ben--000": "three", "ann--000": "x"}
    assert texts_of(folder) == found
    table.write_text(f"id,path,text\n000,{folder}/a/b-c.wav,1a\n,ann/000.wav,2a\n,a-b/c.wav,3a")
    assert texts_of(folder) == {"000": "1a", "ann-000": "2a", "a-b-c": "3a"}


def test_parts_of_a_long_file_are_told_apart_by_their_start(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    write_wav(folder / "a.wav", seconds=4)
    rows = [f"a.wav,a{n},{1.5 + 0.5 * n:.7f},{1.9 + 0.5 * n}" for n in range(4)]
    (folder / "t.csv").write_text("\n".join(["path,text,start,end", *rows]))
    assert [*texts_of(folder)] == ["a-1.5", "a-2", "a-2.5", "a-3"]


def nemo(folder: Path, duration: float, key: str = "audio_filepath") -> None:
    for number in range(3):
        write_wav(folder / f"{number}.wav", seconds=3)
    rows = [{key: f"{n}.wav", "duration": duration, "text": TEXTS[n]} for n in range(3)]
    (folder / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))


def test_a_duration_without_an_offset_is_the_first_part_in_nemo(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    nemo(folder, 2.0)
    report, cuts = prepared(folder)
    assert {seconds for _, _, seconds in everything(cuts).values()} == {2.0}
    assert report.notices == [
        "3 utterances are the first part of a longer file, as a duration without an offset means "
        "in NeMo: 0 2 of 3.00 s, 1 2 of 3.00 s, 2 2 of 3.00 s"
    ]
    nemo(folder, 4.0)
    assert problems(folder)[0].startswith("t.jsonl:1: is to last 4 s and its file lasts 3.00 s;")


@pytest.mark.parametrize("duration", [3.0, 2.95, 3.1, 3000, 24000, 0, -1])
def test_a_duration_that_agrees_with_the_file_in_any_unit_changes_nothing(
    tmp_path: Path, duration: float
) -> None:
    for key in ("audio_filepath", "path"):
        nemo(tmp_path / "mine", duration, key)
        report, cuts = prepared(tmp_path / "mine")
        assert {seconds for _, _, seconds in everything(cuts).values()} == {3.0}
        assert not report.notices


def test_a_duration_that_differs_from_the_file_is_a_problem_elsewhere(tmp_path: Path) -> None:
    nemo(tmp_path / "mine", 2.0, "path")
    assert problems(tmp_path / "mine")[0] == (
        "t.jsonl:1: is to last 2 s and its file lasts 3.00 s; mend the duration, or give an "
        "offset if a part of the file is meant"
    )


def test_an_end_a_little_past_the_file_is_cut_and_said(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    for number in range(4):
        write_wav(folder / f"{number}.wav", seconds=2)
    ends = (2.0, 2.004, 2.03, 2.5)
    rows = [f"{n}.wav,{TEXTS[n]},0,{end}" for n, end in enumerate(ends)]
    (folder / "t.csv").write_text("\n".join(["path,text,start,end", *rows]))
    report, cuts = prepared(folder)
    assert {seconds for _, _, seconds in everything(cuts).values()} == {2.0}
    assert report.notices == [
        "2 utterances end up to 0.50 s past their files' ends and are cut there: 2, 3"
    ]
    (folder / "t.csv").write_text("\n".join(["path,text,start,end", *rows[:3], "3.wav,x,0,2.6"]))
    assert problems(folder) == ["t.csv:5: 0 to 2.6 s is not within the 2.00 s"]


def test_a_file_given_for_the_folder_is_said_to_be_one(folder: Path) -> None:
    table = folder / "t.csv"
    table.write_text("path,text\n")
    out = folder.parent / "out"
    error = error_of("prepare", "folder", "--corpus", table, "--out", out)
    assert error.endswith(
        f"is a file; must be a folder (give the one that holds it: --corpus {folder})"
    )
    archive = folder / "corpus.tar.gz"
    archive.write_bytes(b"x")
    error = error_of("prepare", "an4", "--corpus", archive, "--out", out)
    assert error.endswith(
        "is a file; must be a folder (unpack it, and give the folder that it makes)"
    )
    assert "no such folder" in error_of("prepare", "folder", "--corpus", "x" * 300, "--out", out)


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    (folder / "t.csv").symlink_to(folder / "t.csv")
    (folder / "u.csv").mkdir()
    with pytest.raises(DataError, match=r"t.csv: cannot be read|no transcripts found"):
        prepared(folder)
    assert os.path.islink(folder / "t.csv")


def test_an_error_of_a_spreadsheet_is_no_transcript(folder: Path) -> None:
    rows = rows_of(("- yes", "#NAME?", *TEXTS[2:]))
    (folder / "t.csv").write_text("\n".join(["path,text", *rows]))
    assert problems(folder) == [
        "t.csv:3: the transcript is #NAME?, an error of a spreadsheet; must be the text"
    ]


def test_where_all_are_skipped_that_is_said(folder: Path) -> None:
    (folder / "t.csv").write_text("path,text\nclips/gone.wav,hello\n")
    out = folder.parent / "out"
    done = run("prepare", "folder", "--corpus", folder, "--out", out, "--bad", "skip")
    assert done.returncode == 2
    assert "notice: 1 of 1 utterances cannot be used and are skipped" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("asr: folder: no utterance can be used;")
