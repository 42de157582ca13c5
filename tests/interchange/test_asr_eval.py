import pytest
from interchange.pairs import ALL_PAIRS, characters, num_errors, words
from interchange.peer import Peer

ASR_EVAL = Peer("asr-eval")


def need_it() -> None:
    found = ASR_EVAL.need() / "lib"
    if not list(found.glob("python*/site-packages/asr_eval")):
        pytest.skip(
            "asr-eval 0.3.0 needs Python 3.12 (remove .venv and .venv-interchange, then "
            "make interchange PYTHON=python3.12)"
        )


@pytest.mark.row(
    "asr-eval", "same numbers", "errors of words and of characters, split at white space"
)
def test_asr_eval_counts_as_many_errors() -> None:
    def theirs(pairs):
        from asr_eval.align.alignment import Alignment
        from asr_eval.align.parsing import Parser

        found = []
        for rule in (r"\S+", r"\S"):
            read = Parser(tokenizing=rule, postprocessing=str).parse_single_variant_transcription
            done = [Alignment(read(said), read(heard)) for said, heard in pairs]
            found.append([one.error_listing()[0].n_errors for one in done])
        return found

    need_it()
    wanted = [num_errors(words(ALL_PAIRS)), num_errors(characters(ALL_PAIRS, spaces=False))]
    assert ASR_EVAL.call(theirs, ALL_PAIRS) == wanted


@pytest.mark.row(
    "asr-eval", "same numbers", "by its own rule: small letters, punctuation parts words, е for ё"
)
def test_asr_eval_by_its_own_rule_parts_words_at_punctuation() -> None:
    def theirs(pairs):
        from asr_eval.align.alignment import Alignment
        from asr_eval.align.parsing import DEFAULT_PARSER

        read = DEFAULT_PARSER.parse_single_variant_transcription
        done = [Alignment(read(said), read(heard)).error_listing()[0] for said, heard in pairs]
        return [[one.n_errors, one.true_len] for one in done]

    need_it()
    pairs = [("It's here", "its here"), ("One, two.", "one two"), ("ёж", "еж"), ("안녕", "안녕.")]
    assert ASR_EVAL.call(theirs, pairs) == [[2, 3], [0, 2], [0, 1], [0, 1]]
    assert [[count.num_errors, count.num_reference] for count in words(pairs)] == [
        [1, 2],
        [2, 2],
        [1, 1],
        [1, 1],
    ]
