import hashlib
import random
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from lhotse import CutSet
from lhotse.qa import validate

from asr.errors import ConfigError, DataError
from asr.recipes import RECIPES, PrepareOptions, PrepareReport
from asr.recipes import speaking as speaking_module
from asr.recipes.espeak import Espeak, load_espeak
from asr.recipes.sentences import draw_sentences
from asr.recipes.sentences_ko import future, past, with_particle
from asr.recipes.speaking import Line, speak_lines
from asr.recipes.synthetic import plan
from asr.recipes.templates import fill_template, items


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    pytest.importorskip("espeakng_loader", reason="espeakng-loader is not installed")
    return load_espeak()


@pytest.fixture(scope="module")
def spoken(espeak: Espeak, tmp_path_factory: pytest.TempPathFactory) -> PrepareReport:
    out = tmp_path_factory.mktemp("synthetic")
    return RECIPES["synthetic"].prepare(PrepareOptions(corpus=None, out=out, num_utterances=30))


@pytest.mark.parametrize("language", ["en", "ko"])
def test_thousands_of_sentences_are_distinct_and_the_same_for_a_seed(language: str) -> None:
    first = draw_sentences(language, 5000, random.Random(1))
    assert len(set(first)) == 5000
    assert first == draw_sentences(language, 5000, random.Random(1))
    assert first != draw_sentences(language, 5000, random.Random(2))


def test_english_is_lower_case_words() -> None:
    sentences = draw_sentences("en", 3000, random.Random(0))
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*", sentence) for sentence in sentences)
    assert 4 <= np.mean([len(sentence.split()) for sentence in sentences]) <= 9
    assert 400 <= len(set(" ".join(sentences).split())) <= 800


def test_korean_is_composed_syllables_and_many_of_them() -> None:
    sentences = draw_sentences("ko", 3000, random.Random(0))
    assert all(re.fullmatch(r"[가-힣]+( [가-힣]+)*", sentence) for sentence in sentences)
    assert all(unicodedata.is_normalized("NFC", sentence) for sentence in sentences)
    assert len(set("".join(sentences)) - {" "}) >= 300


@pytest.mark.parametrize(("language", "voice"), [("en", "en-us"), ("ko", "ko")])
def test_no_two_words_sound_alike(espeak: Espeak, language: str, voice: str) -> None:
    words = sorted(set(" ".join(draw_sentences(language, 6000, random.Random(0))).split()))
    sounds = {re.sub("[',]", "", espeak.phonemes(word, voice=voice)) for word in words}
    assert len(sounds) == len(words)


@pytest.mark.parametrize(
    ("word", "particle", "expected"),
    [
        ("책", "을/를", "책을"),
        ("사과", "을/를", "사과를"),
        ("선생님", "은/는", "선생님은"),
        ("누나", "이/가", "누나가"),
        ("학교", "으로/로", "학교로"),
        ("집", "으로/로", "집으로"),
        ("서울", "으로/로", "서울로"),
        ("서울", "이/가", "서울이"),
    ],
)
def test_a_particle_follows_the_last_sound(word: str, particle: str, expected: str) -> None:
    assert with_particle(word, particle) == expected


def test_a_particle_needs_hangul() -> None:
    with pytest.raises(ValueError, match="does not end in a Hangul syllable"):
        with_particle("abc", "은/는")


@pytest.mark.parametrize(
    ("connective", "expected"),
    [
        ("먹어", "먹었어요"),
        ("사", "샀어요"),
        ("마셔", "마셨어요"),
        ("봐", "봤어요"),
        ("청소해", "청소했어요"),
    ],
)
def test_the_past_closes_the_last_syllable(connective: str, expected: str) -> None:
    assert past(connective) == expected


@pytest.mark.parametrize(
    ("stem", "expected"), [("먹", "먹을 거예요"), ("사", "살 거예요"), ("만들", "만들 거예요")]
)
def test_the_future_follows_the_stem(stem: str, expected: str) -> None:
    assert future(stem) == expected


def test_a_template_takes_no_word_twice() -> None:
    fillings = iter(["one", "one", "two"])
    filled = fill_template("{n} and {n}s", lambda slot, rng: next(fillings), random.Random(0))
    assert filled == "one and ones"
    assert fill_template("{n} {n}", lambda slot, rng: rng.choice("ab"), random.Random(0)) in (
        "a b",
        "b a",
    )


def test_items_are_cut_at_commas() -> None:
    assert items("\n  a b,\n c  d , e\n") == ["a b", "c d", "e"]


def test_an_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match='language "xx"; known: en, ko'):
        draw_sentences("xx", 1, random.Random(0))


def test_more_sentences_than_there_are_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr.recipes.sentences.GENERATORS", {"en": lambda rng: "always this"})
    with pytest.raises(ConfigError, match=r"2 distinct sentences .* gave 1"):
        draw_sentences("en", 2, random.Random(0))


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("seed", [0, 1])
def test_no_sentence_and_no_voice_is_in_two_splits(language: str, seed: int) -> None:
    splits = plan(PrepareOptions(corpus=None, out=Path("out"), language=language, seed=seed))
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 2000,
        "dev": 100,
        "test": 120,
    }
    for kind in ("text", "voice"):
        sets = [{getattr(item.line, kind) for item in split} for split in splits.values()]
        assert sum(map(len, sets)) == len(set.union(*sets))
    variants = [{item.line.voice.split("+")[1] for item in split} for split in splits.values()]
    assert sum(map(len, variants)) == len(set.union(*variants)) == 13
    ids = [item.utterance_id for split in splits.values() for item in split]
    assert len(set(ids)) == len(ids)


def test_the_plan_follows_the_seed() -> None:
    plans = [plan(PrepareOptions(corpus=None, out=Path("out"), seed=seed)) for seed in (3, 3, 4)]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]


def test_an_impossible_number_is_refused() -> None:
    with pytest.raises(ConfigError, match="num_utterances is 0; must be at least 1"):
        plan(PrepareOptions(corpus=None, out=Path("out"), num_utterances=0))


def test_the_speech_is_sane_and_matches_its_manifest(spoken: PrepareReport) -> None:
    assert [(item.path.name, item.num_utterances) for item in spoken.manifests] == [
        ("train.jsonl.gz", 30),
        ("dev.jsonl.gz", 100),
        ("test.jsonl.gz", 120),
    ]
    for summary in spoken.manifests:
        cuts = CutSet.from_file(summary.path).to_eager()
        validate(cuts)
        for cut in cuts:
            samples = cut.load_audio()[0]
            assert len(samples) == cut.num_samples
            assert 0.8 < cut.duration < 6
            assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.3
            assert cut.sampling_rate == 16000
            assert cut.supervisions[0].language == "en"


def test_the_same_seed_gives_the_same_bytes(espeak: Espeak, tmp_path: Path) -> None:
    sums = []
    for name in "ab":
        lines = [
            Line(
                f"the number is {n}",
                f"en-us+{voice}",
                160,
                50,
                50,
                str(tmp_path / f"{name}{n}.wav"),
            )
            for n, voice in enumerate(["f2", "m3", "f5", "m1"])
        ]
        speak_lines(lines, print)
        files = sorted(tmp_path.glob(f"{name}*.wav"))
        sums.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert len(sums[0]) == 4
    assert sums[0] == sums[1]


def test_blocks_come_back_in_order(
    espeak: Espeak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking_module, "LINES_PER_BLOCK", 2)
    texts = ["one", "one two three four five", "six", "seven", "eight nine ten eleven twelve"]
    lines = [
        Line(text, "en-us+m1", 160, 50, 50, str(tmp_path / "wav" / f"{number}.wav"))
        for number, text in enumerate(texts)
    ]
    said: list[str] = []
    counts = speak_lines(lines, said.append)
    assert counts[1] > 2 * counts[0]
    assert counts[4] > 2 * counts[3]
    assert said[-1] == "5 of 5 utterances spoken"


def test_an_unknown_voice_is_named(espeak: Espeak, tmp_path: Path) -> None:
    line = Line("hello", "xx-nowhere", 160, 50, 50, str(tmp_path / "a.wav"))
    with pytest.raises(DataError, match='eSpeak NG has no voice "xx-nowhere"'):
        speak_lines([line], print)


def test_a_process_that_ends_badly_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "fails"
    program.write_text("#!/bin/sh\necho it broke >&2\nexit 7\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    line = Line("hello", "en-us", 160, 50, 50, str(tmp_path / "a.wav"))
    with pytest.raises(
        DataError, match=r"stopped with status 7 \(it broke\) .*run the command again"
    ):
        speak_lines([line], print)


def test_nothing_to_say_is_an_error(espeak: Espeak) -> None:
    with pytest.raises(DataError, match='given " " to say; must hold a word'):
        espeak.speak(" ", voice="en-us", words_per_minute=160, pitch=50, pitch_range=50)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    options = PrepareOptions(corpus=None, out=blocked / "out", num_utterances=1)
    with pytest.raises(DataError, match=r"cannot be written: .*another --out"):
        RECIPES["synthetic"].prepare(options)


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(DataError, match=r"pip install 'asr\[demo\]'"):
        load_espeak.__wrapped__()
