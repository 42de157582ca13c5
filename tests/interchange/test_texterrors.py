import json
from pathlib import Path

import pytest
from interchange.pairs import ALL_PAIRS, PAIRS, characters, num_errors, words, write_exports
from interchange.peer import Peer

TEXTERRORS = Peer("texterrors")


def summary(folder: Path, *options: str) -> dict[str, float]:
    files = (folder / "ref.text", folder / "hyp.text")
    shown = TEXTERRORS.run("texterrors", "--isark", "--output-format", "json", *options, *files)
    found: dict[str, float] = json.loads(shown)["summary"]
    return found


def errors_of(found: dict[str, float]) -> float:
    return found["ins_count"] + found["del_count"] + found["sub_count"]


@pytest.mark.row("texterrors", "reads ours", "errors and words in ref.text and hyp.text, WER")
def test_texterrors_counts_as_many_errors_in_our_files(tmp_path: Path) -> None:
    write_exports(tmp_path, ALL_PAIRS)
    found, counts = summary(tmp_path), words(ALL_PAIRS)
    assert errors_of(found) == sum(num_errors(counts))
    assert found["total_ref_words"] == sum(count.num_reference for count in counts)
    assert found["total_utterances"] == len(ALL_PAIRS)
    assert found["wrong_utterances"] == sum(count.num_errors > 0 for count in counts)
    assert found["wer"] == pytest.approx(100 * errors_of(found) / found["total_ref_words"])


@pytest.mark.row(
    "texterrors",
    "reads ours",
    "CER of texts of which most is right; of others it is not always the least (findings)",
)
def test_texterrors_has_our_character_error_rate_where_most_is_right(tmp_path: Path) -> None:
    pairs = [(said, heard) for said, heard in PAIRS if said]
    counts = characters(pairs, spaces=True)
    wrong, whole = sum(num_errors(counts)), sum(count.num_reference for count in counts)
    write_exports(tmp_path, pairs)
    assert summary(tmp_path, "--cer")["cer"] == pytest.approx(100 * wrong / whole)
    write_exports(tmp_path, [("baab", "cccba")])
    assert summary(tmp_path, "--cer")["cer"] == 125.0
    assert characters([("baab", "cccba")], spaces=True)[0].rate == 1.0


@pytest.mark.row(
    "texterrors",
    "reads ours",
    "`--use-chardiff` joins words that look alike: more errors than least",
)
def test_texterrors_may_count_more_where_it_weighs_characters(tmp_path: Path) -> None:
    write_exports(tmp_path, ALL_PAIRS)
    assert errors_of(summary(tmp_path, "--use-chardiff")) > sum(num_errors(words(ALL_PAIRS)))


@pytest.mark.row("texterrors", "reads ours", "`<unk>` of a hypothesis is left out there")
def test_texterrors_leaves_out_what_was_not_known(tmp_path: Path) -> None:
    pairs = [("one two", "one <unk>"), ("one", "one <unk>")]
    write_exports(tmp_path, pairs)
    found, ours = summary(tmp_path), words(pairs)
    assert [found["sub_count"], found["del_count"], found["ins_count"]] == [0, 1, 0]
    assert [ours[0].substitutions, ours[1].insertions] == [1, 1]
    assert sum(num_errors(ours)) == 2
