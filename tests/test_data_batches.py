from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import random_texts, tone, write_manifest
from lhotse import CutSet

from asr.config import DataConfig
from asr.data.batches import Augment, Batch, BatchDataset, Batches, collate
from asr.data.manifest import read_cuts
from asr.errors import DataError
from asr.text.tokenizer import BOS, EOS, PAD, CharacterTokenizer, Tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_manifest(tmp_path_factory.mktemp("data"), "train", random_texts(40, seed=1))


@pytest.fixture
def tokenizer() -> Tokenizer:
    return train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")


def batches(manifest: Path, tokenizer: Tokenizer, **changes: object) -> Batches:
    config = DataConfig(batch_seconds=6, max_seconds=5, num_buckets=3, num_workers=0)
    config = config.model_copy(update=changes)
    dataset = BatchDataset(tokenizer, sample_rate=8000)
    return Batches(read_cuts(manifest), dataset, config=config, seed=3)


def same(one: Batch, other: Batch) -> bool:
    tensors = zip(one[2:7], other[2:7], strict=True)
    return one.ids == other.ids and all(torch.equal(a, b) for a, b in tensors)


def test_a_batch_holds_padded_waveforms_and_tokens(tokenizer: Tokenizer) -> None:
    waves = [np.ones(5, np.float32), np.ones(3, np.float32)]
    batch = collate(["x", "y"], ["ab", "c"], waves, tokenizer=tokenizer)
    [a, b], [c] = tokenizer.encode("ab"), tokenizer.encode("c")
    assert batch.waveforms.tolist() == [[1] * 5, [1, 1, 1, 0, 0]]
    assert batch.lengths.tolist() == [5, 3]
    assert batch.inputs.tolist() == [[BOS, a, b], [BOS, c, PAD]]
    assert batch.targets.tolist() == [[a, b, EOS], [c, EOS, PAD]]
    assert batch.target_lengths.tolist() == [3, 2]


def test_an_epoch_holds_every_utterance_once_within_the_bound(
    manifest: Path, tokenizer: Tokenizer
) -> None:
    seen = []
    for batch in batches(manifest, tokenizer).epoch(2):
        seen += batch.ids
        assert batch.waveforms.numel() / 8000 <= 6.0 or len(batch.ids) == 1
    assert sorted(seen) == [f"train-{index:03d}" for index in range(40)]


def test_the_audio_is_that_of_the_file(manifest: Path, tokenizer: Tokenizer) -> None:
    batch = next(batches(manifest, tokenizer).epoch(0))
    audio, _ = soundfile.read(manifest.parent / f"{batch.ids[0]}.wav", dtype="float32")
    np.testing.assert_array_equal(batch.waveforms[0, : len(audio)].numpy(), audio)
    assert int(batch.lengths[0]) == len(audio)


def test_the_order_follows_from_seed_and_epoch(manifest: Path, tokenizer: Tokenizer) -> None:
    first = [batch.ids for batch in batches(manifest, tokenizer).epoch(1)]
    assert first == [batch.ids for batch in batches(manifest, tokenizer).epoch(1)]
    assert first != [batch.ids for batch in batches(manifest, tokenizer).epoch(2)]


@pytest.mark.parametrize("num_workers", [0, 1])
@pytest.mark.parametrize("ordered", [True, False])
def test_an_epoch_can_be_entered_at_any_batch(
    manifest: Path, tokenizer: Tokenizer, num_workers: int, ordered: bool
) -> None:
    whole = list(batches(manifest, tokenizer).epoch(1, ordered=ordered))
    later = batches(manifest, tokenizer, num_workers=num_workers)
    rest = list(later.epoch(1, skip=3, ordered=ordered))
    assert len(whole) > 5
    assert all(same(a, b) for a, b in zip(whole[3:], rest, strict=True))


def test_the_shares_of_three_processes_are_each_batch_once(
    manifest: Path, tokenizer: Tokenizer
) -> None:
    whole = list(batches(manifest, tokenizer).epoch(0, ordered=True))
    assert len(whole) % 3  # the shares are uneven
    for rank in range(3):
        share = list(batches(manifest, tokenizer).epoch(0, skip=rank, stride=3, ordered=True))
        assert all(same(a, b) for a, b in zip(whole[rank::3], share, strict=True))


def test_the_curriculum_goes_from_short_to_long(manifest: Path, tokenizer: Tokenizer) -> None:
    longest = [
        int(batch.lengths.max()) for batch in batches(manifest, tokenizer).epoch(0, ordered=True)
    ]
    assert longest == sorted(longest)


def test_loading_leaves_the_random_state_alone(manifest: Path, tokenizer: Tokenizer) -> None:
    before = torch.get_rng_state()
    list(batches(manifest, tokenizer).epoch(1))
    assert torch.equal(before, torch.get_rng_state())


def test_two_ranks_share_an_epoch_with_equal_numbers_of_batches(
    manifest: Path, tokenizer: Tokenizer
) -> None:
    config = DataConfig(batch_seconds=6, max_seconds=5, num_buckets=3, num_workers=0)
    dataset = BatchDataset(tokenizer, sample_rate=8000)
    shares = []
    for rank in range(2):
        share = Batches(read_cuts(manifest), dataset, config=config, seed=3, world=(rank, 2))
        shares.append([name for batch in share.epoch(1) for name in batch.ids])
        assert len(shares[-1]) > 10
    together = [name.split("_dup")[0] for share in shares for name in share]
    assert set(together) == {f"train-{index:03d}" for index in range(40)}


def test_other_rates_and_channels_are_converted(tmp_path: Path, tokenizer: Tokenizer) -> None:
    manifest = write_manifest(tmp_path, "loud", ["abcd"], rate=16000)
    batch = next(batches(manifest, tokenizer).epoch(0))
    expected = tone("abcd", 8000)
    assert abs(int(batch.lengths[0]) - len(expected)) <= 1
    spectrum = np.abs(np.fft.rfft(batch.waveforms[0].numpy()[:1600]))
    assert np.argmax(spectrum) * 8000 / 1600 == pytest.approx(400, abs=5)


def augmented(manifest: Path, tokenizer: Tokenizer, epoch: int, **changes: object) -> Batch:
    config = DataConfig(batch_seconds=60, max_seconds=5, num_buckets=1, num_workers=0)
    config = config.model_copy(update=changes)
    augment = Augment(config, seed=1, epoch=epoch)
    dataset = BatchDataset(tokenizer, sample_rate=8000, augment=augment)
    return next(Batches(read_cuts(manifest), dataset, config=config, seed=3).epoch(0, ordered=True))


def test_speed_perturbation_changes_durations_by_its_factors(
    manifest: Path, tokenizer: Tokenizer
) -> None:
    plain = augmented(manifest, tokenizer, 0)
    factors = {"speed_factors": (0.9, 1.0, 1.1)}
    fast = augmented(manifest, tokenizer, 0, **factors)
    ratios = {round(float(a / b), 2) for a, b in zip(plain.lengths, fast.lengths, strict=True)}
    assert ratios == {0.9, 1.0, 1.1}
    assert same(fast, augmented(manifest, tokenizer, 0, **factors))
    other = augmented(manifest, tokenizer, 1, **factors)
    assert fast.lengths.tolist() != other.lengths.tolist()


def test_noise_is_mixed_in_at_the_wanted_level(
    manifest: Path, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "n.wav", np.random.default_rng(0).normal(0, 0.1, 4000), 8000)
    recordings = CutSet.from_cuts(read_cuts(write_manifest(tmp_path, "n", ["a"])))
    noise = recordings[0].drop_supervisions()
    noise.recording.sources[0].source = str(tmp_path / "n.wav")
    noise = noise.truncate(duration=0.15)
    CutSet.from_cuts([noise]).to_file(tmp_path / "noise.jsonl.gz")
    plain = augmented(manifest, tokenizer, 0)
    noisy = augmented(
        manifest,
        tokenizer,
        0,
        noise=str(tmp_path / "noise.jsonl.gz"),
        noise_probability=1.0,
        noise_snr_db=(10.0, 10.0),
    )
    assert noisy.ids == plain.ids
    for row, length in enumerate(plain.lengths.tolist()):
        clean = plain.waveforms[row, :length]
        added = noisy.waveforms[row, :length] - clean
        snr = 10 * torch.log10(clean.square().sum() / added.square().sum())
        assert float(snr) == pytest.approx(10, abs=1.0)


def test_audio_that_cannot_be_read_names_the_utterance_and_the_file(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    manifest = write_manifest(tmp_path, "bad", ["ab", "cd"])
    (tmp_path / "bad-001.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r'utterance "bad-001": .*bad-001\.wav cannot be read'):
        list(batches(manifest, tokenizer, num_workers=1).epoch(0))


def test_samples_that_are_not_finite_are_an_error(tmp_path: Path, tokenizer: Tokenizer) -> None:
    manifest = write_manifest(tmp_path, "nan", ["ab"])
    broken = tone("ab")
    broken[7] = np.nan
    soundfile.write(tmp_path / "nan-000.wav", broken, 8000, subtype="FLOAT")
    with pytest.raises(DataError, match=r'utterance "nan-000": has samples that are not finite'):
        list(batches(manifest, tokenizer).epoch(0))


def test_the_character_tokenizer_survives_the_way_to_a_loading_process() -> None:
    assert CharacterTokenizer(["a"], normalizer="none").encode("a") == [4]
