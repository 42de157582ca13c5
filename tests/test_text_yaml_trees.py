import time
from pathlib import Path

import pytest
from conftest import random_texts, tiny_config, write_manifest

from asr.attention import ATTENTIONS
from asr.attention.options import complete_options
from asr.build import build_model
from asr.config import load_config, parse_config
from asr.data.manifest import read_cuts
from asr.errors import ConfigError
from asr.lm.config import load_lm_config
from asr.text.yaml_trees import parse_yaml
from asr.train import train
from asr.training.possible import check_memory

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(9 * ['*' + chr(97 + i)])}]\n" for i in range(12)
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "seed: 1\ntrain:\n  epochs: 2\nseed: 2\n",
            r'line 4 names the key "seed" a second time, af',
        ),
        ("train:\n  epochs: 2\n  epochs: 2\n", r'line 3 names the key "epochs" a .* after line 2'),
        ("data: &d\n  train: *d\n", r"line 1 holds itself"),
        (LAUGHS, r"holds more than 20000 values"),
        ("[" * 100_000, r"too deep"),
        ("{a: " * 40 + "1" + "}" * 40, r"sections lie more than 30 deep"),
        ("#" * 2**21, r"is larger than a megabyte"),
        ("seed: 1\n\tepochs: 2\n", r"is not YAML \("),
        ("- a\n- b\n", r"holds a list; must hold `key: value` lines"),
        ("? [a, b]\n: 1\n", r"a key must be a name"),
        ("seed: 1\n---\nseed: 2\n", r"is not YAML"),
        ("base: 5\n", r"base = 5; must name another YAML file"),
        ("base: [x]\n", r"base = \['x'\]; must name"),
        (b"seed: 1 # \xff\n", r"cannot be read .*; give a YAML file in UTF-8"),
        ("seed: 1\n".encode("utf-16"), r"cannot be read"),
        ("seed: .nan\n", r"seed = nan"),
        ("train:\n  learning_rate: .inf\n", r"learning_rate = inf"),
        (f"seed: {'9' * 4000}\n", r"seed = 9{60}\.\.\. \(4000 characters\)"),
        (f"seed: {'9' * 5000}\n", r"is not YAML"),
        ("seed: -1\n", r"seed = -1"),
        ("encoder:\n  num_layers: 4294967296\n", r"num_layers = 4294967296"),
        ("decoder:\n  hidden_dim: 1000000000\n", r"hidden_dim = 1000000000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_configuration_that_is_none_is_said_in_time(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    started = time.monotonic()
    with pytest.raises(ConfigError, match=message) as refused:
        load_config(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert len(str(refused.value)) < 1000
    if "oder" not in str(content):
        with pytest.raises(ConfigError):
            load_lm_config(path)
    assert time.monotonic() - started < 10


def test_a_set_value_is_read_as_carefully(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("seed: 1\n")
    for value in ("&a [*a]", "[" * 100_000, "{x: 1, x: 2}", "*nope"):
        with pytest.raises(
            ConfigError, match=r"--set .*the value is not YAML .*; quote it"
        ) as said:
            load_config(path, [f"data.speed_factors={value}"])
        assert len(str(said.value)) < 1000


def test_good_configurations_are_read_as_before(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbfseed: 3\r\ntrain:\r\n  epochs: 4\r\n")
    assert (load_config(path).seed, load_config(path).train.epochs) == (3, 4)
    path.write_text("features: {num_mels: 40}\nencoder: &e\n  hidden_dim: 64\ndecoder: *e\n")
    assert load_config(path).decoder.hidden_dim == 64  # an alias of a few values
    assert parse_yaml("a: {<<: {b: 1}, c: 2}") == {"a": {"b": 1, "c": 2}}
    path.write_text("")
    assert load_config(path).seed == 1


def test_the_first_of_many_mistakes_are_named() -> None:
    wrong = {name: {"x": 1} for name in ("data", "train", "search", "loss", "encoder", "decoder")}
    with pytest.raises(ConfigError, match=r'"data\.x".*; 1 more mistakes$'):
        parse_config(wrong, "c")


def test_a_mechanisms_options_are_bounded() -> None:
    for options in ({"dim": 10**12}, {"sharpness": float("inf")}):
        with pytest.raises(ConfigError, match="above 0 and at most 100000, as in"):
            complete_options(ATTENTIONS, "location", options)


def test_a_model_that_no_machine_holds_is_said_before_it_is_made() -> None:
    config = tiny_config(encoder={"hidden_dim": 100_000, "num_layers": 9})
    with pytest.raises(ConfigError, match=r"would need \d+ GiB to learn, and this machine has"):
        check_memory(build_model(config, 8, empty=True))
    check_memory(build_model(tiny_config(), 8, empty=True))


@pytest.mark.parametrize("seed", [2**32, 2**63 - 1])
def test_any_seed_trains(tmp_path: Path, seed: int) -> None:
    paths = {
        name: str(write_manifest(tmp_path, name, random_texts(count, seed=1)))
        for name, count in (("train", 8), ("dev", 2))
    }
    assert len(list(read_cuts(paths["train"]))) == 8
    config = tiny_config(seed=seed, data=paths, train={"epochs": 1})
    assert train(config, tmp_path / "exp")["epochs"] == 1
