"""KenLM reads our n-grams; what other programs write, where it reads that, we read as it does."""

import gzip
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import run
from interchange.peer import Peer

from asr.errors import DataError
from asr.hypotheses import Hypothesis
from asr.lm.arpa import LOG_ZERO
from asr.lm.folder import find_folder_tokenizer, load_language_model
from asr.lm.fusion import score_hypotheses
from asr.lm.ngram import arpa_symbols, estimate, read_arpa, write_arpa
from asr.text.tokenizer import UNK, train_tokenizer

KENLM = Peer("kenlm")
TEXTS = [
    *(
        "the cat sat on the mat",
        "a cat sat",
        "the dog sat on a cat",
        "it's AT&T on the mat",
        "no no",
    ),
    *(
        "나는 학교에 간다",
        "나는 집에 간다",
        "값이 싸다 값이",
        "ㅋㅋ 네 네 네",
        "닭이 간다",
        "너는 닭이 싫다",
    ),
] * 3
UNSEEN = ["", "the", "sat the no", "나는 닭이 간다", "the zebra sat", "學校에 간다", "네 " * 40]
SYMBOLS = ["<pad>", "<s>", "</s>", "<unk>", "a", "나", "c", "zz"]
SENTENCES = [
    "",
    "a",
    "나 c",
    "a 나 c",
    "a 나 a",
    "c c c 나 a",
    "a zz 나",
    "zz",
    "나 a 나 a 나 a c a 나 c",
]
LMPLZ = """\\data\\
ngram 1=6
ngram 2=6
ngram 3=3

\\1-grams:
-1.5\t<unk>\t0
0\t<s>\t-0.4
-0.8\t</s>\t0
-0.7\ta\t-0.3
-0.6\t나\t-0.2
-0.9\tc\t-0.15

\\2-grams:
-0.3\t<s> a\t-0.25
-0.45\ta 나\t-0.35
-0.5\tc a\t0
-0.55\t나 a\t-0.05
-0.65\tc 나\t0
-0.75\tc c\t0

\\3-grams:
-0.2\ta 나 c
-0.1\t<s> a 나
-0.33\t나 a </s>

\\end\\
"""
# As SRILM: a line before the header, no backoff where none is needed, -99 for <s>.
SRILM = "\n" + re.sub(r"\t0\n", "\n", LMPLZ.replace("0\t<s>", "-99\t<s>"))
# As SRILM without -unk, and MITLM: no <unk>.
NO_UNK = SRILM.replace("-1.5\t<unk>\n", "").replace("ngram 1=6", "ngram 1=5")
CONVENTIONS = {
    "lm.arpa": LMPLZ,
    "lm": SRILM,
    "3-gram.kn.lm": SRILM.replace("-0.9\tc", "-99\tc"),  # a word that never comes
    "irstlm.lm": re.sub(r"ngram (\d)=", r"ngram  \1=        ", LMPLZ).replace("<unk>", "<UNK>"),
    "mitlm.arpa": re.sub(
        r"(?m)(?:^|\t)-?\d[\d.]*(?=\t|$)",
        lambda found: re.sub(r"-?\d.*", lambda n: f"{float(n[0]):.6f}", found[0]),
        SRILM,
    ),
    "windows.arpa": LMPLZ.replace("\n", "\r\n"),
    "empty-order.arpa": LMPLZ.replace("3=3", "3=3\nngram 4=0").replace(
        "\\end", "\\4-grams:\n\n\\end"
    ),
    "exponents.arpa": LMPLZ.replace("-0.3\t", "-3e-1\t").replace("-0.05\n", "-5E-02\n"),
}
# KenLM refuses these, which are read as the first is.
OURS_ALONE = {
    "spaces.arpa": LMPLZ.replace("\t", "  "),
    "ended.arpa": re.sub(r"(?m)$", " ", LMPLZ),
    "tool.arpa": "made by a tool\n\n" + LMPLZ,
    "mark.arpa": "\ufeff" + LMPLZ,
    "tight.arpa": LMPLZ.replace("\n\n", "\n"),
}


def scores(path, sentences):
    import kenlm

    model = kenlm.Model(path)
    return [[log10 for log10, _, _ in model.full_scores(sentence)] for sentence in sentences]


def refusal(path):
    import kenlm

    try:
        kenlm.Model(path)
    except OSError as error:
        return str(error)
    return "read"


def own_scores(path: Path) -> list[list[float]]:
    model, number = read_arpa(path, SYMBOLS), SYMBOLS.index
    return [
        [score / math.log(10) for score in model.score([number(word) for word in sentence.split()])]
        for sentence in SENTENCES
    ]


def written(folder: Path, name: str, content: str, pack: Callable[[bytes], bytes] = bytes) -> Path:
    path = folder / name
    path.write_bytes(pack(content.encode()))
    return path


@pytest.mark.row(
    "kenlm",
    "reads ours",
    "log10 of each token, n-grams of 2 to 5 over characters, jamo and pieces, English and Korean",
)
def test_kenlm_scores_our_models_as_we_do(tmp_path: Path) -> None:
    for kind, size in (("char", None), ("jamo", None), ("unigram", 44), ("bpe", 60)):
        tokenizer = train_tokenizer(TEXTS, kind=kind, vocab_size=size, normalizer="none")
        symbols, path = arpa_symbols(tokenizer), tmp_path / f"{kind}.arpa"
        for order in (2, 3, 5):
            encoded = [tokenizer.encode(text) for text in TEXTS]
            model = estimate(encoded, order=order, vocab_size=tokenizer.vocab_size)
            write_arpa(path, model, symbols)
            tests = [tokenizer.encode(text) for text in (*TEXTS[:11], *UNSEEN)]
            assert any(UNK in tokens for tokens in tests)
            found = KENLM.call(scores, path, [" ".join(symbols[t] for t in row) for row in tests])
            for row, theirs in zip(tests, found, strict=True):
                own = [score / math.log(10) for score in model.score(row)]
                assert theirs == pytest.approx(own, abs=1e-4)
                assert sum(theirs) == pytest.approx(sum(own), abs=1e-4)


@pytest.mark.row(
    "kenlm", "reads ours", "lm.arpa of asr train-lm: log probability that asr perplexity says"
)
def test_kenlm_finds_the_log_probability_that_the_command_says(tmp_path: Path) -> None:
    text, dev, settings = (tmp_path / name for name in ("text.txt", "dev.txt", "lm.yaml"))
    text.write_text("\n".join(TEXTS), "utf-8")
    dev.write_text("\n".join(line for line in UNSEEN if line), "utf-8")
    settings.write_text("type: ngram\norder: 4\ntokenizer: {type: jamo, normalizer: korean}\n")
    out = tmp_path / "lm"
    done = run("train-lm", settings, "--out", out, "--text", text, "--dev", dev)
    assert done.returncode == 0, done.stderr
    said = run("perplexity", "--lm", out, dev).stdout
    tokenizer = find_folder_tokenizer(out)[0]
    symbols = arpa_symbols(tokenizer)
    lines = [tokenizer.encode(tokenizer.normalize(line)) for line in UNSEEN if line]
    found = KENLM.call(scores, out / "lm.arpa", [" ".join(symbols[t] for t in x) for x in lines])
    total = sum(map(sum, found)) * math.log(10)
    assert float(re.findall(r"log probability +(-[\d.]+)", said)[0]) == pytest.approx(
        total, abs=1e-3
    )


@pytest.mark.row(
    "kenlm",
    "same numbers",
    "log10 of sentences by n-grams over words, spelt in our characters; an unknown word costs "
    "`<unk>` once there, once a token with us",
)
def test_sentences_cost_with_a_model_over_words_what_kenlm_says(tmp_path: Path) -> None:
    content = LMPLZ.replace("나", "나는")
    for short, long in (("a", "the"), ("c", "cat")):
        content = re.sub(rf"(?<=[\t ]){short}(?=[\t \n])", long, content)
    path = written(tmp_path, "words.arpa", content)
    tokenizer = train_tokenizer(["the 나는 cat x"], kind="char", vocab_size=None, normalizer="none")
    model = load_language_model(path, tokenizer, words=True)
    sentences = ["", "the", "나는 cat", "the 나는 cat", "cat cat 나는 the", "the xe 나는 cat"]
    spelt = [[Hypothesis(tuple(tokenizer.encode(x)), 0.0, "eos")] for x in sentences]
    own = [score / math.log(10) for (score,) in score_hypotheses(model, spelt)]
    found = KENLM.call(scores, path, sentences)
    wanted = [sum(tokens) for tokens in found]
    wanted[-1] += found[-1][1]  # the second token of the unknown word
    assert own == pytest.approx(wanted, abs=1e-4)


@pytest.mark.row(
    "kenlm", "reads ours", "a model of single tokens: refused there, which wants pairs at least"
)
def test_kenlm_wants_two_orders(tmp_path: Path) -> None:
    write_arpa(tmp_path / "lm.arpa", estimate([[4, 5]], order=1, vocab_size=8), SYMBOLS)
    assert "at least a bigram model" in KENLM.call(refusal, tmp_path / "lm.arpa")
    assert len(own_scores(tmp_path / "lm.arpa")) == len(SENTENCES)


@pytest.mark.row(
    "kenlm",
    "same numbers",
    "log10 of each word of files as lmplz, SRILM, IRSTLM and MITLM write them: -99, no backoffs, "
    "`<UNK>`, CRLF, an empty order, other names, gzip",
)
def test_arpa_files_of_other_programs_are_read_as_kenlm_reads_them(tmp_path: Path) -> None:
    def theirs(paths, sentences):
        import kenlm

        models = [kenlm.Model(path) for path in paths]
        return [[[x[0] for x in m.full_scores(s)] for s in sentences] for m in models]

    plain = [written(tmp_path, name, content) for name, content in CONVENTIONS.items()]
    packed = [
        written(tmp_path, f"{name}.gz", content, gzip.compress)
        for name, content in CONVENTIONS.items()
    ]
    paths = plain + packed
    for path, found in zip(paths, KENLM.call(theirs, paths, SENTENCES), strict=True):
        for own, other in zip(own_scores(path), found, strict=True):
            assert own == pytest.approx(other, abs=1e-4), path.name
    assert own_scores(paths[0])[3] == pytest.approx([-0.3, -0.1, -0.2, -0.15 - 0.8], abs=1e-4)


@pytest.mark.row(
    "kenlm",
    "same numbers",
    "without `<unk>`, or with -inf: other words as there; these -100 there, or -inf, -4343 with us",
)
def test_a_word_that_cannot_be_is_as_good_as_impossible_in_both(tmp_path: Path) -> None:
    never = LOG_ZERO / math.log(10)
    for content, word, theirs in (
        (NO_UNK, "zz", -100.0),
        (SRILM.replace("-0.9\tc", "-inf\tc"), "c", -math.inf),
    ):
        path = written(tmp_path, "lm.arpa", content)
        found = KENLM.call(scores, path, SENTENCES)
        for sentence, own, other in zip(SENTENCES, own_scores(path), found, strict=True):
            for said, one, two in zip((*sentence.split(), "</s>"), own, other, strict=True):
                is_listed_alone = said == word and min(one, two) < -90
                assert (one, two) == (
                    pytest.approx((never, theirs), rel=0.01)
                    if is_listed_alone
                    else (pytest.approx(two, abs=1e-4), two)
                )
        assert any(word in sentence for sentence in SENTENCES)


@pytest.mark.row(
    "kenlm",
    "same numbers",
    "spaces for tabs or at line ends, a heading, a byte order mark, no empty lines: read by us "
    "as the same file without, refused there",
)
def test_files_that_kenlm_refuses_are_read_as_what_they_mean(tmp_path: Path) -> None:
    wanted = own_scores(written(tmp_path, "lm.arpa", LMPLZ))
    for name, content in OURS_ALONE.items():
        path = written(tmp_path, name, content)
        assert own_scores(path) == wanted
        assert "FormatLoadException" in KENLM.call(refusal, path)


@pytest.mark.row(
    "kenlm", "same numbers", "refused by both: iARPA of IRSTLM, no `<s>`, a probability above 1"
)
def test_what_is_no_finished_model_is_refused_by_both(tmp_path: Path) -> None:
    refused: dict[str, tuple[str, str, str]] = {
        "iarpa": ("iARPA\n" + LMPLZ, "IRSTLM iARPA file", "is an iARPA file of IRSTLM"),
        "above": (LMPLZ.replace("-0.7\ta", "0.7\ta"), "Positive log probability", "at most 0"),
        "no-bos": (
            re.sub(r".*<s>.*\n", "", LMPLZ)
            .replace("1=6", "1=5")
            .replace("2=6", "2=5")
            .replace("3=3", "3=2"),
            "missing <s>",
            "hold no <s>",
        ),
    }
    for name, (content, theirs, ours) in refused.items():
        path = written(tmp_path, name, content)
        assert theirs in KENLM.call(refusal, path)
        with pytest.raises(DataError, match=re.escape(ours)):
            read_arpa(path, SYMBOLS)
