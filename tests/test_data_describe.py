import json
import re
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
import soundfile
from conftest import error_of, run, write_manifest
from lhotse import CutSet, Recording

from asr.data.describe import Spread, describe, spread
from asr.pictures import plots
from asr.scoring.rates import RATES
from asr.text.normalizers import NORMALIZERS, get_normalizer
from asr.text.tokenizer import train_tokenizer

TEXTS = ["ab a", "ab", "abcd c", "a"]  # tones of 0.2 s a character and space


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_manifest(tmp_path / "data", "train", TEXTS)


def test_counts_of_words_characters_and_lengths_are_those_of_the_transcripts(
    manifest: Path,
) -> None:
    found, lengths = describe(manifest)
    assert (found.num_utterances, found.num_speakers, found.num_without_text) == (4, 1, 0)
    assert found.hours == pytest.approx(0.2 * 13 / 3600)
    assert (found.num_words, found.num_distinct_words) == (6, 4)
    assert (found.num_characters, found.num_distinct_characters) == (11, 4)
    assert (found.languages, found.sample_rates, found.channels) == ({"en": 4}, {8000: 4}, {1: 4})
    assert found.kinds == {"whole recordings": 4}
    np.testing.assert_allclose(lengths.seconds, [0.8, 0.4, 1.2, 0.2])
    assert lengths.characters.tolist() == [3, 2, 5, 1]
    assert found.characters == Spread(1, 1.75, 2.5, 3.5, 5, 2.75)
    np.testing.assert_allclose(lengths.characters_a_second, [3.75, 5, 5 / 1.2, 5])
    assert (found.tokens, found.comparison) == (None, None)


def test_a_spread_of_nothing_is_none() -> None:
    assert spread(np.array([])) is None


def test_parts_and_mixes_and_channels_are_told_apart(tmp_path: Path, manifest: Path) -> None:
    whole, other, third, _ = CutSet.from_file(manifest)
    part = third.truncate(offset=0.2, duration=0.5, preserve_id=True)
    soundfile.write(tmp_path / "stereo.wav", np.zeros((800, 2)), 16000)
    stereo = Recording.from_file(tmp_path / "stereo.wav").to_cut()
    mix = whole.append(other).with_id("mix")
    CutSet.from_cuts([part, mix, stereo]).to_file(tmp_path / "cuts.jsonl.gz")
    found, lengths = describe(tmp_path / "cuts.jsonl.gz")
    assert found.kinds == {"parts of recordings": 1, "mixes": 1, "whole recordings": 1}
    assert found.sample_rates == {8000: 2, 16000: 1}
    assert found.channels == {1: 2, 2: 1}
    assert found.num_without_text == 1
    assert len(lengths.characters_a_second) == 2  # the one without text has no rate


def test_what_another_manifest_has_not_is_counted_by_kind(tmp_path: Path, manifest: Path) -> None:
    test = write_manifest(tmp_path / "data", "test", ["ab", "b b", "d. b"])
    found, _ = describe(test, against=manifest)
    assert found.comparison
    words, characters = found.comparison.words, found.comparison.characters
    assert (words.count, words.num_distinct, words.most_frequent) == (4, 2, ["b", "d."])
    assert words.share == pytest.approx(4 / 5)
    assert (characters.count, characters.most_frequent) == (1, ["."])
    assert (found.comparison.num_shared_speakers, found.comparison.num_shared_texts) == (1, 1)
    found, _ = describe(test, against=manifest, normalizer="english")
    assert found.comparison
    assert found.comparison.characters.count == 0


def test_utterances_without_text_have_no_text_in_common(tmp_path: Path) -> None:
    train = write_manifest(tmp_path, "train", ["ab", " "])
    found, _ = describe(write_manifest(tmp_path, "test", ["ab", " ", " "]), against=train)
    assert found.num_without_text == 2
    assert found.comparison
    assert found.comparison.num_shared_texts == 1


def test_tokens_are_counted_through_the_tokenizers_own_normaliser(manifest: Path) -> None:
    tokenizer = train_tokenizer(["ab z"], kind="char", vocab_size=None, normalizer="english")
    found, _ = describe(manifest, tokenizer=tokenizer)
    assert found.tokens
    assert (found.tokens.num_tokens, found.tokens.vocab_size) == (13, 8)
    assert found.tokens.num_unknown == 3  # c, d and c of "abcd c"
    assert found.tokens.num_unused == 1  # z
    assert found.tokens.an_utterance == spread(np.array([4, 2, 6, 1]))
    assert get_normalizer(found.tokens.normalizer).name == "english"


def test_the_command_prints_tables_draws_a_picture_and_writes_json(
    tmp_path: Path, manifest: Path
) -> None:
    done = run("data", "describe", manifest, "--against", manifest, "--picture", tmp_path / "a.png")
    assert done.returncode == 0
    assert done.stderr == f"written: {tmp_path / 'a.png'}\n"
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["utterances", "4"] in lines
    assert ["words", "6,", "4", "different"] in lines
    assert ["words", "it", "has", "not", "0", "(0.00%),", "0", "different"] in lines
    assert ["seconds", "0.20", "0.35", "0.60", "0.90", "1.20", "0.65"] in lines
    assert matplotlib.image.imread(tmp_path / "a.png").shape[:2] == (400, 1350)
    found = json.loads(run("data", "describe", manifest, "--json").stdout)
    assert (found["num_utterances"], found["seconds"]["largest"]) == (4, 1.2)


def test_the_command_counts_the_tokens_of_a_model_folder(tmp_path: Path, manifest: Path) -> None:
    train_tokenizer(TEXTS, kind="char", vocab_size=None, normalizer="none").save(tmp_path)
    (tmp_path / "config.yaml").write_text("tokenizer:\n  type: char\n  normalizer: none\n")
    done = run("data", "describe", manifest, "--tokenizer", tmp_path)
    assert "13, of a vocabulary of 9" in done.stdout
    assert ["tokens", "1", "2", "3", "4", "6", "3"] in [x.split() for x in done.stdout.splitlines()]


def test_what_cannot_be_described_is_one_sentence(tmp_path: Path, manifest: Path) -> None:
    assert "no such manifest" in error_of("data", "describe", tmp_path / "gone.jsonl.gz")
    assert "suffix" in error_of("data", "describe", manifest, "--picture", "a.jpg")
    assert '"french" is unknown' in error_of("data", "describe", manifest, "--normalizer", "french")


def test_histograms_leave_out_the_largest_thousandth_and_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = []
    monkeypatch.setattr(plots, "save_picture", lambda figure, path: figures.append(figure))
    panels = [
        plots.Histogram(np.array([*np.linspace(1, 2, 1999), 900.0]), "duration (s)"),
        plots.Histogram(np.array([3.0, 3.0, 4.0, 5.0]), "characters"),
        plots.Histogram(np.array([]), "nothing"),
    ]
    plots.plot_histograms(panels, tmp_path / "a.png", title="$ 나")
    first, second, third = figures[0].axes
    assert first.get_xlabel() == "duration (s); 1 beyond 2"
    assert sum(patch.get_height() for patch in first.patches) == 1999
    assert [patch.get_height() for patch in second.patches][:3] == [2, 1, 1]
    assert second.get_title() == "median 3.5"
    assert (third.get_xlabel(), len(third.patches)) == ("nothing", 0)
    assert figures[0].get_suptitle().startswith("$ ")


@pytest.mark.parametrize("command", [("data", "describe"), ("score",)])
def test_help_names_every_normalizer_and_rate(command: tuple[str, ...]) -> None:
    shown = re.sub(r"[\s│]+", "", run(*command, "--help").stdout)
    assert f"Oneof{','.join(NORMALIZERS)}." in shown
    if command == ("score",):
        assert all(name in shown for name in RATES)
