"""Text of strangers in Markdown: it is shown, and does nothing."""

import json
import re
from pathlib import Path

from conftest import run

from asr.scoring.markdown import escape, fenced, table


def test_markup_is_shown_as_it_stands() -> None:
    assert escape("_a_b_ *c* <b>|`x`\n- [d](e)") == (r"\_a_b\_ \*c\* \<b\>\|\`x\` - \[d\](e)")
    assert escape("나는 12.5 % (a-b)") == "나는 12.5 % (a-b)"
    assert table([("x", "N"), ("a|b", "3")]) == ["| x | N |", "|---|---:|", r"| a\|b | 3 |"]


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced(["a"]) == ["```", "a", "```"]
    assert fenced(["a ```` b", "`"]) == ["`````", "a ```` b", "`", "`````"]


def test_no_transcript_or_id_leaves_its_place_in_a_report(tmp_path: Path) -> None:
    row = {"id": "<img/src=x>", "reference": "``` <script>x</script>", "hypothesis": "| ``` #"}
    rows = [row, {"id": "|two|", "reference": "", "hypothesis": ""}]
    (tmp_path / "hyp.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run("score", tmp_path).returncode == 0
    lines = (tmp_path / "report.md").read_text("utf-8").splitlines()
    inside = False
    for line in lines:
        if re.fullmatch("`{3,}", line):
            inside = not inside
        elif not inside:
            assert "<img" not in line.replace(r"\<", "")
            assert "<script" not in line.replace(r"\<", "")
    assert any(r"\|two\|" in line for line in lines)
    assert not inside
