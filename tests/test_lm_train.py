"""Truncated back-propagation, the text as lanes, and the training of language models."""

import gzip
import json
import math
from pathlib import Path

import pytest
import torch
from conftest import stop_after, write_manifest
from torch import Tensor
from torch.nn import functional

import asr.lm.train
from asr.checkpoint import load_state, save_folder
from asr.config import Config
from asr.errors import ConfigError, DataError, ModelError
from asr.lm.bptt import clip_gradients, gradient_norms, run_segment
from asr.lm.config import LMConfig, choose_files, load_lm_config
from asr.lm.folder import load_language_model
from asr.lm.language_model import LMState, RecurrentLM, sample
from asr.lm.perplexity import score_text
from asr.lm.run import LMProgress, LMRun, find_texts, set_up
from asr.lm.text import Lanes, TokenText, make_lanes, read_lines, read_text
from asr.lm.train import train_language_model, train_step
from asr.rnn import LAYERS
from asr.settings import check_settings
from asr.text.tokenizer import BOS, EOS, PAD, UNK, CharacterTokenizer
from asr.training.lock import lock_folder
from asr.training.signals import TrainingStoppedError

CELLS = sorted(LAYERS)
TOKENIZER = CharacterTokenizer("abcd", normalizer="none")
LINES = ["ab", "c", "dabc", "bbb", "ad"]


def text_of(lines: list[str]) -> TokenText:
    stream = [token for line in lines for token in (BOS, *TOKENIZER.encode(line))]
    return TokenText(torch.tensor(stream, dtype=torch.int32), 0, 0)


def make(cell: str = "lstm", num_layers: int = 2) -> RecurrentLM:
    size = TOKENIZER.vocab_size
    network = RecurrentLM(size, cell=cell, embedding_dim=5, hidden_dim=7, num_layers=num_layers)
    return network.double()


def read_lanes(network: RecurrentLM, lanes: Lanes, *, steps: int) -> tuple[Tensor, list[float]]:
    """Returns the summed loss of all lanes, back-propagated segment by segment, and each loss."""
    state, losses = network.zero_state(len(lanes.inputs)), []
    total = torch.zeros((), dtype=torch.double)
    for start in range(0, lanes.inputs.size(1), steps):
        inputs, targets = (part[:, start : start + steps].long() for part in lanes)
        result = run_segment(network, inputs, targets, state=state)
        loss = result.loss * result.num_tokens
        loss.backward()
        total, state = total + loss.detach(), result.state
        losses.append(float(loss.detach()))
    return total, losses


def read_by_hand(network: RecurrentLM, lanes: Lanes, *, cut_every: int | None) -> Tensor:
    """Returns the summed loss, one token at a time, with the state cut every so many tokens."""
    state: LMState = network.zero_state(len(lanes.inputs))
    total = torch.zeros((), dtype=torch.double)
    for time in range(lanes.inputs.size(1)):
        if cut_every is not None and time % cut_every == 0:
            state = tuple(tuple(part.detach() for part in parts) for parts in state)
        logits, state = network(lanes.inputs[:, time : time + 1].long(), state)
        log_probs = functional.log_softmax(logits[:, 0], dim=-1)
        for row, target in zip(log_probs, lanes.targets[:, time].tolist(), strict=True):
            if target != PAD:
                total = total - row[target]
    return total


def gradients(network: RecurrentLM) -> dict[str, Tensor]:
    found = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    assert len(found) == len(list(network.parameters()))
    return found


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("num_lanes", [1, 3])
def test_one_segment_as_long_as_the_text_equals_full_back_propagation(
    cell: str, num_lanes: int
) -> None:
    network, lanes = make(cell), make_lanes(text_of(LINES), num_lanes)
    total, losses = read_lanes(network, lanes, steps=1000)
    assert len(losses) == 1
    ours = gradients(network)
    expected = read_by_hand(network, lanes, cut_every=None)
    expected.backward()
    torch.testing.assert_close(total, expected.detach())
    torch.testing.assert_close(ours, gradients(network))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_truncated_gradients_equal_those_of_a_state_cut_by_hand(cell: str, steps: int) -> None:
    network, lanes = make(cell), make_lanes(text_of(LINES), 2)
    total, _ = read_lanes(network, lanes, steps=steps)
    ours = gradients(network)
    expected = read_by_hand(network, lanes, cut_every=steps)
    expected.backward()
    torch.testing.assert_close(total, expected.detach())
    torch.testing.assert_close(ours, gradients(network))
    read_by_hand(network, lanes, cut_every=None).backward()
    full = gradients(network)
    assert not torch.allclose(ours["layers.0.weight_hh_l0"], full["layers.0.weight_hh_l0"])


@pytest.mark.parametrize("cell", CELLS)
def test_the_state_is_carried_from_segment_to_segment(cell: str) -> None:
    network = make(cell, num_layers=1)
    inputs, targets = make_lanes(text_of(["abcdabcdabcd"]), 1)
    changed = inputs.clone()
    changed[0, 1] = TOKENIZER.encode("d")[0]
    _, before = read_lanes(network, Lanes(inputs, targets), steps=3)
    _, after = read_lanes(network, Lanes(changed, targets), steps=3)
    assert len(before) == 5
    assert all(abs(a - b) > 1e-9 for a, b in zip(before[:2], after[:2], strict=True))


def test_the_sum_of_losses_is_that_of_the_text_however_it_is_cut() -> None:
    network, text = make(), text_of(LINES)
    whole, _ = read_lanes(network, make_lanes(text, 1), steps=1000)
    parts, losses = read_lanes(network, make_lanes(text, 1), steps=4)
    assert len(losses) == math.ceil(text.num_tokens / 4)
    torch.testing.assert_close(whole, parts)


@pytest.mark.parametrize("num_lanes", [1, 2, 3, 7, 40])
@pytest.mark.parametrize("seed", [None, 0, 1])
def test_lanes_hold_every_token_once_and_padding_at_the_end_alone(
    num_lanes: int, seed: int | None
) -> None:
    text = text_of(LINES)
    inputs, targets = make_lanes(text, num_lanes, seed=seed)
    assert inputs.shape == targets.shape == (num_lanes, math.ceil(text.num_tokens / num_lanes))
    stream, wanted = inputs.flatten(), targets.flatten()
    assert (stream[text.num_tokens :] == PAD).all()
    assert (wanted[text.num_tokens :] == PAD).all()
    read = TokenText(stream[: text.num_tokens], 0, 0)
    assert sorted(read.lines()) == sorted(text.lines())
    assert torch.equal(read.targets, wanted[: text.num_tokens])
    assert (list(read.lines()) == list(text.lines())) is (seed is None)


def test_each_token_is_followed_by_the_next_and_the_last_by_eos() -> None:
    text = text_of(["ab", "c"])
    a, b, c = TOKENIZER.encode("abc")
    assert text.stream.tolist() == [BOS, a, b, BOS, c]
    assert text.targets.tolist() == [a, b, EOS, c, EOS]
    assert text.line_lengths().tolist() == [3, 2]


def test_one_seed_gives_one_order_of_lines() -> None:
    text = text_of([letter * count for letter in "abcd" for count in range(1, 6)])
    first, again = (make_lanes(text, 3, seed=5).inputs for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, make_lanes(text, 3, seed=6).inputs)


def test_texts_are_read_normalised_and_counted(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.txt", tmp_path / "b.txt.gz"
    plain.write_bytes("\ufeff a  b\r\n\n  \nzc".encode())
    packed.write_bytes(gzip.compress(b"dd\n"))
    manifest = write_manifest(tmp_path / "cuts", "c", ["abc", "d"])
    for audio in (tmp_path / "cuts").glob("*.wav"):
        audio.unlink()  # nobody needs to hear it
    tokenizer = CharacterTokenizer(" abcd", normalizer="none")
    text = read_text([plain, packed, manifest], tokenizer)
    lines = ["".join(tokenizer.token(token) for token in line) for line in text.lines()]
    assert lines == ["a<space>b", "<unk>c", "dd", "abc", "d"]
    assert (text.num_lines, text.num_empty, text.num_unknown) == (5, 2, 1)
    assert text.num_tokens == text.num_characters == 3 + 2 + 2 + 3 + 1 + 5
    assert text.describe() == (
        "5 lines, 16 tokens with one for each line's end, 16 characters likewise; "
        "1 tokens are unknown to the tokenizer (UNK); 2 empty lines left out"
    )


def test_texts_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: no such text; give a file of one utterance"):
        list(read_lines(tmp_path / "none.txt"))
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(DataError, match=r"latin\.txt: cannot be read as UTF-8 text"):
        list(read_lines(tmp_path / "latin.txt"))
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"a\n" * 999)[:-9])
    with pytest.raises(DataError, match=r"cut\.txt\.gz: cannot be read as UTF-8 text"):
        list(read_lines(tmp_path / "cut.txt.gz"))
    damaged = bytearray(gzip.compress(bytes(range(97, 123)) * 50))
    damaged[10] = 0xFF  # a kind of block that there is not
    (tmp_path / "bad.txt.gz").write_bytes(damaged)
    with pytest.raises(DataError, match=r"bad\.txt\.gz: cannot be read as UTF-8 text \(Error -3"):
        list(read_lines(tmp_path / "bad.txt.gz"))
    (tmp_path / "empty.txt").write_text(" \n\n")
    with pytest.raises(DataError, match=r'empty\.txt: no line holds a token .*"none"; at least'):
        read_text([tmp_path / "empty.txt"], TOKENIZER)
    manifest = write_manifest(tmp_path / "cuts", "c", ["abc"])
    lines = gzip.decompress(manifest.read_bytes()) + b"{}\n"
    manifest.write_bytes(gzip.compress(lines))
    with pytest.raises(DataError, match=r"c\.jsonl\.gz line 2: type must be one of"):
        list(read_lines(manifest))


def test_norms_are_taken_part_by_part() -> None:
    network, lanes = make(), make_lanes(text_of(LINES), 1)
    read_lanes(network, lanes, steps=100)
    norms = gradient_norms(network)
    assert list(norms) == ["embedding", "layer1", "layer2", "output"]
    assert norms["embedding"] == pytest.approx(float(network.embedding.weight.grad.norm()))
    whole = torch.cat([p.grad.flatten() for p in network.parameters()]).norm()
    assert math.hypot(*norms.values()) == pytest.approx(float(whole))


def test_gradients_are_clipped_by_value_and_then_by_norm() -> None:
    network = make()
    for value, norm in ((None, None), (0.01, None), (None, 0.4), (0.01, 0.02)):
        for index, parameter in enumerate(network.parameters()):
            parameter.grad = torch.full_like(parameter, 0.02 * (index % 3 - 1))
        flat = torch.cat([p.grad.flatten() for p in network.parameters()])
        clip_gradients(network, clip_value=value, clip_norm=norm)
        expected = flat if value is None else flat.clamp(-value, value)
        if norm is not None:
            assert expected.norm() > norm
            expected = expected * norm / expected.norm()
        clipped = torch.cat([p.grad.flatten() for p in network.parameters()])
        torch.testing.assert_close(clipped, expected, rtol=1e-4, atol=1e-9)


def config_of(folder: Path, **sections: object) -> LMConfig:
    """Returns a small configuration, whose texts it writes into the folder."""
    words = ["ab", "cab", "dad", "bad cab", "a dab", "add", "bad dad"]
    lines = [words[index * index % 7] + " " + words[index % 5] for index in range(60)]
    for name, chosen in (("train", lines), ("dev", lines[::7])):
        path = folder / f"{name}.txt"
        if not path.exists():
            path.write_text("\n".join(chosen) + "\n", "utf-8")
    tree = {
        "data": {"text": [str(folder / "train.txt")], "dev": str(folder / "dev.txt")},
        "model": {"embedding_dim": 8, "hidden_dim": 12, "num_layers": 2, "dropout": 0.1},
        "train": {"epochs": 3, "num_lanes": 4, "bptt_steps": 16, "warmup_steps": 5},
    }
    for name, section in sections.items():
        before = tree.get(name)
        tree[name] = {**before, **section} if before and isinstance(section, dict) else section
    return check_settings(tree, LMConfig, source="test")


def weights(folder: Path) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def history(folder: Path) -> list[dict]:
    rows = [json.loads(line) for line in (folder / "training/log.jsonl").read_text().splitlines()]
    for row in rows:
        assert row.pop("tokens_per_second") > 0
        row.pop("wall_seconds")
    return rows


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with texts and a finished training in `lm`."""
    folder = tmp_path_factory.mktemp("home")
    train_language_model(config_of(folder), folder / "lm")
    return folder


def test_training_leaves_a_folder_with_its_card_and_log(home: Path) -> None:
    names = {path.name for path in (home / "lm").iterdir()}
    assert names == {
        *("README.md", "config.yaml", "metrics.json", "model.safetensors", "tokens.txt"),
        "training",
    }
    metrics = json.loads((home / "lm/metrics.json").read_text())
    assert (metrics["type"], metrics["epochs"], metrics["train_lines"]) == ("rnn", 3, 60)
    assert metrics["dev"]["lines"] == 9
    rows = history(home / "lm")
    assert [row["epoch"] for row in rows] == [1, 2, 3]
    assert rows[2]["loss"] < rows[0]["loss"]
    norms = {f"gradient_norm_{part}" for part in ("embedding", "layer1", "layer2", "output")}
    assert norms | {"gradient_norm", "clipped", "exploded", "skipped", "loss"} <= set(rows[0])
    assert rows[0]["gradient_norm_layer1"] > 0
    card = (home / "lm/README.md").read_text()
    assert "2 x 12 LSTM, 0.00 M parameters" in card
    assert f"| perplexity per token | {metrics['dev']['token_perplexity']:.3f} |" in card


def test_the_best_epochs_weights_are_kept(home: Path, tmp_path: Path) -> None:
    config = config_of(tmp_path, train={"epochs": 4, "learning_rate": 0.5, "schedule": "constant"})
    metrics = train_language_model(config, tmp_path / "lm")
    rows = history(tmp_path / "lm")
    found = [row["dev_token_perplexity"] for row in rows]
    assert metrics["best_epoch"] == 1 + found.index(min(found))
    model = load_language_model(tmp_path / "lm")
    score = score_text(model, read_text([tmp_path / "dev.txt"], model.tokenizer))
    assert score.token_perplexity == pytest.approx(min(found), rel=1e-6)
    assert score.token_perplexity == metrics["dev"]["token_perplexity"]


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_a_short_text_by_heart(cell: str, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a bad cab\n" * 6, "utf-8")
    config = config_of(
        tmp_path,
        model={"cell": cell, "hidden_dim": 32, "num_layers": 1, "dropout": 0.0},
        train={"epochs": 40, "num_lanes": 2, "learning_rate": 0.02},
        data={"dev": str(tmp_path / "train.txt")},
    )
    metrics = train_language_model(config, tmp_path / "lm")
    assert metrics["dev"]["token_perplexity"] < 1.1
    model = load_language_model(tmp_path / "lm")
    assert sample(model, temperature=0, max_tokens=20) == ["a bad cab"]


@pytest.mark.parametrize("steps", [1, 6, 9, 10, 20])
def test_a_stopped_and_resumed_run_equals_one_without_a_stop(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    config, folder = config_of(home), tmp_path / "lm"
    with monkeypatch.context() as patch:
        stop_after(patch, asr.lm.train, steps)
        with pytest.raises(TrainingStoppedError, match=f"saved at step {steps}; run the same"):
            train_language_model(config, folder)
    assert load_state(folder / "training/state.pt")["progress"]["step"] == steps
    torch.manual_seed(12345)  # a new process starts from another random state
    metrics = train_language_model(config, folder)
    assert metrics["steps"] == 3 * 9 > steps
    assert weights(folder) == weights(home / "lm")
    assert history(folder) == history(home / "lm")


def test_a_run_that_dies_before_its_first_saving_begins_again_alike(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("asr.lm.train.train_step", die)
        with pytest.raises(RuntimeError, match="killed"):
            train_language_model(config_of(home), tmp_path / "lm")
    train_language_model(config_of(home), tmp_path / "lm")
    assert weights(tmp_path / "lm") == weights(home / "lm")


def test_a_finished_training_run_again_changes_nothing(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = weights(home / "lm")
    assert train_language_model(config_of(home), home / "lm")["epochs"] == 3
    assert weights(home / "lm") == before
    assert "is trained already; use another --out" in capsys.readouterr().err


def test_what_changed_since_a_run_began_is_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"another configuration \(model\.cell: lstm -> x; seed:"):
        train_language_model(config_of(home, model={"cell": "x"}, seed=2), home / "lm")
    config = config_of(tmp_path)
    train_language_model(config, tmp_path / "lm")
    dev = (tmp_path / "dev.txt").read_text("utf-8")
    (tmp_path / "dev.txt").write_text(dev + "abc\n", "utf-8")
    with pytest.raises(ConfigError, match=r"lm: the dev text changed since .* use another --out"):
        train_language_model(config, tmp_path / "lm")
    (tmp_path / "dev.txt").write_text(dev, "utf-8")
    assert train_language_model(config, tmp_path / "lm")["epochs"] == 3
    (tmp_path / "train.txt").write_text("abc\n", "utf-8")
    with pytest.raises(ConfigError, match="the training text or its tokenizer changed since"):
        train_language_model(config, tmp_path / "lm")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("kind", ["rnn", "ngram"])
@pytest.mark.parametrize("state", [False, True])
def test_a_recognizers_folder_is_never_written_over(tmp_path: Path, kind: str, state: bool) -> None:
    folder = tmp_path / "exp"
    save_folder(folder, Config(), TOKENIZER)
    (folder / "model.safetensors").write_bytes(b"weights")
    if state:
        (folder / "training").mkdir()
        (folder / "training/state.pt").write_bytes(b"state")
    before = contents(folder)
    with pytest.raises(ConfigError, match=r"exp: holds a recognizer; use another --out"):
        train_language_model(config_of(tmp_path, type=kind), folder)
    assert contents(folder) == before
    (folder / "config.yaml").write_text("colour: red\n")
    with pytest.raises(ConfigError, match=r'holds no language model .*"colour".*another --out'):
        train_language_model(config_of(tmp_path, type=kind), folder)


def test_a_language_model_of_another_configuration_is_never_written_over(
    home: Path, tmp_path: Path
) -> None:
    before = contents(home / "lm")
    message = r"holds a language model of another configuration \(.*type: rnn -> ngram\)"
    with pytest.raises(ConfigError, match=message):
        train_language_model(config_of(home, type="ngram"), home / "lm")
    assert contents(home / "lm") == before
    counted = tmp_path / "ngram"
    train_language_model(config_of(tmp_path, type="ngram", order=2), counted)
    before = contents(counted)
    with pytest.raises(ConfigError, match=r"another configuration \(order: 2 -> 3\); use another"):
        train_language_model(config_of(tmp_path, type="ngram", order=3), counted)
    with pytest.raises(ConfigError, match=r"another configuration \(.*type: ngram -> rnn\)"):
        train_language_model(config_of(tmp_path, order=2), counted)
    assert contents(counted) == before
    (counted / "lm.arpa").unlink()
    train_language_model(config_of(tmp_path, type="ngram", order=2), counted)
    assert contents(counted)["lm.arpa"] == before["lm.arpa"]


def refuse_constant(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_a_training_that_diverges_says_so_and_leaves_no_weights(
    tmp_path: Path, optimizer: str
) -> None:
    train = {"learning_rate": 1e6, "warmup_steps": 0, "schedule": "constant"}
    config = config_of(tmp_path, train={**train, "optimizer": optimizer})
    for _ in range(2):  # the same command again fares no better
        message = (
            r"lm: the training diverged at epoch 1 .*; lower train\.learning_rate = 1e\+06 and"
        )
        with pytest.raises(ConfigError, match=message):
            train_language_model(config, tmp_path / "lm")
        assert not (tmp_path / "lm/model.safetensors").exists()
        log = (tmp_path / "lm/training/log.jsonl").read_text()
        row = json.loads(log, parse_constant=refuse_constant)
        assert row["dev_token_perplexity"] is None


def test_a_training_that_diverges_late_keeps_its_best_weights_and_valid_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def spoil(run: LMRun, *args: object) -> object:
        nonlocal count
        count += 1
        if count == 15:  # in the second epoch of nine steps
            with torch.no_grad():
                run.network.bias.fill_(math.nan)
        return train_step(run, *args)  # type: ignore[arg-type]

    monkeypatch.setattr("asr.lm.train.train_step", spoil)
    metrics = train_language_model(config_of(tmp_path), tmp_path / "lm")
    assert (metrics["best_epoch"], metrics["epochs"]) == (1, 3)
    for name in ("metrics.json", "training/log.jsonl"):
        text = (tmp_path / "lm" / name).read_text()
        for part in [text] if name == "metrics.json" else text.splitlines():
            json.loads(part, parse_constant=refuse_constant)
    rows = history(tmp_path / "lm")
    assert [row["dev_token_perplexity"] is None for row in rows] == [False, True, True]
    assert [row["loss"] is None for row in rows] == [False, False, True]
    for tensor in load_language_model(tmp_path / "lm").scorer.state_dict().values():
        assert tensor.isfinite().all()


def test_an_impossible_training_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'model\.cell = "elman": unknown; known: lstm'):
        train_language_model(config_of(tmp_path, model={"cell": "elman"}), tmp_path / "lm")
    with pytest.raises(DataError, match=r"typo\.txt: no such text"):
        train_language_model(config_of(tmp_path, data={"dev": "typo.txt"}), tmp_path / "lm")
    with pytest.raises(ModelError, match="none: no such model folder"):
        train_language_model(config_of(tmp_path, data={"tokenizer": "none"}), tmp_path / "lm")
    assert not (tmp_path / "lm").exists()


def test_a_training_under_way_keeps_others_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("fcntl.lockf", taken)
    with pytest.raises(ConfigError, match="is running there; wait for it, or use another --out"):
        train_language_model(config_of(home), home / "lm")
    with pytest.raises(ConfigError):
        lock_folder(home / "lm")


def test_steps_with_a_gradient_that_is_not_finite_are_skipped_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    def sometimes_infinite(*args: object, **named: object) -> object:
        nonlocal count
        count += 1
        result = run_segment(*args, **named)  # type: ignore[arg-type]
        if count not in (2, 20):
            return result
        state = tuple(tuple(part * math.nan for part in parts) for parts in result.state)
        return result._replace(loss=result.loss * math.inf, state=state)

    monkeypatch.setattr("asr.lm.train.run_segment", sometimes_infinite)
    metrics = train_language_model(config_of(tmp_path), tmp_path / "lm")
    assert (metrics["skipped_steps"], metrics["steps"]) == (2, 27)
    assert metrics["exploded_steps"] == 0
    assert [row["skipped"] for row in history(tmp_path / "lm")] == [1, 1, 2]
    assert all(math.isfinite(row["loss"]) for row in history(tmp_path / "lm"))
    for tensor in load_language_model(tmp_path / "lm").scorer.state_dict().values():
        assert tensor.isfinite().all()


def test_clipped_and_exploded_steps_are_counted(tmp_path: Path) -> None:
    counts = {}
    for name, clip_norm in (("tiny", 1e-6), ("huge", 1e6), ("off", None), ("middle", 0.1)):
        train = {"epochs": 1, "clip_norm": clip_norm}
        metrics = train_language_model(config_of(tmp_path, train=train), tmp_path / name)
        counts[name] = metrics["clipped_steps"], metrics["exploded_steps"]
    assert counts == {"tiny": (9, 9), "huge": (0, 0), "off": (0, 0), "middle": (9, 0)}
    assert weights(tmp_path / "huge") == weights(tmp_path / "off")
    assert weights(tmp_path / "huge") != weights(tmp_path / "tiny")


def test_a_step_of_sgd_goes_down_the_clipped_gradient(tmp_path: Path) -> None:
    train = {"optimizer": "sgd", "learning_rate": 0.5, "warmup_steps": 0, "clip_value": 0.002}
    config = config_of(tmp_path, train={**train, "clip_norm": None, "weight_decay": 0.0})
    texts = find_texts(config, tmp_path / "lm")
    run, progress = set_up(texts, tmp_path / "lm"), LMProgress()
    before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    train_step(run, progress, make_lanes(texts.train, 4))
    largest = max(
        float((tensor - before[name]).abs().max())
        for name, tensor in run.network.state_dict().items()
    )
    assert largest == pytest.approx(0.5 * 0.002, rel=1e-4)
    assert (progress.step, progress.segment, run.num_segments) == (1, 1, 9)
    assert all(not part.requires_grad for parts in progress.lanes for part in parts)


def test_the_order_of_lines_stays_where_it_matters(tmp_path: Path) -> None:
    shuffled = train_language_model(config_of(tmp_path), tmp_path / "shuffled")
    config = config_of(tmp_path, data={"shuffle": False})
    ordered = train_language_model(config, tmp_path / "ordered")
    assert shuffled["dev"]["log_prob"] != ordered["dev"]["log_prob"]


def test_the_tokenizer_of_another_folder_is_used(home: Path, tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("abz\n" * 20, "utf-8")
    config = config_of(
        tmp_path,
        data={"tokenizer": str(home / "lm"), "dev": str(tmp_path / "train.txt")},
    )
    metrics = train_language_model(config, tmp_path / "lm")
    assert metrics["train_unknown_tokens"] == metrics["dev"]["unknown_tokens"] == 20
    own = load_language_model(home / "lm").tokenizer
    model = load_language_model(tmp_path / "lm", own)
    assert model.tokenizer.encode("z") == [UNK]
    assert load_lm_config(tmp_path / "lm/config.yaml").tokenizer.type == "char"


@pytest.mark.parametrize(
    ("asked", "difference"),
    [
        ({"type": "bpe"}, "tokenizer.type = bpe, not char"),
        ({"type": "bpe", "vocab_size": 50}, "type = bpe, not char; tokenizer.vocab_size = 50, not"),
        ({"normalizer": "korean"}, "tokenizer.normalizer = korean, not none"),
    ],
)
def test_settings_that_the_folders_tokenizer_has_not_are_refused(
    home: Path, tmp_path: Path, asked: dict, difference: str
) -> None:
    config = config_of(tmp_path, tokenizer=asked, data={"tokenizer": str(home / "lm")})
    with pytest.raises(ConfigError, match=rf"lm: its tokenizer is not .*{difference}.*leave these"):
        train_language_model(config, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_settings_that_repeat_the_folders_tokenizer_are_taken(home: Path, tmp_path: Path) -> None:
    (tmp_path / "jamo").mkdir()
    own = config_of(tmp_path, type="ngram", tokenizer={"type": "jamo"})
    train_language_model(own, tmp_path / "jamo")
    for asked in ({"type": "jamo"}, {"type": "char"}):  # the default asks for nothing
        data = {"tokenizer": str(tmp_path / "jamo")}
        config = config_of(tmp_path, type="ngram", tokenizer=asked, data=data)
        train_language_model(config, tmp_path / "again")
        assert load_language_model(tmp_path / "again").tokenizer.kind == "jamo"


def test_an_n_gram_model_is_counted_into_the_same_kind_of_folder(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = config_of(home, type="ngram", order=3, data={"tokenizer": str(home / "lm")})
    metrics = train_language_model(config, home / "ngram")
    names = {path.name for path in (home / "ngram").iterdir()}
    assert {"README.md", "config.yaml", "metrics.json", "lm.arpa", "tokens.txt"} <= names
    recurrent = load_language_model(home / "lm")
    text = read_text([home / "dev.txt"], recurrent.tokenizer)
    for path in (home / "ngram", home / "ngram/lm.arpa"):
        model = load_language_model(path, recurrent.tokenizer)
        assert model.kind == "ngram"
        found = score_text(model, text).log_prob
        assert found == pytest.approx(metrics["dev"]["log_prob"], rel=1e-4)
        by_lines = sum(sum(model.scorer.score(line)) for line in text.lines())
        assert found == pytest.approx(by_lines, rel=1e-5)
    assert 1 < metrics["dev"]["token_perplexity"] < 6
    assert len(metrics["ngrams"]) == 3
    assert "leaves the discounts of 3-grams undefined" in capsys.readouterr().err
    assert len(set(sample(model, num=5, max_tokens=30))) > 1
    assert "n-grams of up to 3 tokens" in (home / "ngram/README.md").read_text()


def test_files_given_take_the_place_of_the_configurations(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    chosen = choose_files(config, text=[Path("x"), Path("y")], dev=None, tokenizer=Path("m"))
    assert chosen.data.text == ("x", "y")
    assert (chosen.data.dev, chosen.data.tokenizer) == (config.data.dev, "m")
    with pytest.raises(ConfigError, match=r"data\.text: no text to train on; name files by --text"):
        choose_files(LMConfig(), text=[], dev=Path("d"), tokenizer=None)
    with pytest.raises(ConfigError, match=r"data\.dev: no dev text; name a file by --dev"):
        choose_files(LMConfig(), text=[Path("x")], dev=None, tokenizer=None)


def test_wrong_settings_are_named(tmp_path: Path) -> None:
    path = tmp_path / "lm.yaml"
    path.write_text("train: {bptt_step: 3}\n")
    with pytest.raises(ConfigError, match=r'unknown key "train\.bptt_step"; known here: .*bptt_st'):
        load_lm_config(path)
    path.write_text("")
    with pytest.raises(ConfigError, match=r"order = 11: .*less than or equal to 10"):
        load_lm_config(path, ["order=11"])
    for seed in (-1, 2**63):
        with pytest.raises(ConfigError, match=rf"seed = {seed}: .*than or equal to"):
            load_lm_config(path, [f"seed={seed}"])
    for name in ("learning_rate", "final_learning_rate", "weight_decay"):  # torch would overflow
        with pytest.raises(ConfigError, match=rf"train\.{name} = 1e\+38: .*less than or equal to"):
            load_lm_config(path, [f"train.{name}=1.0e+38"])


def test_the_largest_seed_trains(tmp_path: Path) -> None:
    config = config_of(tmp_path, seed=2**63 - 1, train={"epochs": 2})
    assert train_language_model(config, tmp_path / "lm")["epochs"] == 2
