from pathlib import Path

import pytest

from asr.errors import ModelError
from asr.importing.hyper import Call, HyperFile, Ref, Unread


def read(tmp_path: Path, text: str) -> HyperFile:
    path = tmp_path / "hyperparams.yaml"
    path.write_text(text, "utf-8")
    return HyperFile(path)


def test_tags_become_names_and_nothing_is_made(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "a: !new:os.mkdir\n    path: evil\nb: !name:torch.nn.ReLU\n"
        "c: !apply:os.system [touch evil]\nd: !python/object/apply:os.system [ls]\n"
        "e: !new:my.Thing [!ref <a>, 2]\nf: !PLACEHOLDER\n",
    )
    assert file.tree["a"] == Call("new", "os.mkdir", {"path": "evil"})
    assert file.tree["b"] == Call("name", "torch.nn.ReLU", None)
    assert file.tree["c"] == Call("apply", "os.system", ["touch evil"])
    assert isinstance(file.tree["d"], Unread)
    assert file.tree["e"].options == [Ref("<a>"), 2]
    assert file.tree["f"] == Unread("!PLACEHOLDER")
    assert [path.name for path in tmp_path.iterdir()] == ["hyperparams.yaml"]


def test_values_are_what_hyperpyyaml_takes_them_for(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "a: (128, 256)\nb: [1, null, yes, 'True']\nc: 1e-5\nd: 0.5\ne: !tuple (3, 3)\n"
        'f: "1e-5"\ng: True\nh: text\n',
    )
    assert file.tree == {
        **{"a": [128, 256], "b": [1, None, True, "True"], "c": 1e-5, "d": 0.5, "e": [3, 3]},
        **{"f": "1e-5", "g": True, "h": "text"},
    }


def test_references_are_followed_to_their_end(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "a: 3\nb: !ref <a>\nc: !copy <b>\nd: !ref <folder>/lm.ckpt\nfolder: hub/<a>\n"
        "e: [!ref <c>, {x: !ref <b>}]\nm: !new:x.Y\nn: !ref <m>\n",
    )
    assert file.resolve(file.tree["c"]) == 3
    assert file.resolve(file.tree["d"]) == "hub/<a>/lm.ckpt"
    assert file.resolve(file.tree["e"]) == [3, {"x": 3}]
    assert file.key_of(file.tree["n"]) == "m"
    assert file.key_of(3) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: !ref <b>\n", r'"!ref <b>": there is no key "b"'),
        ("a: !ref <b>\nb: !ref <a>\n", r"references lead to each other without end"),
        ("a: !ref <b> * 2\nb: 1\n", r'"!ref <b> \* 2" is no plain reference; write its value'),
        ("a: !ref b\n", r'"!ref b" is no plain reference'),
        ("a: !PLACEHOLDER\n", r"!PLACEHOLDER stands where a value is needed; write it"),
        ("a: !include:other.yaml\n", r"!include:other\.yaml stands where a value is needed"),
    ],
)
def test_what_is_no_value_is_an_error_where_it_is_needed(
    tmp_path: Path, text: str, said: str
) -> None:
    file = read(tmp_path, text)
    with pytest.raises(ModelError, match=said):
        file.resolve(file.tree["a"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"holds no `key: value` lines"),
        ("- a\n", r"holds no `key: value` lines"),
        ("a: [\n", r"is not YAML"),
        ("a: 1\na: 2\n", r'names the key "a" a second time'),
        ("a: &a [*a]\n", r"is not YAML"),
        ("a: (1, __import__('os'))\n", r"line 1: .* is no value"),
        ("a: !!timestamp 2001-99-99\n", r"line 1: .* is no value"),
        ("a: !!python/object:os.x\n  b: 1\n", r""),
    ],
)
def test_a_file_that_is_no_such_yaml_is_an_error(tmp_path: Path, text: str, said: str) -> None:
    if not said:
        assert isinstance(read(tmp_path, text).tree["a"], Unread | dict)
        return
    with pytest.raises(ModelError, match=said):
        read(tmp_path, text)


def test_a_file_that_is_missing_or_is_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such configuration file"):
        HyperFile(tmp_path / "hyperparams.yaml")
    (tmp_path / "hyperparams.yaml").write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ModelError, match="cannot be read"):
        HyperFile(tmp_path / "hyperparams.yaml")
