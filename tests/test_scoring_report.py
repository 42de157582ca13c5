import io
import json
import unicodedata
from dataclasses import replace

import pytest
from lhotse import CutSet, MonoCut
from rich.console import Console

from asr.errors import ConfigError, DataError
from asr.scoring.file_scores import score_files
from asr.scoring.rates import RATES, rates_line, read_rate_names, score_folder
from asr.scoring.report import to_json, to_markdown, to_table, write_report

# worked by hand: 11 words, sat/sit and an inserted "now" and a lost "the" and a lost "sir"
ROWS = [
    {"id": "a-1", "reference": "the cat sat here", "hypothesis": "the cat sit here now"},
    {"id": "a-2", "reference": "on the mat", "hypothesis": "on mat"},
    {"id": "a-3", "reference": "", "hypothesis": ""},
    {"id": "a-4", "reference": "yes sir", "hypothesis": "yes"},
    {"id": "a-5", "reference": "no no", "hypothesis": "no no"},
]
EXTRA = {"score": -1.5, "nbest": [], "ended": "eos", "seconds": 1.5}


def write_rows(folder, rows, **extra):
    lines = [json.dumps({**row, **extra}, ensure_ascii=False) + "\n" for row in rows]
    (folder / "hyp.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def printed(report):
    console = Console(file=io.StringIO(), width=120)
    console.print(to_table(report))
    return console.file.getvalue()


@pytest.fixture
def scored(tmp_path):
    return score_folder(write_rows(tmp_path, ROWS, **EXTRA), "none")


def test_a_folder_is_scored_from_its_hypotheses(scored):
    counts = scored.scores.counts("words")
    assert (counts.hits, counts.substitutions, counts.deletions, counts.insertions) == (8, 1, 2, 1)
    assert scored.ended == {"eos": 5}
    assert scored.audio_seconds == 7.5


def test_both_sides_are_normalised_before_they_are_scored(tmp_path):
    write_rows(tmp_path, [{"id": "u", "reference": "Don’t, stop!", "hypothesis": "don't stop"}])
    assert score_folder(tmp_path, "none").scores.wer == 1.0
    assert score_folder(tmp_path, "english").scores.wer == 0.0


def test_the_report_says_what_the_hypotheses_went_through_before(tmp_path):
    write_rows(tmp_path, ROWS, **EXTRA)
    unknown = "hyp.jsonl does not say which normalizer it went through before"
    assert unknown in printed(score_folder(tmp_path, "none"))
    write_rows(tmp_path, ROWS, **EXTRA, normalizer="korean 2")
    for report in (
        score_folder(tmp_path, "none"),
        score_files(tmp_path / "hyp.jsonl", tmp_path / "hyp.jsonl", "none"),
    ):
        said = "the hypotheses had already been through normalizer korean 2"
        assert said in printed(report)
        assert f"- {said}" in to_markdown(report)
        assert json.loads(to_json(report))["earlier_normalizer"] == "korean 2"


def test_utterances_that_could_not_be_read_count_as_deletions_and_are_said(tmp_path):
    bad = {**ROWS[0], "hypothesis": "", "error": "cannot be read", "ended": "unreadable"}
    report = score_folder(write_rows(tmp_path, [{**EXTRA, **bad}, *ROWS[1:]]), "none")
    assert report.scores.missing == ("a-1",)
    counts = report.scores.counts("words")
    assert (counts.num_reference, counts.deletions) == (11, 4 + 2)
    assert "of these, audio that could not be read: a-1 (1 in all)" in printed(report)
    assert json.loads(to_json(report))["unreadable"] == ["a-1"]


def write_cuts(folder, *names):
    path = folder / "some.jsonl.gz"
    CutSet.from_cuts(MonoCut(name, 0.0, 1.0, 0) for name in names).to_file(path)
    return path


def test_a_manifest_chooses_what_is_scored(tmp_path):
    rows = [*ROWS, {"id": "가-1", "reference": "x", "hypothesis": "y"}]
    cuts = write_cuts(tmp_path, "a-2", unicodedata.normalize("NFD", "가-1"))
    report = score_folder(write_rows(tmp_path, rows, **EXTRA), "none", cuts=cuts)
    counts = report.scores.counts("words")
    assert (counts.hits, counts.substitutions, counts.deletions) == (2, 1, 1)
    assert report.audio_seconds == 3.0
    assert json.loads(to_json(report))["cuts"] == str(cuts)
    assert f"only the utterances of {cuts}" in to_markdown(report)


def test_a_manifest_with_utterances_that_were_not_decoded_is_an_error(tmp_path):
    cuts = write_cuts(tmp_path, "a-2", "b-1", "b-2")
    with pytest.raises(DataError) as raised:
        score_folder(write_rows(tmp_path, ROWS), "none", cuts=cuts)
    assert str(raised.value) == (
        f"{cuts}: not in {tmp_path / 'hyp.jsonl'}: b-1, b-2 (2 in all) (decode a manifest that "
        "holds them, or name one of what was decoded)"
    )


def test_json_holds_fractions_counts_and_what_was_scored(scored, tmp_path):
    values = json.loads(to_json(scored))
    assert values["hypotheses"] == values["references"] == str(tmp_path / "hyp.jsonl")
    assert values["normalizer"] == {"name": "none", "version": "2"}
    assert (values["num_utterances"], values["num_words"]) == (5, 11)
    assert values["num_characters"] == 16 + 10 + 0 + 7 + 5
    assert (values["wer"], values["sentence_error_rate"]) == (4 / 11, 3 / 5)
    assert values["cer"] == (1 + 4 + 4 + 4) / 38  # sat/sit, " now", "the ", " sir"
    assert values["cer_no_spaces"] == (1 + 3 + 3 + 3) / 31
    interval = values["units"]["words"].pop("interval_95")
    assert interval["by_speaker"] is None
    assert interval["by_utterance"]["low"] < 4 / 11 < interval["by_utterance"]["high"]
    assert values["units"]["words"] == {
        "num_reference": 11,
        "hits": 8,
        "substitutions": 1,
        "deletions": 2,
        "insertions": 1,
        "num_errors": 4,
        "rate": 4 / 11,
        "num_wrong_utterances": 3,
    }
    assert values["empty_references"] == ["a-3"]
    assert values["missing"] == []
    assert (values["ended"], values["audio_seconds"]) == ({"eos": 5}, 7.5)
    assert [row["id"] for row in values["worst"]] == ["a-1", "a-2", "a-4"]
    assert values["worst"][0]["num_errors"] == 2
    assert {"operation": "insertion", "reference": None, "hypothesis": "now", "count": 1} in (
        values["confusions"]
    )


def test_markdown_holds_the_table_in_per_cent_and_the_alignments(scored):
    text = to_markdown(scored)
    assert "|  | Snt | N | Corr | Sub | Del | Ins | Err | S.Err |" in text
    assert "| words | 5 | 11 | 72.73 | 9.09 | 18.18 | 9.09 | 36.36 | 60.00 |" in text
    assert "- empty reference, insertions counted as errors: a-3 (1 in all)" in text
    assert "| now | 1 |" in text
    expected = [
        "a-1 (errors 2, N 4)",
        "REF: the cat sat here ***",
        "HYP: the cat sit here now",
        "OP:          S        I",
    ]
    assert "\n".join(expected) in text
    assert "a-5" not in text


def test_markdown_without_an_error_has_only_the_table(tmp_path):
    write_rows(tmp_path, ROWS[-1:])
    text = to_markdown(score_folder(tmp_path, "none"))
    assert "| words | 1 | 2 | 100.00 | 0.00 | 0.00 | 0.00 | 0.00 | 0.00 |" in text
    assert "##" not in text
    assert "audio" not in text


def test_hangul_is_aligned_by_the_width_it_has_on_a_screen(tmp_path):
    write_rows(tmp_path, [{"id": "u", "reference": "나는 학교에 간다", "hypothesis": "나는 집 간"}])
    assert "\n".join(
        ["REF: 나는 학교에 간다", "HYP: 나는 집     간", "OP:       S      S"]
    ) in to_markdown(score_folder(tmp_path, "korean"))


def test_a_long_alignment_goes_on_below_within_its_width(tmp_path):
    words = " ".join(f"word{n}" for n in range(40))
    write_rows(tmp_path, [{"id": "u", "reference": words, "hypothesis": words + " more"}])
    lines = to_markdown(score_folder(tmp_path, "none")).split("\n")
    references = [line for line in lines if line.startswith("REF: ")]
    assert " ".join(line.removeprefix("REF: ") for line in references) == words + " ****"
    assert max(map(len, references)) <= 100


def test_the_table_for_the_terminal_prints_rates_notices_and_confusions(scored):
    text = printed(scored)
    assert "36.36" in text
    assert "normalizer none, version 2; rates in per cent of N" in text
    assert "search ended by: eos 5" in text
    assert "audio: 7.5 s" in text
    assert "sat -> sit" in text


def test_square_brackets_in_text_are_printed_as_they_stand(tmp_path):
    write_rows(tmp_path, [{"id": "u", "reference": "[bold]", "hypothesis": "[/red]"}])
    assert "[bold] -> [/red]" in printed(score_folder(tmp_path, "none"))


def test_missing_hypotheses_are_listed_shortly_in_print_and_wholly_in_json(tmp_path):
    (tmp_path / "ref").write_text("".join(f"u{n} a b\n" for n in range(7)))
    (tmp_path / "hyp").write_text("u0 a b\n")
    report = score_files(tmp_path / "ref", tmp_path / "hyp", "none")
    notice = "no hypothesis, counted as deletions: u1, u2, u3, u4, u5, ... (6 in all)"
    assert notice in printed(report)
    assert notice in to_markdown(report)
    values = json.loads(to_json(report))
    assert values["missing"] == ["u1", "u2", "u3", "u4", "u5", "u6"]
    assert (values["wer"], values["audio_seconds"]) == (12 / 14, None)


def test_one_file_of_json_lines_gives_references_and_hypotheses(tmp_path):
    path = write_rows(tmp_path, ROWS) / "hyp.jsonl"
    assert score_files(path, path, "none").scores.counts("words").num_errors == 4


def test_an_id_in_decomposed_hangul_is_the_same_id(tmp_path):
    (tmp_path / "ref").write_text(unicodedata.normalize("NFD", "화자1 네\n"))
    (tmp_path / "hyp").write_text("화자1 네\n")
    assert score_files(tmp_path / "ref", tmp_path / "hyp", "none").scores.wer == 0.0


def test_a_folder_without_hypotheses_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"hyp.jsonl: cannot be read \(No such file or directory\)"):
        score_folder(tmp_path, "none")
    (tmp_path / "hyp.jsonl").write_text("\n")
    with pytest.raises(DataError, match=r"hyp.jsonl: holds no utterance; must hold at least one"):
        score_folder(tmp_path, "none")


def test_references_without_an_utterance_are_an_error(tmp_path):
    (tmp_path / "empty").write_text("")
    with pytest.raises(DataError, match=r"empty: holds no utterance; must hold at least one ref"):
        score_files(tmp_path / "empty", tmp_path / "empty", "none")


def test_an_unknown_normaliser_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r'normalizer "swiss" is unknown'):
        score_folder(write_rows(tmp_path, ROWS), "swiss")
    with pytest.raises(ConfigError, match=r'normalizer "swiss" is unknown'):
        score_files(tmp_path / "hyp.jsonl", tmp_path / "hyp.jsonl", "swiss")


def test_both_reports_are_written_and_nothing_else(scored, tmp_path):
    folder = tmp_path / "new" / "folder"
    assert write_report(scored, folder) == (folder / "report.json", folder / "report.md")
    assert (folder / "report.json").read_text(encoding="utf-8") == to_json(scored)
    assert (folder / "report.md").read_text(encoding="utf-8") == to_markdown(scored)
    assert sorted(path.name for path in folder.iterdir()) == ["report.json", "report.md"]


def test_an_unwritable_folder_is_an_error_that_names_it(scored, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(
        DataError, match=r"file/out/report.json: cannot be written \(.*choose anoth"
    ):
        write_report(scored, tmp_path / "file" / "out")


def test_a_full_disk_leaves_the_old_report_and_no_part(scored, tmp_path, monkeypatch):
    write_report(scored, tmp_path)
    before = (tmp_path / "report.json").read_bytes()

    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asr.files.os.replace", full)
    with pytest.raises(
        DataError, match=r"report.json: cannot be written \(No space left on device\)"
    ):
        write_report(scored, tmp_path)
    assert (tmp_path / "report.json").read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["hyp.jsonl", "report.json", "report.md"]


def test_a_note_on_the_set_is_in_every_report(scored):
    noted = replace(scored, note="the weights were chosen on this set")
    assert json.loads(to_json(noted))["note"] == noted.note
    assert json.loads(to_json(scored))["note"] is None
    for text in (to_markdown(noted), printed(noted)):
        assert noted.note in text


def test_each_rate_alone_is_the_one_of_the_table(tmp_path):
    row = {"id": "a", "reference": "한국 말을 해요", "hypothesis": "한국말을 헤요"}
    report = score_folder(write_rows(tmp_path, [row], **EXTRA), "none")
    # 8 characters with 2 spaces; 1 space is lost, and 1 of 16 jamo is another
    assert {name: rates_line(report, [name]) for name in RATES} == {
        "wer": "100.00 %",
        "cer": "25.00 %",
        "cer_no_spaces": "16.67 %",
        "wer_respaced": "33.33 %",
        "jer": "6.25 %",
    }


def test_several_rates_are_one_line_with_the_name_of_each(tmp_path):
    row = {"id": "a", "reference": "한국 말을 해요", "hypothesis": "한국말을 헤요"}
    report = score_folder(write_rows(tmp_path, [row], **EXTRA), "none")
    names = read_rate_names(["cer_no_spaces,wer_respaced", "jer", " cer , wer"])
    assert names == ["cer_no_spaces", "wer_respaced", "jer", "cer", "wer"]
    assert rates_line(report, names) == (
        "CER without spaces 16.67 % sWER 33.33 % jamo 6.25 % CER 25.00 % WER 100.00 %"
    )


def test_a_rate_that_is_unknown_or_of_no_hangul_is_one_sentence(tmp_path):
    report = score_folder(write_rows(tmp_path, ROWS, **EXTRA), "none")
    for given in (["per"], ["cer,per"], ["cer", "per"]):
        with pytest.raises(ConfigError, match='"per": unknown; known: wer, cer, cer_no_spaces, we'):
            read_rate_names(given)
    with pytest.raises(ConfigError, match='--only "": unknown'):
        read_rate_names(["cer,"])
    assert rates_line(report, ["cer_no_spaces"]).endswith(" %")
    for name in ("wer_respaced", "jer"):
        with pytest.raises(
            DataError, match=rf"hyp.jsonl: no Hangul for the rate {name} \(take cer\)"
        ):
            rates_line(report, ["cer", name])
