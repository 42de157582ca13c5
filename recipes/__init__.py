"""Corpora: each recipe turns one into lhotse cuts. Importing this package imports no recipe."""

from collections.abc import Callable
from importlib import import_module

from asr.errors import ConfigError
from asr.recipes.base import ManifestSummary, PrepareOptions, PrepareReport, Recipe

__all__ = ["RECIPES", "ManifestSummary", "PrepareOptions", "PrepareReport", "Recipe", "find_recipe"]

# The recipe NAME is the module recipes/NAME.py and its function `prepare`.
SUMMARIES = {
    "folder": "your own recordings: a table, a Kaldi directory, or a text beside each file",
    "synthetic": "simple sentences spoken by eSpeak NG, in English or Korean (about an hour)",
    "fsdd": "Free Spoken Digit Dataset: single English digits, and connected strings of them",
    "ksponspeech": "KsponSpeech: spontaneous Korean (AI Hub, fetched by hand)",
    "librispeech": "LibriSpeech and Mini LibriSpeech: English read from books",
    "an4": "AN4: English words, numbers and names spelt out, less than an hour",
    "common_voice": "Common Voice: sentences read by volunteers, in any language and version",
    "ljspeech": "LJSpeech: 24 hours of one English reader",
    "vctk": "VCTK: 110 speakers of English, of many accents, some 400 sentences each",
    "yesno": "YesNo: sixty recordings of yes and no in Hebrew, for a first try in minutes",
    "zeroth_korean": "Zeroth-Korean: Korean sentences read aloud (51.6 hours)",
}


def _prepare_of(module: str) -> Callable[[PrepareOptions], PrepareReport]:
    """Returns the function `prepare` of a module that is imported when it is first called."""

    def prepare(options: PrepareOptions) -> PrepareReport:
        report: PrepareReport = import_module(module).prepare(options)
        return report

    return prepare


RECIPES: dict[str, Recipe] = {
    name: Recipe(name=name, summary=summary, prepare=_prepare_of(f"asr.recipes.{name}"))
    for name, summary in SUMMARIES.items()
}


def find_recipe(name: str) -> Recipe:
    """Returns the recipe of that name.

    Raises:
        ConfigError: the name is unknown.
    """
    if name not in RECIPES:
        known = "; ".join(f"{recipe.name}: {recipe.summary}" for recipe in RECIPES.values())
        raise ConfigError(f'recipe "{name}": unknown; known are {known}')
    return RECIPES[name]
