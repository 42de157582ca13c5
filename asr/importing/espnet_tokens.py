"""The tokens of an ESPnet recognizer in the order that this toolkit has them.

There a list in config.yaml numbers them: blank, the unknown, pieces or characters, and at last one
token for begin and end.
"""

from pathlib import Path
from typing import Any

from asr.config import TokenizerConfig
from asr.errors import ModelError
from asr.importing.espnet_files import Folder
from asr.importing.known import Settings
from asr.importing.vocabulary import Roles, Vocabulary, pieces_by_name
from asr.text.tokenizer import CharacterTokenizer

BLANK, UNKNOWN, ENDS, SPACE = "<blank>", "<unk>", "<sos/eos>", "<space>"
KINDS = ("bpe", "char")


def import_tokens(folder: Folder, file: Settings) -> tuple[Vocabulary, TokenizerConfig]:
    """Returns the tokens of a recognizer, and what a configuration says of them.

    Raises:
        ModelError: they are neither pieces nor characters, or a file is missing or does not fit.
    """
    tokens, kind = read_tokens(folder, file), file.tree.get("token_type")
    if kind not in KINDS:
        raise ModelError(f"{file.path}: token_type = {kind!r:.80}; known: {', '.join(KINDS)}")
    roles = Roles(tokens.index(BLANK), len(tokens) - 1, len(tokens) - 1, tokens.index(UNKNOWN))
    if kind == "char":
        vocabulary = _characters(file.path, tokens, roles)
        return vocabulary, TokenizerConfig(type="char")
    written = file.tree.get("bpemodel")
    if not isinstance(written, str):
        raise ModelError(
            f"{file.path}: bpemodel = {written!r:.80}; must name the file of the pieces"
        )
    vocabulary = pieces_by_name(folder.find(written), tokens, roles, listed=str(file.path))
    return vocabulary, TokenizerConfig(type=vocabulary.kind, vocab_size=vocabulary.size)


def read_tokens(folder: Folder, file: Settings) -> list[str]:
    """Returns the list of tokens, by their numbers.

    Raises:
        ModelError: there is none, it holds a token twice, or special ones are not in their places.
    """
    written: Any = file.tree.get("token_list")
    if isinstance(written, str):
        written = _lines(folder.find(written))
    if not isinstance(written, list) or not all(isinstance(token, str) for token in written):
        raise ModelError(
            f"{file.path}: token_list must be a list of texts, or name a file of lines"
        )
    tokens = [str(token) for token in written]
    if len(set(tokens)) < len(tokens):
        raise ModelError(f"{file.path}: token_list holds a token twice; each must have one number")
    places = {BLANK: 0, UNKNOWN: 1, ENDS: len(tokens) - 1}
    for token, place in places.items():
        if len(tokens) <= len(places) or tokens[place] != token:
            raise ModelError(
                f"{file.path}: token_list must hold {BLANK}, {UNKNOWN}, the tokens of texts, and "
                f"{ENDS} at last; number {place} must be {token}"
            )
    return tokens


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: cannot be read as a token list ({error})") from None
    return [line[:1] + line[1:].rstrip() for line in lines]


def _characters(path: Path, tokens: list[str], roles: Roles) -> Vocabulary:
    pieces = tuple(number for number in range(len(tokens)) if number not in roles)
    characters = [" " if tokens[number] == SPACE else tokens[number] for number in pieces]
    for character in characters:
        if len(character) != 1:
            raise ModelError(
                f'{path}: the token "{character:.40}" is no single character, and token_type is '
                "char; only characters are known beside pieces"
            )
    model = CharacterTokenizer(characters, normalizer="none").to_bytes()
    return Vocabulary(model, "char", roles, pieces, len(tokens))
