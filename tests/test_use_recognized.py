from types import SimpleNamespace

from asr.use.recognized import describe


def test_a_text_has_no_space_around_it_and_single_ones_within() -> None:
    texts = {1: " on  the mat ", 2: "on", 3: "on the mat"}
    tokenizer = SimpleNamespace(decode=lambda tokens: texts[tokens[0]])
    found = [SimpleNamespace(tokens=(n,), score=-n, ended="eos") for n in (1, 2, 3)]
    judged = SimpleNamespace(confidence=0.5, words=(), warnings=(), speech=None)
    recognized = describe(tokenizer, found, judged)  # type: ignore[arg-type]
    assert recognized.text == "on the mat"
    assert recognized.nbest == (("on the mat", -1), ("on", -2))
