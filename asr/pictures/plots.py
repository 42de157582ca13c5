"""Pictures for people: attention alignments and curves, drawn by matplotlib into files.

matplotlib is imported when a picture is drawn, not before, and no window or global state of it
is used. Text that no installed font can show is never drawn as empty boxes.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from asr.errors import DataError
from asr.files import whole_file
from asr.pictures.fonts import DEFAULT_FAMILY, drawable, families

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_LABELS = 60  # more token labels than this would overlap
DOTS_PER_INCH = 100
_NUM_BINS = 50
_SHARE_DRAWN = 0.999  # of a histogram's values: one very large one would leave no room for others
_SUFFIXES = (".png", ".svg", ".pdf")


class Histogram(NamedTuple):
    """Numbers of which is shown how many are about how large."""

    values: np.ndarray
    label: str  # what they are, with their unit


def check_picture(path: Path) -> None:
    """Checks that a picture's name says what kind of picture it is, before work is put into it.

    Raises:
        DataError: its suffix is none of .png, .svg and .pdf.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise DataError(
            f'{path}: the picture cannot be written with the suffix "{path.suffix}"; must be '
            f".png, .svg or .pdf (name it {path.name}.png)"
        )


def plot_alignment(
    alignment: np.ndarray,
    tokens: Sequence[str],
    path: Path,
    *,
    title: str,
    seconds_per_frame: float,
    dpi: int = DOTS_PER_INCH,
) -> None:
    """Draws which frames the decoder attended to at each token; time runs right, tokens down.

    The brightest colour is the picture's largest weight, which the colour bar tells.
    Where no installed font has all the tokens' characters (Hangul, often), the rows are labelled
    by their numbers from 0.

    Args:
        alignment: (U, T) float in [0, 1]; each row is one token's weights over T memory frames.
        tokens: U labels, one a row.
        path: file to write; its suffix (.png, .svg, .pdf) chooses the format.
        title: one line above the picture.
        seconds_per_frame: duration of one memory frame.
        dpi: dots per inch; a picture of 60 has a third of the dots.

    Raises:
        DataError: the suffix is another, or the file cannot be written.
    """
    num_tokens, num_frames = alignment.shape
    assert len(tokens) == num_tokens > 0
    assert num_frames > 0
    figure = _new_figure(width=9.0, height=min(1.8 + 0.2 * num_tokens, 12.0))
    _show_weights(figure, alignment, seconds=num_frames * seconds_per_frame)
    _label_rows(figure.axes[0], tokens)
    _set_title(figure, title)
    figure.set_dpi(dpi)
    save_picture(figure, path)


def _show_weights(figure: "Figure", alignment: np.ndarray, *, seconds: float) -> None:
    """Draws weights (U, T), whose frames last so many seconds together, and their colour bar."""
    axes = figure.add_subplot()
    picture = axes.imshow(
        alignment,
        aspect="auto",
        interpolation="nearest",
        cmap="magma",
        vmin=0.0,
        vmax=float(alignment[np.isfinite(alignment)].max(initial=0.0)) or 1.0,
        extent=(0.0, seconds, len(alignment) - 0.5, -0.5),
    )
    figure.colorbar(picture, ax=axes, label="weight", pad=0.02)
    axes.set_xlabel("time (s)")
    axes.set_ylabel("token")


def _label_rows(axes: "Axes", tokens: Sequence[str]) -> None:
    """Writes the tokens, or their numbers, beside the rows, as many as find room."""
    labels = list(tokens) if families("".join(tokens)) else [str(row) for row in range(len(tokens))]
    rows = range(0, len(tokens), -(-len(tokens) // _MAX_LABELS) or 1)
    axes.set_yticks(rows, [labels[row] for row in rows], fontsize=8, parse_math=False)


def plot_log_mel(
    levels: np.ndarray,
    path: Path,
    *,
    title: str,
    seconds_per_frame: float,
    hz: tuple[float, float],
    dpi: int = DOTS_PER_INCH,
) -> None:
    """Draws log-mel features: time runs right, frequency up (mel scale), bright is loud.

    Args:
        levels: (T,M) float in dB.
        path: file to write; its suffix (.png, .svg, .pdf) chooses the format.
        title: one line above the picture.
        seconds_per_frame: from one frame to the next.
        hz: lower edge of the first filter, upper edge of the last.
        dpi: dots per inch.

    Raises:
        DataError: the suffix is another, or the file cannot be written.
    """
    import librosa.display  # seconds

    figure = _new_figure(width=9.0, height=4.0)
    axes = figure.add_subplot()
    low, high = hz
    rate = 1 / seconds_per_frame  # one sample a frame
    draw = partial(librosa.display.specshow, x_axis="time", y_axis="mel", htk=True, cmap="magma")
    picture = draw(levels.T, ax=axes, sr=rate, hop_length=1, fmin=low, fmax=high)
    figure.colorbar(picture, ax=axes, label="level (dB)", pad=0.02)
    axes.set(xlabel="time (s)", ylabel="frequency (Hz)")
    _set_title(figure, title)
    figure.set_dpi(dpi)
    save_picture(figure, path)


def plot_curves(
    series: Mapping[str, Sequence[tuple[float, float]]],
    path: Path,
    *,
    xlabel: str,
    ylabel: str,
    title: str,
) -> None:
    """Draws one line a series over common axes; a value that is not finite leaves a gap.

    Args:
        series: name -> points (x, y) in drawing order.
        path: file to write; its suffix (.png, .svg, .pdf) chooses the format.
        xlabel: what x is, with its unit.
        ylabel: what y is, with its unit.
        title: one line above the picture.

    Raises:
        DataError: the suffix is another, or the file cannot be written.
    """
    figure = _new_figure(width=8.0, height=4.5)
    axes = figure.add_subplot()
    lines = []
    for points in series.values():
        marker = "o" if len(points) <= _MAX_LABELS else ""
        xs, ys = [x for x, _ in points], [y for _, y in points]
        lines += axes.plot(xs, ys, marker=marker, markersize=3.5)
    if series:
        axes.legend(lines, [drawable(name) for name in series])
    axes.grid(alpha=0.3)
    axes.set_xlabel(drawable(xlabel))
    axes.set_ylabel(drawable(ylabel))
    _set_title(figure, title)
    save_picture(figure, path)


def plot_histograms(panels: Sequence[Histogram], path: Path, *, title: str) -> None:
    """Draws histograms side by side, the median of each as a dashed line; whole numbers undivided.

    The largest thousandth of the values is not drawn; how many those are is said under the axis.

    Args:
        panels: at least one.
        path: file to write; its suffix (.png, .svg, .pdf) chooses the format.
        title: one line above the picture.

    Raises:
        DataError: the suffix is another, or the file cannot be written.
    """
    figure = _new_figure(width=4.5 * len(panels), height=4.0)
    grid = figure.subplots(1, len(panels), squeeze=False)
    for axes, (values, label) in zip(grid[0], panels, strict=True):
        axes.grid(alpha=0.3)
        if len(values):
            largest = np.quantile(values, _SHARE_DRAWN, method="higher")
            drawn = values[values <= largest]
            if beyond := len(values) - len(drawn):
                label += f"; {beyond:,} beyond {largest:,.4g}"
            median = float(np.median(values))
            axes.hist(drawn, bins=_bins(drawn))
            axes.axvline(median, color="black", linestyle="--", linewidth=1)
            axes.set_title(f"median {median:,.4g}", fontsize=9)
        axes.set_xlabel(drawable(label))
    figure.axes[0].set_ylabel("utterances")
    figure.suptitle(drawable(title), fontsize=10, parse_math=False)
    save_picture(figure, path)


def _bins(values: np.ndarray) -> np.ndarray:
    """Returns the edges of the bins; of whole numbers each bin holds as many different ones."""
    low, high = values.min(), values.max()
    if not np.array_equal(values, np.rint(values)):
        return np.linspace(low, high, _NUM_BINS + 1)
    step = -(-(high - low + 1) // _NUM_BINS)
    return np.arange(low, high + step + 1, step) - 0.5


def _new_figure(*, width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")


def _set_title(figure: "Figure", title: str) -> None:
    figure.axes[0].set_title(drawable(title), fontsize=10, parse_math=False, wrap=True)


def save_picture(figure: "Figure", path: Path) -> None:
    """Writes a picture without a window system, whatever matplotlib's settings say.

    Raises:
        DataError: the suffix is none of .png, .svg and .pdf, or the file cannot be written.
    """
    from matplotlib.text import Text

    check_picture(path)
    for text in figure.findobj(Text):
        text.set_fontfamily(families(text.get_text()) or DEFAULT_FAMILY)
    with whole_file(path, DataError, way_out="free space or give another path") as file:
        figure.savefig(file, format=path.suffix.lower()[1:])
