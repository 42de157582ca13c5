"""The units of the CTC head."""

import pytest
import torch

from asr.errors import ConfigError
from asr.text.tokenizer import BLANK, UNK, CharacterTokenizer, Tokenizer, train_tokenizer
from asr.text.units import LetterUnits, TokenUnits, token_spans, units_of
from asr.training.shared_tokens import shared_rows, shared_units

KOREAN = ["가방을 열어요", "각자 가요", "물이 차가워요", "값 ㅋㅋ ABC"]
ENGLISH = ["the cat sat on the mat", "that hat is at the door", "the other cat ate it"]


def tokenizer_of(kind: str, texts: list[str], vocab_size: int | None = None) -> Tokenizer:
    return train_tokenizer(texts, kind=kind, vocab_size=vocab_size, normalizer="none")


MANY = [
    ("char", KOREAN, None),
    ("unigram", ENGLISH, 22),
    ("bpe", ENGLISH, 24),
    ("bpe", KOREAN, 40),
    ("jamo_bpe", KOREAN, 100),
]


@pytest.mark.parametrize(("kind", "texts", "size"), MANY)
def test_letters_spell_what_tokens_spell(kind: str, texts: list[str], size: int | None) -> None:
    tokenizer = tokenizer_of(kind, texts, size)
    units = units_of(tokenizer, "letters")
    assert isinstance(units, LetterUnits)
    assert any(len(spelt) > 1 for spelt in units.spellings)
    for text in texts:
        tokens = tokenizer.encode(text)
        spelt = units.spell(tokens)
        assert units.text(spelt) == tokenizer.decode(tokens) == text
        spans = token_spans(units, tokens)
        assert [spelt[first:end] for first, end in spans] == [units.spell([t]) for t in tokens]
    assert units.text([1, 1]) == "⁇⁇"
    assert units.spell([UNK]) == [1]
    labels = [units.label(unit) for unit in range(units.num_units)]
    assert len(set(labels)) == len(labels)
    assert all(len(label) == 1 for label in labels[2:])


@pytest.mark.parametrize(
    ("kind", "texts"), [("char", ENGLISH), ("jamo", KOREAN), ("jamo", ENGLISH)]
)
def test_tokens_of_one_letter_each_are_units_already(kind: str, texts: list[str]) -> None:
    tokenizer = tokenizer_of(kind, texts)
    for name in ("letters", "tokens"):
        units = units_of(tokenizer, name)
        assert type(units) is TokenUnits
        assert units.num_units == tokenizer.vocab_size
        tokens = tokenizer.encode(texts[0])
        assert units.spell(tokens) == tokens
        assert units.text(tokens) == texts[0]


def test_tokens_stay_units_unless_letters_are_asked_for() -> None:
    tokenizer = tokenizer_of("char", KOREAN)
    assert type(units_of(tokenizer, "tokens")) is TokenUnits
    with pytest.raises(ConfigError, match='ctc_units "jamo": unknown; known: tokens, letters'):
        units_of(tokenizer, "jamo")


def test_a_batch_is_spelt_row_by_row() -> None:
    tokenizer = tokenizer_of("char", KOREAN)
    units = LetterUnits(tokenizer)
    rows = [tokenizer.encode("각자"), tokenizer.encode("가요 가")]
    targets = torch.tensor([[*rows[0], 9, 9], rows[1]])
    spelt, counts = units.spell_batch(targets, torch.tensor([2, 4]))
    assert counts.tolist() == [5, 7]
    assert spelt[0, :5].tolist() == units.spell(rows[0])
    assert spelt[1].tolist() == units.spell(rows[1])
    assert BLANK not in spelt.tolist()[0] + spelt.tolist()[1]
    same, lengths = TokenUnits(tokenizer, 20).spell_batch(targets, torch.tensor([2, 4]))
    assert same is targets
    assert lengths.tolist() == [2, 4]


@pytest.mark.parametrize(("kind", "texts", "size"), MANY)
def test_suffixes_make_up_every_spelling_once(
    kind: str, texts: list[str], size: int | None
) -> None:
    units = LetterUnits(tokenizer_of(kind, texts, size))
    found: dict[int, tuple[int, ...]] = {}
    ends: list[tuple[int, ...]] = [()]
    for level in units.suffixes:
        pairs = zip(level.firsts, level.rests, strict=True)
        ends = [(first, *ends[rest]) for first, rest in pairs]
        assert len(set(ends)) == len(ends)
        assert not set(level.tokens) & set(found)
        found |= {token: ends[end] for token, end in zip(level.tokens, level.ends, strict=True)}
    assert found == {t: spelt for t, spelt in enumerate(units.spellings) if spelt}


def test_units_of_two_models_are_matched_by_their_letters() -> None:
    syllables, jamo = tokenizer_of("char", KOREAN), tokenizer_of("jamo", KOREAN)
    letters, plain = LetterUnits(syllables), units_of(jamo, "tokens")
    pairs = shared_units(letters, plain, shared_rows(syllables, jamo))
    assert len(pairs) == letters.num_units  # the tokens of jamo hold every letter
    assert all(letters.label(here) == plain.label(there) for here, there in pairs)
    rows = [(0, 0), (4, 5)]
    assert shared_units(plain, units_of(jamo, "letters"), rows) is rows
    other = LetterUnits(CharacterTokenizer("각", normalizer="none"))
    assert [other.label(here) for here, _ in shared_units(other, letters, [])] == [
        *("<pad>", "<unk>"),
        *sorted("\u1100\u1161\u11a8"),
    ]
