"""A manifest's description for people: tables, and a picture of its lengths."""

from dataclasses import astuple
from pathlib import Path

from rich.table import Table

from asr.data.describe import Description, Lengths, Unseen
from asr.pictures.plots import Histogram, plot_histograms

QUARTILES = ("least", "quarter", "median", "three quarters", "most", "mean")


def to_tables(description: Description) -> list[Table]:
    """Returns the description as tables for people: counts, then lengths."""
    counts = Table(box=None, show_header=False)
    for name, value in _rows(description).items():
        counts.add_row(name, value)
    lengths = Table("an utterance", *QUARTILES, box=None)
    for column in lengths.columns[1:]:
        column.justify = "right"
    spreads = {
        "seconds": (description.seconds, ".2f"),
        "characters": (description.characters, ".0f"),
        "characters a second": (description.characters_a_second, ".1f"),
        "tokens": (description.tokens and description.tokens.an_utterance, ".0f"),
    }
    for name, (values, form) in spreads.items():
        if values is not None:
            lengths.add_row(name, *(format(value, form) for value in astuple(values)))
    return [counts, lengths]


def draw(description: Description, lengths: Lengths, path: Path) -> None:
    """Draws histograms of the utterances' lengths into a file, .png, .svg or .pdf.

    Raises:
        DataError: the suffix is another, or the file cannot be written.
    """
    panels = [
        Histogram(lengths.seconds, "duration (s)"),
        Histogram(lengths.characters, "characters"),
        Histogram(lengths.characters_a_second, "characters a second"),
    ]
    title = f"{Path(description.manifest).name}: {description.num_utterances:,} utterances"
    plot_histograms(panels, path, title=f"{title}, {description.hours:.2f} h")


def _rows(description: Description) -> dict[str, str]:
    rates = {f"{rate:,} Hz": count for rate, count in description.sample_rates.items()}
    rows = {
        "utterances": f"{description.num_utterances:,}",
        "without text": f"{description.num_without_text:,}",
        "made of": _counts(description.kinds),
        "hours": f"{description.hours:,.2f}",
        "speakers": f"{description.num_speakers:,}",
        "languages": _counts(description.languages),
        "sampling rates": _counts(rates),
        "channels": _counts(description.channels),
        "words": f"{description.num_words:,}, {description.num_distinct_words:,} different",
        "characters": (
            f"{description.num_characters:,}, {description.num_distinct_characters:,} different"
        ),
    }
    if tokens := description.tokens:
        rows["tokens"] = f"{tokens.num_tokens:,}, of a vocabulary of {tokens.vocab_size:,}"
        rows["characters no token spells"] = f"{tokens.num_unknown:,}"
        rows["tokens in no transcript"] = f"{tokens.num_unused:,}"
    if comparison := description.comparison:
        rows["against"] = comparison.against
        rows["  words it has not"] = _unseen(comparison.words)
        rows["  characters it has not"] = _unseen(comparison.characters)
        rows["  speakers in both"] = f"{comparison.num_shared_speakers:,}"
        rows["  utterances whose text it has"] = f"{comparison.num_shared_texts:,}"
    return rows


def _counts(counts: dict[str, int] | dict[int, int]) -> str:
    """Returns "16,000 Hz" where all are alike, and "16,000 Hz (7), 8,000 Hz (2)" where not."""
    if len(counts) == 1:
        return str(next(iter(counts)))
    return ", ".join(f"{name} ({count:,})" for name, count in counts.items())


def _unseen(unseen: Unseen) -> str:
    line = f"{unseen.count:,} ({unseen.share:.2%}), {unseen.num_distinct:,} different"
    return line + (f": {' '.join(unseen.most_frequent)}" if unseen.most_frequent else "")
