"""Corpora: each recipe turns one into lhotse cuts. Importing this package imports no recipe."""

from collections.abc import Callable
from importlib import import_module

from recipes.base import ManifestSummary, PrepareOptions, PrepareReport, Recipe

__all__ = ["RECIPES", "ManifestSummary", "PrepareOptions", "PrepareReport", "Recipe"]


def _prepare_of(module: str) -> Callable[[PrepareOptions], PrepareReport]:
    """Return the function `prepare` of a module that is imported when it is first called."""

    def prepare(options: PrepareOptions) -> PrepareReport:
        report: PrepareReport = import_module(module).prepare(options)
        return report

    return prepare


RECIPES: dict[str, Recipe] = {
    "folder": Recipe(
        name="folder",
        summary="your own recordings: a table, a Kaldi directory, or a text beside each file",
        prepare=_prepare_of("recipes.folder"),
    ),
    "synthetic": Recipe(
        name="synthetic",
        summary="simple sentences spoken by eSpeak NG, in English or Korean (about an hour)",
        prepare=_prepare_of("recipes.synthetic"),
    ),
    "fsdd": Recipe(
        name="fsdd",
        summary="Free Spoken Digit Dataset: single English digits, and connected strings of them",
        prepare=_prepare_of("recipes.fsdd"),
    ),
    "librispeech": Recipe(
        name="librispeech",
        summary="LibriSpeech and Mini LibriSpeech: English read from books",
        prepare=_prepare_of("recipes.librispeech"),
    ),
}
