from pathlib import Path

import pytest

from asr.cli.choices import describe_choices
from asr.config import Config, differences, dump_config, load_config, override_config, parse_config
from asr.errors import ConfigError


def write(folder: Path, text: str, name: str = "a.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_an_empty_file_is_the_default_configuration(tmp_path: Path) -> None:
    assert load_config(write(tmp_path, "# nothing\n")) == Config()


def test_a_resolved_configuration_reads_back_as_itself(tmp_path: Path) -> None:
    config = load_config(
        write(tmp_path, "attention: {type: location, dim: 3}\ndata: {speed_factors: [0.9, 1]}")
    )
    assert config.attention.options == {"dim": 3}
    assert load_config(write(tmp_path, dump_config(config), "b.yaml")) == config


def test_overrides_are_applied_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "train: {epochs: 2}")
    config = load_config(path, ["train.epochs=3", "seed=7", "train.epochs=4", "data.noise=null"])
    assert (config.train.epochs, config.seed, config.data.noise) == (4, 7, None)
    assert override_config(config, ["train.learning_rate=1e-4"]).train.learning_rate == 1e-4


def test_a_variant_holds_only_what_it_changes(tmp_path: Path) -> None:
    write(tmp_path, "encoder: {num_layers: 5}\nattention: {type: location, dim: 9}", "base.yaml")
    path = write(tmp_path, "base: base.yaml\nencoder: {hidden_dim: 8}\nattention: {type: dot}")
    config = load_config(path)
    assert (config.encoder.num_layers, config.encoder.hidden_dim) == (5, 8)
    assert (config.attention.type, config.attention.options) == ("dot", {})


def test_a_base_that_leads_back_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "base: b.yaml")
    with pytest.raises(ConfigError, match="leads back to itself"):
        load_config(write(tmp_path, "base: a.yaml", "b.yaml"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epoch=3", r'unknown key "train\.epoch"; known here: .*epochs'),
        ("trian.epochs=3", r'unknown key "trian"; known here: attention, attention_prior, data'),
        ("train.epochs=many", r"train\.epochs = 'many': .*valid integer"),
        ("train.epochs=0", r"train\.epochs = 0: .*greater than or equal to 1"),
        ("train.schedule=cos", r"train\.schedule = 'cos': .*'cosine', 'linear' or 'constant'"),
        ("train.learning_rate=.nan", r"train\.learning_rate = nan: .*finite"),
        ("data.min_seconds=40", r"min_seconds 40.0 must be < max_seconds"),
        ("data.batch_seconds=4", r"batch_seconds 4.0 must be >= max_seconds"),
        ("data.speed_factors=[3]", r"must each be between 0.5 and 2"),
        ("data.noise_snr_db=[9, 3]", r"must be \(lowest, highest\)"),
        ("train.epochs", r'--set "train\.epochs": must be key=value'),
        ("=3", r'--set "=3": must be key=value'),
        ("seed.x=3", r'"seed" is a value, not a section'),
        ("seed=[", r"the value is not YAML"),
        ("search.beam_size=2001-99-99", r'--set "search.beam_size=2001-99-99": .* is not YAML'),
        ("seed=!!bool x", r"the value is not YAML"),
        ("seed=!!int ''", r"the value is not YAML"),
        ("seed=!!timestamp x", r"the value is not YAML"),
        ("search.beam_size=0", r"^--set search\.beam_size=0: search\.beam_size = 0"),
        ("freeze.until_epoch=3", r"^--set freeze\.until_epoch=3: freeze: until_epoch is for"),
        ("init.exclude=encoder", r"^--set .*: init\.exclude = 'encoder': must be a list, as \["),
        (
            "train.rate_factors={encoder: {layers:0.1}}",
            r"each colon needs a space, as in \{encoder: 0\.1\}",
        ),
    ],
)
def test_a_wrong_override_is_an_error_that_names_it(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(write(tmp_path, "seed: 1"), [override])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "holds a list"),
        ("a: [", "is not YAML"),
        ("seed: 2001-99-99", "is not YAML"),
        ("seed: one", "seed = 'one'"),
    ],
)
def test_a_wrong_file_is_an_error_that_names_it(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"a\.yaml: .*{message}"):
        load_config(write(tmp_path, text))


def test_a_file_is_named_where_it_is_wrong_beside_an_override(tmp_path: Path) -> None:
    for override in ("train.epochs=3", "train.epochs=0"):
        with pytest.raises(ConfigError, match=r"a\.yaml: .*seed = 'one'"):
            load_config(write(tmp_path, "seed: one"), [override])
    with pytest.raises(ConfigError, match=r"a\.yaml: data: batch_seconds 20\.0 must be >="):
        load_config(write(tmp_path, "data: {batch_seconds: 20}"), ["data.train=x", "data.dev=y"])
    mended = ["data.max_seconds=10", "train.epochs=0"]  # what one override mends is not said
    with pytest.raises(ConfigError, match=r"a\.yaml: train\.epochs = 0: [^;]*$"):
        load_config(write(tmp_path, "data: {batch_seconds: 20}"), mended)


def test_the_defaults_that_are_listed_are_taken_as_they_stand(tmp_path: Path) -> None:
    listed = describe_choices().split("encoder.cell and")[0].splitlines()
    lines = [line.strip().split("   # ")[0] for line in listed]
    settings = [line.split("   ")[0] for line in lines if "=" in line]
    assert len(settings) > 60
    assert load_config(write(tmp_path, ""), settings) == Config()
    for line in (
        "data.speed_factors=[1.0]",
        "data.noise_snr_db=[10.0, 30.0]",
        "search.lm_weights=[]",
        "tokenizer.vocab_size=null",
        "encoder.bidirectional=true",
        "tokenizer.normalizer=none   one of none, english, korean, english_spoken, korean_spoken",
    ):
        assert line in lines


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such configuration file"):
        load_config(tmp_path / "none.yaml")


def test_differences_name_every_value_that_changed() -> None:
    old = parse_config({"train": {"epochs": 3}}, "old")
    new = parse_config({"train": {"epochs": 4}, "attention": {"type": "dot"}}, "new")
    assert differences(old, new) == ["attention.type: location -> dot", "train.epochs: 3 -> 4"]
    assert differences(old, old) == []
