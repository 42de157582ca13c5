"""Sentences from templates: words as they stand, and slots in braces such as `{person}`."""

import random
from collections.abc import Callable


def items(text: str) -> list[str]:
    """Returns the comma-separated items of a text, without the white space around them."""
    return [" ".join(item.split()) for item in text.split(",")]


def fill_template(
    template: str, fill: Callable[[str, random.Random], str], rng: random.Random
) -> str:
    """Returns a template with its slots filled, each with words that the sentence lacks so far.

    Args:
        template: words with single spaces between them; a slot may be followed by an ending.
        fill: returns one filling of the slot that it is given the name of.
        rng: what the fillings are drawn from.
    """
    words: list[str] = []
    for word in template.split():
        if not word.startswith("{"):
            words.append(word)
            continue
        slot, _, ending = word[1:].partition("}")
        filling = fill(slot, rng)
        while filling + ending in words:
            filling = fill(slot, rng)
        words.append(filling + ending)
    return " ".join(words)
