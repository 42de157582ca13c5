import subprocess
import sys

import matplotlib.image
import numpy as np
import pytest

from asr.errors import DataError
from asr.pictures import fonts, plots
from asr.pictures.plots import check_picture, plot_alignment, plot_curves
from asr.use.draw_alignment import draw_alignment

DIAGONAL = np.eye(4, 20) + 0.01


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn, in order."""
    figures = []
    save = plots.save_picture
    monkeypatch.setattr(
        plots, "save_picture", lambda figure, path: (figures.append(figure), save(figure, path))
    )
    return figures


def draw(path, tokens, title="u1", alignment=DIAGONAL):
    plot_alignment(alignment, tokens, path, title=title, seconds_per_frame=0.04)


def labels(figure):
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


def test_importing_the_module_does_not_import_matplotlib():
    code = "import sys, asr.pictures.plots; print('matplotlib' in sys.modules)"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout == "False\n"


def test_an_alignment_is_drawn_with_seconds_right_and_tokens_down(drawn, tmp_path):
    draw(tmp_path / "a.png", ["a", "▁b", "<space>", "<eos>"])
    assert labels(drawn[0]) == ["a", "▁b", "<space>", "<eos>"]
    assert drawn[0].axes[0].get_xlim() == (0.0, pytest.approx(20 * 0.04))
    assert drawn[0].axes[0].get_ylim() == (3.5, -0.5)
    pixels = matplotlib.image.imread(tmp_path / "a.png")
    assert pixels.shape[:2] == (260, 900)
    assert len(np.unique(pixels[:, :, 0])) > 10


def test_dollars_and_underscores_are_drawn_as_they_stand(drawn, tmp_path):
    draw(tmp_path / "a.png", ["$", "_a_", "$x^", "\\frac"], title="$ 5 and \\alpha $")
    assert labels(drawn[0]) == ["$", "_a_", "$x^", "\\frac"]
    assert drawn[0].axes[0].get_title() == "$ 5 and \\alpha $"


def test_rows_are_numbered_where_no_font_has_hangul(drawn, tmp_path, monkeypatch):
    monkeypatch.setattr(fonts, "hangul_family", lambda: None)
    draw(tmp_path / "a.png", ["나", "는", "<space>", "<eos>"], title="u1 나는")
    assert labels(drawn[0]) == ["0", "1", "2", "3"]
    assert drawn[0].axes[0].get_title() == "u1 ??"


def test_hangul_is_drawn_without_a_warning_whatever_fonts_there_are(drawn, tmp_path):
    draw(tmp_path / "a.png", ["나", "는", "<space>", "<eos>"], title="나는")
    expected = ["나", "는", "<space>", "<eos>"] if fonts.hangul_family() else ["0", "1", "2", "3"]
    assert labels(drawn[0]) == expected


def test_of_many_tokens_only_some_are_labelled(drawn, tmp_path):
    draw(tmp_path / "a.png", [f"t{n}" for n in range(150)], alignment=np.ones((150, 30)) / 30)
    assert labels(drawn[0]) == [f"t{n}" for n in range(0, 150, 3)]
    assert drawn[0].get_size_inches()[1] == 12.0


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_alignment_of_zeros_or_nan_is_still_drawn(tmp_path, value):
    draw(tmp_path / "a.png", ["a", "b", "c", "d"], alignment=np.full((4, 20), value))
    assert (tmp_path / "a.png").stat().st_size > 0


def test_curves_keep_their_names_points_and_gaps(drawn, tmp_path):
    series = {"train": [(0, 3.0), (1, 2.0)], "dev": [(0, 4.0), (1, float("nan")), (2, 1.0)]}
    plot_curves(series, tmp_path / "c.png", xlabel="epoch", ylabel="loss", title="run")
    axes = drawn[0].axes[0]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "dev"]
    assert axes.lines[0].get_xydata().tolist() == [[0, 3], [1, 2]]
    assert axes.lines[1].get_xydata()[2].tolist() == [2, 1]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title()) == ("epoch", "loss", "run")
    assert matplotlib.image.imread(tmp_path / "c.png").shape[:2] == (450, 800)


def test_no_curve_at_all_is_an_empty_picture(drawn, tmp_path):
    plot_curves({}, tmp_path / "c.png", xlabel="epoch", ylabel="loss", title="nothing yet")
    assert drawn[0].axes[0].get_legend() is None
    assert (tmp_path / "c.png").stat().st_size > 0


def test_an_unwritable_picture_is_an_error_that_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"file/a.png: cannot be written \(.*give another path"):
        draw(tmp_path / "file" / "a.png", ["a", "b", "c", "d"])


@pytest.mark.parametrize(("name", "suffix"), [("a", ""), ("a.xyz", ".xyz"), ("a.jpg", ".jpg")])
def test_a_picture_whose_suffix_is_unknown_is_an_error_that_says_what_to_name_it(
    tmp_path, name, suffix
):
    message = (
        rf'{name}: the picture cannot be written with the suffix "{suffix}"; must be .png, .svg or '
        rf".pdf \(name it {name}.png\)"
    )
    with pytest.raises(DataError, match=message):
        plot_curves({}, tmp_path / name, xlabel="x", ylabel="y", title="t")
    with pytest.raises(DataError, match=message):
        draw_alignment(None, "no manifest", tmp_path / name)  # before it looks at anything else
    assert list(tmp_path.iterdir()) == []


def test_a_suffix_may_be_in_capitals(tmp_path):
    check_picture(tmp_path / "a.PDF")
    plot_curves({}, tmp_path / "a.PNG", xlabel="x", ylabel="y", title="t")
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
