import unicodedata

import pytest

from asr.scoring.respacing import respace


@pytest.mark.parametrize(
    ("reference", "hypothesis", "respaced"),
    [
        ("나는 학교에 간다", "나는학교에간다", "나는 학교에 간다"),  # spaces missing
        ("나는 학교에 간다", "나 는 학교 에 간 다", "나는 학교에 간다"),  # and too many
        ("나는 학교에 간다", "나는학고에간다", "나는 학고에 간다"),  # a syllable wrong
        ("나는 학교에 간다", "나는간다", "나는 간다"),  # a word deleted
        ("가 나", "가다나", "가다 나"),  # an insertion belongs to the word before it
        ("가 나", "다 가 나", "다가 나"),  # at the start to the first one
        ("네", "네", "네"),  # one syllable
        ("네", "", ""),
        ("", "네 네", "네네"),
    ],
)
def test_a_hypothesis_is_spaced_as_its_reference(
    reference: str, hypothesis: str, respaced: str
) -> None:
    assert respace(reference, hypothesis) == respaced
    decomposed = unicodedata.normalize("NFD", hypothesis)
    assert respace(unicodedata.normalize("NFD", reference), decomposed) == respaced
