"""Distinct sentences for the synthetic corpus, by language."""

import random
from collections.abc import Callable

from asr.errors import ConfigError
from asr.recipes.sentences_en import english_sentence
from asr.recipes.sentences_ko import korean_sentence

GENERATORS: dict[str, Callable[[random.Random], str]] = {
    "en": english_sentence,
    "ko": korean_sentence,
}

TRIES_PER_SENTENCE = 20


def draw_sentences(language: str, count: int, rng: random.Random) -> list[str]:
    """Returns `count` sentences of which no two are the same, in the order drawn.

    Raises:
        ConfigError: the language is unknown, or its templates do not make so many sentences.
    """
    if language not in GENERATORS:
        raise ConfigError(
            f'no sentences for language "{language}"; known: {", ".join(sorted(GENERATORS))} '
            "(choose one of these with --language)"
        )
    generate = GENERATORS[language]
    sentences: dict[str, None] = {}
    for _ in range(count * TRIES_PER_SENTENCE):
        if len(sentences) == count:
            break
        sentences.setdefault(generate(rng))
    if len(sentences) < count:
        raise ConfigError(
            f"{count} distinct sentences were asked for; language {language} gave {len(sentences)} "
            "(ask for fewer utterances)"
        )
    return list(sentences)
