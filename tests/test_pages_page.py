"""Pages as text: what they hold, and that no text of a report leaves its place."""

import base64
import hashlib
import json
import random
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import run
from markdown_it import MarkdownIt

from asr.errors import DataError
from asr.pages.page import json_in_html
from asr.pages.report_page import report_page, write_report_page
from asr.scoring.rates import Report, score_folder
from asr.scoring.report import to_markdown

# What others have taken for markup, and what no font, line or direction is ready for.
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "<!--",
    "--> <!-- <script>",
    "]]> <![CDATA[ x",
    "a & b &amp; &lt;b&gt;",
    "| a | b || `c` ``` ~~~ d",
    "*a* _b_ **c** [d](javascript:alert(1)) ![e](x) # f",
    "$x$ {{ 7*7 }} {% raw %} ${1}",
    "\u202eabc\u202c \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd",
    "\u1112\u1161\u11ab\u1100\u1173\u11af \u3131\u314f \u2028 \u2029",
    "x" * 10_000,
    "' \" onmouseover=alert(1) x='",
]


def write_rows(folder: Path, texts: list[str], **extra: object) -> Report:
    rows = []
    for number, text in enumerate(texts):
        other = texts[(number + 1) % len(texts)]
        rows.append({"id": f"{number} {text[:60]}", "reference": text, "hypothesis": other})
        rows[-1] |= {"speaker": text[:60], "ended": "eos", "seconds": 1.0, **extra}
    folder.mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "hyp.jsonl").write_text(text, encoding="utf-8")
    return score_folder(folder, "none")


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text in each kind."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.found[-1][0] if self.found else "", []).append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def page_of(report: Report, folder: Path) -> str:
    return write_report_page(report, folder).read_text("utf-8")


def test_no_text_becomes_an_element_an_attribute_or_a_comment(tmp_path: Path) -> None:
    plain = Elements(page_of(write_rows(tmp_path / "plain", ["a"] * 13), tmp_path / "plain"))
    hostile = Elements(page_of(write_rows(tmp_path / "bad", HOSTILE), tmp_path / "bad"))
    assert not hostile.comments
    allowed = {tag for tag, _ in plain.found} | {"bdi", "svg", "rect"}
    assert {tag for tag, _ in hostile.found} <= allowed
    assert [tag for tag, _ in hostile.found].count("script") == 2
    names = {name for _, attributes in hostile.found for name in attributes}
    assert not [name for name in names if name.startswith("on") or name == "style"]
    data = json.loads("".join(hostile.texts["script"]).partition('"use strict"')[0])
    said = {" ".join(text.split()) for text in HOSTILE}
    assert len(data["rows"]) == len(HOSTILE)
    assert all(row[2] in said or not row[2].isascii() for row in data["rows"])


def test_data_in_a_page_ends_no_element_and_comes_back_as_it_was() -> None:
    text = json_in_html(HOSTILE)
    assert not re.search("[<>&\u2028\u2029]", text)
    assert json.loads(text) == HOSTILE


def test_markup_in_a_transcript_stays_text_in_markdown(tmp_path: Path) -> None:
    markdown = to_markdown(write_rows(tmp_path, HOSTILE))
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    found = Elements(rendered)
    tags = {tag for tag, _ in found.found}
    assert tags <= {"h1", "h2", "ul", "li", "p", "pre", "code", *TABLE_TAGS}
    assert not found.comments
    assert "7*7" in "".join(found.texts["code"])


TABLE_TAGS = {"table", "thead", "tbody", "tr", "th", "td"}


def test_the_policy_allows_only_the_style_and_the_script_of_the_page(tmp_path: Path) -> None:
    page = page_of(write_rows(tmp_path, ["a", "b"]), tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = policy[1].replace("&#39;", "'").split("; ")
    assert rules[0] == "default-src 'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        [content] = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in rules
    assert "unsafe" not in policy[1]
    assert not re.search(r"https?://", page.partition('id="data"')[0])


def test_a_breakdown_and_a_key_that_are_not_known_are_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asr.pages import report_page as module

    known = module.report_values

    def more(report: Report) -> dict[str, object]:
        values = known(report)
        values["breakdown"]["moon phase"] = [
            {"label": "full", "num_utterances": 3, "rate": 0.25, "oov": {"num_words": 4}}
        ]
        return {**values, "weather": {"days": [{"low": 0.1, "count": 4}], "error": 0.5}}

    monkeypatch.setattr(module, "report_values", more)
    page = report_page(write_rows(tmp_path, ["a", "b"]), tmp_path, module.Pictures())
    tables = {table.caption: table for section in page.sections for table in section.tables}
    moon = tables["Words by moon phase"]
    assert [column.title for column in moon.columns] == [
        *("moon phase", "error rate, %", "utterances", "oov words")
    ]
    assert [cell.text for cell in moon.rows[0]] == ["full", "25.00", "3", "4"]
    assert "weather" in tables
    assert "weather: days" in tables


def test_a_page_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    report = write_rows(tmp_path, ["a", "b"])
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"report\.html: cannot be written .*choose another"):
        write_report_page(report, tmp_path / "file")


def test_the_tables_read_without_javascript(tmp_path: Path) -> None:
    page = page_of(write_rows(tmp_path, ["a b", "c d"]), tmp_path)
    body = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    for words in ("Error rates, in per cent", "Words by speaker", "<noscript>", "WER"):
        assert words in body
    assert body.count('scope="col"') > 10
    assert body.count("<caption>") == body.count("<table")


def test_where_decoding_is_not_known_that_is_said_in_all_reports(tmp_path: Path) -> None:
    write_rows(tmp_path, ["a", "b"])
    assert run("score", tmp_path).returncode == 0
    why = "there is no decode.json beside hyp.jsonl"
    values = json.loads((tmp_path / "report.json").read_text())
    assert values["provenance"]["decoding_unknown"] == why
    for name in ("report.md", "report.html"):
        assert f"not known: {why}" in (tmp_path / name).read_text("utf-8")


def test_random_text_stays_text(tmp_path: Path) -> None:
    draw = random.Random(5)
    signs = "<>&\"'`|\\/!-[]{}()$#*_~=;:%\n\t\u202e가ㅏ a"
    texts = ["".join(draw.choices(signs, k=draw.randint(1, 40))) for _ in range(60)]
    found = Elements(page_of(write_rows(tmp_path, texts), tmp_path))
    assert not found.comments
    assert [tag for tag, _ in found.found].count("script") == 2
