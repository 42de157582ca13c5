"""Fonts: found wherever they are, or asked for in one sentence."""

import sys
from pathlib import Path

import matplotlib
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from asr.machine.doctor import examine
from asr.pictures import fonts
from asr.pictures.plots import plot_curves


@pytest.fixture(autouse=True)
def forget(monkeypatch):
    """A machine with matplotlib's own fonts alone; what is found is forgotten before and after."""
    own = [
        entry
        for entry in font_manager.fontManager.ttflist
        if Path(entry.fname).is_relative_to(matplotlib.get_data_path())
    ]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
    monkeypatch.setitem(sys.modules, "koreanize_matplotlib", None)
    monkeypatch.setattr(fonts.importlib.util, "find_spec", lambda name: None)
    fonts.hangul_family.cache_clear()
    yield
    fonts.hangul_family.cache_clear()


def write_font(path: Path, characters: str) -> Path:
    """Writes a font in which each character is a square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(point)
    pen.closePath()
    names = [".notdef", *(f"u{ord(character):04X}" for character in characters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap(dict(zip(map(ord, characters), names[1:], strict=True)))
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares of Ours", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path.parent.mkdir(parents=True, exist_ok=True)
    builder.save(path)
    return path


def test_without_a_font_for_hangul_the_way_to_one_is_said_and_only_where_it_is_needed():
    assert fonts.hangul_family() is None
    assert fonts.families("나") is None
    assert fonts.families("né ▁") == ["DejaVu Sans"]
    assert fonts.drawable("u1 나는") == "u1 ??"
    assert "pip install koreanize-matplotlib" in fonts.hangul_advice(["a", "나"])
    assert "number the tokens" in fonts.hangul_advice(["ᄂ"])
    assert fonts.hangul_advice(["a", "é", "漢"]) == ""
    finding = {finding.name: finding for finding in examine()}["Hangul in pictures"]
    assert (finding.value, finding.ok) == ("no font has it", True)
    assert "fonts-nanum" in finding.advice


def test_a_font_installed_after_matplotlib_made_its_list_is_found(tmp_path, monkeypatch):
    path = write_font(tmp_path / "squares.ttf", "가힣ㄱㅣ나는")
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    latin = write_font(tmp_path / "latin.ttf", "ab")
    monkeypatch.setattr(
        font_manager, "findSystemFonts", lambda: [str(broken), str(latin), str(path)]
    )
    assert fonts.hangul_family() == "Squares of Ours"
    assert fonts.families("나는") == ["DejaVu Sans", "Squares of Ours"]
    assert fonts.hangul_advice(["나"]) == ""


def test_the_font_of_the_extra_is_found_without_importing_the_package(tmp_path, monkeypatch):
    write_font(tmp_path / "koreanize_matplotlib" / "fonts" / "NanumGothic.ttf", "가힣ㄱㅣ")
    (tmp_path / "koreanize_matplotlib" / "__init__.py").write_text("raise ImportError")
    monkeypatch.undo()
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [])
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
    monkeypatch.syspath_prepend(tmp_path)
    assert fonts.hangul_family() == "Squares of Ours"
    assert "koreanize_matplotlib" not in sys.modules


def test_a_text_of_two_scripts_is_drawn_with_two_fonts_and_warns_of_nothing(tmp_path, monkeypatch):
    path = write_font(tmp_path / "squares.ttf", "가힣ㄱㅣ나는")
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path)])
    assert fonts.drawable("▁나는 é 漢") == "▁나는 é ?"
    points = {"▁나는": [(0, 1.0), (1, 2.0)]}
    plot_curves(points, tmp_path / "c.png", xlabel="나", ylabel="▁", title="는 é")
    assert (tmp_path / "c.png").stat().st_size > 0
