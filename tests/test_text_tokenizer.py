import pickle
import random
import unicodedata

import pytest

from asr.errors import ConfigError, DataError, ModelError
from asr.text.tokenizer import (
    BLANK,
    BOS,
    EOS,
    PAD,
    TOKENIZERS,
    UNK,
    CharacterTokenizer,
    load_tokenizer,
    train_tokenizer,
)

# 18 characters and the space: 4 special tokens + 19 is the smallest sentencepiece vocabulary
TEXTS = ["the cat sat", "the mat", "나는 학교에 간다", "하늘이 맑다"]
SIZES = {"char": None, "jamo": None, "unigram": 23, "bpe": 40}
SIZES |= {"jamo_unigram": 81, "jamo_bpe": 95}


def train(kind, texts=TEXTS, vocab_size=...):
    size = SIZES[kind] if vocab_size is ... else vocab_size
    return train_tokenizer(texts, kind=kind, vocab_size=size, normalizer="none")


@pytest.fixture(params=TOKENIZERS)
def tokenizer(request):
    return train(request.param)


def test_special_tokens_have_the_first_numbers_and_the_blank_shares_that_of_padding(tokenizer):
    assert (PAD, BOS, EOS, UNK, BLANK) == (0, 1, 2, 3, 0)
    assert [tokenizer.token(i) for i in range(4)] == ["<pad>", "<bos>", "<eos>", "<unk>"]


@pytest.mark.parametrize("text", [*TEXTS, "", "s", "a h c 나", "교하늘 tem"])
def test_text_of_known_characters_comes_back_unchanged(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.count_unknown(text) == 0
    assert all(UNK < token < tokenizer.vocab_size for token in tokenizer.encode(text))


def test_encode_adds_neither_bos_nor_eos(tokenizer):
    assert not {PAD, BOS, EOS} & set(tokenizer.encode("the cat"))


def test_decode_leaves_out_padding_bos_and_eos(tokenizer):
    tokens = [BOS, PAD, *tokenizer.encode("the cat"), EOS, PAD, PAD]
    assert tokenizer.decode(tokens) == "the cat"
    assert tokenizer.decode([BOS, EOS]) == ""


@pytest.mark.parametrize("kind", ["char", "unigram", "bpe"])
def test_each_unknown_character_is_one_unk_counted_and_shown(kind):
    tokenizer = train(kind)
    tokens = tokenizer.encode("the Éß 뷁")
    assert tokens.count(UNK) == 3
    assert tokenizer.count_unknown("the Éß 뷁") == 3
    assert tokenizer.decode(tokens) == "the ⁇⁇ ⁇"


def test_a_mark_of_sentencepiece_in_the_text_is_unknown_and_not_a_space(tokenizer):
    assert tokenizer.count_unknown("a\u2581\u2585t") == 2
    assert tokenizer.decode(tokenizer.encode("a\u2581\u2585t")) == "a⁇⁇t"


@pytest.mark.parametrize("mark", ["<s>", "</s>", "<pad>", "<unk>", "<bos>", "<eos>"])
def test_the_name_of_a_special_token_in_a_text_is_text(tokenizer, mark):
    text = f"the{mark}cat"
    tokens = tokenizer.encode(text)
    assert not {PAD, BOS, EOS} & set(tokens)
    assert tokens.count(UNK) == tokenizer.count_unknown(text) > 0
    assert tokenizer.decode(tokens).startswith("the⁇")


def test_every_token_has_a_printable_label(tokenizer):
    labels = [tokenizer.token(i) for i in range(tokenizer.vocab_size)]
    assert len(set(labels)) == tokenizer.vocab_size
    assert all(label.strip() for label in labels)


def test_a_saved_tokenizer_comes_back_the_same(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    loaded = load_tokenizer(tmp_path, kind=tokenizer.kind, normalizer="none")
    assert loaded.vocab_size == tokenizer.vocab_size
    assert loaded.normalizer == "none"
    assert loaded.encode("the cat 뷁") == tokenizer.encode("the cat 뷁")
    assert [path.name for path in tmp_path.iterdir()] == [type(tokenizer).file_name]


def test_a_tokenizer_normalises_as_its_training_text_was(tokenizer, tmp_path):
    assert tokenizer.normalize(" the  cat ") == "the cat"
    tokenizer.save(tmp_path)
    assert (tmp_path / tokenizer.file_name).read_bytes() == tokenizer.to_bytes()
    loaded = load_tokenizer(tmp_path, kind=tokenizer.kind, normalizer="english")
    assert loaded.normalize("The CAT!") == "the cat"


def test_a_tokenizer_that_cannot_be_saved_is_an_error_and_the_one_before_stays(
    tokenizer, tmp_path, monkeypatch
):
    tokenizer.save(tmp_path)
    before = (tmp_path / tokenizer.file_name).read_bytes()

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asr.files.os.fsync", full)
    with pytest.raises(ModelError, match=r"cannot be written \(No space left"):
        tokenizer.save(tmp_path)
    assert (tmp_path / tokenizer.file_name).read_bytes() == before


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_pieces_are_found_in_texts_that_are_all_short(kind):
    tokenizer = train_tokenizer(["abab", "cab"] * 9, kind=kind, vocab_size=9, normalizer="none")
    assert tokenizer.decode(tokenizer.encode("abc")) == "abc"


def test_a_pickled_tokenizer_comes_back_the_same(tokenizer):
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode("the cat 뷁") == tokenizer.encode("the cat 뷁")


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_the_same_texts_give_the_same_file(kind, tmp_path):
    files = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        tokenizer = train(kind, iter(TEXTS * 5))
        tokenizer.save(tmp_path / name)
        files.append((tmp_path / name / tokenizer.file_name).read_bytes())
    assert files[0] == files[1]


def test_characters_are_numbered_in_code_point_order_after_the_special_tokens(tmp_path):
    tokenizer = train("char", ["ba", "가 a"])
    assert tokenizer.encode(" ab가") == [4, 5, 6, 7]
    assert tokenizer.vocab_size == 8
    tokenizer.save(tmp_path)
    assert (tmp_path / "tokens.txt").read_bytes().decode() == (
        "<pad>\n<bos>\n<eos>\n<unk>\n<space>\na\nb\n가\n"
    )


def test_sentencepiece_has_exactly_the_size_asked_for():
    assert train("bpe", vocab_size=33).vocab_size == 33
    assert train("unigram", vocab_size=24).vocab_size == 24


def test_sentencepiece_joins_what_often_stands_together():
    tokenizer = train("bpe")
    assert [tokenizer.token(t) for t in tokenizer.encode("the at")] == ["▁the", "▁", "at"]


def test_long_texts_are_not_left_out_of_training():
    tokenizer = train("bpe", [*TEXTS, "q" + " the" * 5000])
    assert tokenizer.count_unknown("q") == 0


def test_texts_are_normalised_before_they_are_learnt():
    decomposed = [unicodedata.normalize("NFD", text) for text in TEXTS]
    for kind in TOKENIZERS:
        assert train(kind, decomposed).encode("하늘이") == train(kind).encode("하늘이")
    english = train_tokenizer(["The CAT!"], kind="char", vocab_size=None, normalizer="english")
    assert (english.vocab_size, english.normalizer) == (4 + 6, "english")


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_vocabulary_smaller_than_the_characters_is_an_error_that_tells_the_smallest(kind):
    with pytest.raises(ConfigError, match=f'"{kind}": vocab_size 22 must be at least 23, so that'):
        train(kind, vocab_size=22)
    assert train(kind, vocab_size=23).vocab_size == 23


@pytest.mark.parametrize(("kind", "largest"), [("unigram", 24), ("bpe", 60)])
def test_a_vocabulary_larger_than_the_text_yields_is_an_error_that_tells_the_largest(kind, largest):
    with pytest.raises(ConfigError, match=f"vocab_size 1000 must be at most {largest}, the number"):
        train(kind, vocab_size=1000)
    assert train(kind, vocab_size=largest).vocab_size == largest


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sentencepiece_without_a_size_is_an_error(kind):
    with pytest.raises(ConfigError, match=f'tokenizer "{kind}": vocab_size is missing'):
        train(kind, vocab_size=None)


def test_characters_with_a_size_is_an_error():
    with pytest.raises(ConfigError, match=r'"char": vocab_size 500 must be left out'):
        train("char", vocab_size=500)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_a_training_text_with_a_mark_of_sentencepiece_is_an_error(kind):
    with pytest.raises(DataError, match=r'training text "a▁b": character .\\u2581. is reserved'):
        train(kind, [*TEXTS, "a▁b"])


@pytest.mark.parametrize("texts", [[], ["", " \t"]])
def test_no_training_text_is_an_error(texts):
    with pytest.raises(DataError, match=r'"bpe": the training texts hold no character after'):
        train("bpe", texts)


def test_an_unknown_kind_is_an_error_that_lists_the_known(tmp_path):
    message = f'tokenizer "words" is unknown; choose one of: {", ".join(TOKENIZERS)}'
    with pytest.raises(ConfigError, match=message):
        train_tokenizer(TEXTS, kind="words", vocab_size=None, normalizer="none")
    with pytest.raises(ConfigError, match=message):
        load_tokenizer(tmp_path, kind="words", normalizer="none")


def test_an_unknown_normaliser_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r'normalizer "french" is unknown'):
        train_tokenizer(TEXTS, kind="char", vocab_size=None, normalizer="french")
    with pytest.raises(ConfigError, match=r'normalizer "french" is unknown'):
        load_tokenizer(tmp_path, kind="char", normalizer="french")


HEAD = b"<pad>\n<bos>\n<eos>\n<unk>\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"tokens.txt: cannot be read as a token list \(.*No such file"),
        (HEAD + b"\xff\n", r"tokens.txt: cannot be read as a token list \(.*utf-8"),
        (b"a\nb\n", r"tokens.txt: must begin with the lines <pad>, <bos>, <eos>, <unk>"),
        (HEAD + b"a\nbc\n", r'tokens.txt line 6: "bc" must be one character'),
        (HEAD + b"a\n\nb\n", r'tokens.txt line 6: "" must be one character'),
        (HEAD + b"a\nb\na\n", r"tokens.txt: holds a character twice"),
    ],
)
def test_a_damaged_token_list_is_an_error_that_names_the_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "tokens.txt").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        CharacterTokenizer.load(tmp_path, normalizer="none")


@pytest.mark.parametrize("keep", [None, 0, 40])
def test_a_damaged_sentencepiece_model_is_an_error(tmp_path, keep):
    train("bpe").save(tmp_path)
    path = tmp_path / "tokenizer.model"
    content = path.read_bytes()
    path.unlink() if keep is None else path.write_bytes(content[:keep])
    with pytest.raises(ModelError, match=r"tokenizer.model: cannot be read as a sentencepiece mod"):
        load_tokenizer(tmp_path, kind="bpe", normalizer="none")


def test_a_foreign_sentencepiece_model_is_an_error(tmp_path):
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(TEXTS), model_writer=model, vocab_size=22, minloglevel=2
    )
    (tmp_path / "tokenizer.model").write_bytes(model.getvalue())
    with pytest.raises(ModelError, match=r"are \(-1, 1, 2, 0\); must be \(0, 1, 2, 3\)"):
        load_tokenizer(tmp_path, kind="unigram", normalizer="none")


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_any_hangul_text_comes_back_unchanged(kind):
    draw = random.Random(0)
    every = [chr(code) for code in range(0xAC00, 0xD7A4)]
    known = every if "jamo" in kind or kind == "char" else every[:: len(every) // 900]
    texts = []
    for _ in range(300):
        words = ["".join(draw.choices(known, k=draw.randint(1, 5))) for _ in range(6)]
        texts.append(" ".join([*words, "ㅋㅋ", "ㄱㄴ", "abc"]))
    size = None if SIZES[kind] is None else 120 if "jamo" in kind else 1000
    tokenizer = train(kind, [*texts, *known], vocab_size=size)
    for text in [*texts, "".join(known), f"ㄱ {known[-1]}ㄴ ㅋㅋ a"]:
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("kind", [kind for kind in TOKENIZERS if "jamo" in kind])
def test_with_jamo_no_syllable_is_unknown_whatever_training_held(kind):
    tokenizer = train(kind)
    every = "".join(chr(code) for code in range(0xAC00, 0xD7A4))
    assert tokenizer.count_unknown(every) == 0
    assert UNK not in tokenizer.encode(every)
    assert tokenizer.decode(tokenizer.encode(every)) == every


def test_a_piece_of_jamo_may_cross_syllables_and_its_label_is_composed():
    texts = [f"{a}는 {b}는 {c}는" for a in "가나다" for b in "마바사" for c in "아자차"]
    tokenizer = train("jamo_bpe", texts, vocab_size=80)
    labels = [tokenizer.token(token) for token in tokenizer.encode("가는")]
    assert "\u1161는" in labels  # the vowel of 가, and 는
    assert unicodedata.normalize("NFC", "".join(labels)) == "▁가는"


def test_jamo_know_syllables_that_training_never_held():
    texts = ["나는 학교에 간다", "하늘이 맑다"]
    jamo = train("jamo", texts)
    assert jamo.count_unknown("한글 난다") == 0
    assert jamo.decode(jamo.encode("한글 난다")) == "한글 난다"
    assert train("char", texts).count_unknown("한글 난다") == 3
    assert len(jamo.encode("맑다")) == 5


def test_jamo_of_initial_and_final_differ():
    tokenizer = train("jamo", ["각"])
    assert len(set(tokenizer.encode("각"))) == 3
    assert tokenizer.count_unknown("가") == 0
