"""A manifest is data: nothing in it is run or fetched, and each field has its type."""

import copy
import gzip
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import error_of, run, shorten, tiny_config, write_manifest
from lhotse import CutSet, MultiCut, Recording
from lhotse.array import TemporalArray
from lhotse.utils import fastcopy

from asr.build import build_model
from asr.checkpoint import save_folder, save_weights
from asr.data.cut_audio import load_channels
from asr.data.cut_lines import CutLines, is_mix
from asr.data.manifest import checked_cuts, checked_noise, read_cuts
from asr.errors import DataError
from asr.settings import dump_config
from asr.text.tokenizer import train_tokenizer

Row = dict[str, Any]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    return write_manifest(tmp_path / "data", "x", ["ab", "cd"])


def rows_of(manifest: Path) -> list[Row]:
    with gzip.open(manifest, "rt") as file:
        return [json.loads(line) for line in file]


def write_rows(path: Path, rows: list[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def refusal(manifest: Path) -> str:
    """Returns what is said of a manifest, without its path."""
    with pytest.raises(DataError) as caught:
        list(read_cuts(manifest))
    return str(caught.value).replace(str(manifest), "M")


# Where a recording can be in a line.


def in_the_cut(row: Row, recording: Row) -> Row:
    return {**row, "recording": recording}


def in_a_track(row: Row, recording: Row) -> Row:
    inner = {name: value for name, value in row.items() if name != "type"}
    tracks = [
        {"type": "MonoCut", "cut": inner, "offset": 0.0},
        {"type": "MonoCut", "cut": {**inner, "recording": recording}, "offset": 0.1},
    ]
    return {"id": row["id"], "type": "MixedCut", "tracks": tracks}


def in_a_room(row: Row, recording: Row) -> Row:
    room = {"name": "ReverbWithImpulseResponse", "kwargs": {"rir": recording}}
    return {**row, "recording": {**row["recording"], "transforms": [room]}}


def in_a_rooms_cut(row: Row, recording: Row) -> Row:
    return in_a_room(row, {**row, "recording": recording})


def in_custom(row: Row, recording: Row) -> Row:
    return {**row, "custom": {"other": {"target": recording}}}


def in_a_supervision(row: Row, recording: Row) -> Row:
    supervision = {**row["supervisions"][0], "custom": {"clean": [recording]}}
    return {**row, "supervisions": [supervision]}


PLACES = [in_the_cut, in_a_track, in_a_room, in_a_rooms_cut, in_custom, in_a_supervision]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        ("command", "touch {}", "its source is a command; must be a file (write what it prints"),
        ("url", "http://127.0.0.1:9/a.wav", "its source is a url; must be a file (fetch it"),
        ("memory", "UklGRg==", "its source is a memory; must be a file (write it to a file"),
        ("shar", "", "its source is a shar; must be a file (give the manifest that the archive"),
        ("Command", "touch {}", 'its source is a "Command"; must be a file (name a file'),
        ("file", "pipe:touch {}", "is an address; must be a file (fetch it"),
        ("file", "touch {} |", "is a command; must be a file (write what it prints"),
        ("file", "s3://bucket/a.wav", 'its source "s3://bucket/a.wav" is an address'),
        ("file", "file:///etc/hostname", "is an address; must be a file"),
    ],
)
def test_only_files_are_sources_wherever_a_recording_stands(
    manifest: Path, place: Callable[[Row, Row], Row], kind: str, source: str, message: str
) -> None:
    mark = manifest.parent / "ran"
    rows = rows_of(manifest)
    recording = copy.deepcopy(rows[1]["recording"])
    recording["id"] = "r-9"
    recording["sources"][0].update(type=kind, source=source.format(mark))
    said = refusal(write_rows(manifest, [rows[0], place(rows[1], recording)]))
    assert said.startswith('M line 2 utterance "x-001": recording "r-9": its source ')
    assert message in said
    assert not mark.exists()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a folder with a model that has learnt nothing, and a configuration."""
    folder = tmp_path_factory.mktemp("home")
    good = write_manifest(folder / "data", "good", ["ab", "cd"])
    config = tiny_config(data={"train": str(good), "dev": str(good)}, train={"epochs": 1})
    tokenizer = train_tokenizer(["abcd"], kind="char", vocab_size=None, normalizer="none")
    save_folder(folder / "model", config, tokenizer)
    weights = build_model(config, tokenizer.vocab_size).state_dict()
    save_weights(folder / "model" / "model.safetensors", weights)
    (folder / "train.yaml").write_text(dump_config(config))
    (folder / "lm.yaml").write_text("type: ngram\n")
    return folder


COMMANDS = {
    "validate": "data validate M",
    "validate audio": "data validate M --audio",
    "describe": "data describe M",
    "against": "data describe GOOD --against M",
    "nemo": "data export M --format nemo --out OUT",
    "kaldi": "data export M --format kaldi --out OUT",
    "huggingface": "data export M --format huggingface --out OUT",
    "shar": "data export M --format shar --out OUT",
    "decode": "decode M --model MODEL --out OUT",
    "draw": "draw-alignment M --model MODEL --out OUT.png",
    "tune": "tune M --model MODEL --out OUT",
    "train": "train CONFIG --out OUT --set data.train=M",
    "dev": "train CONFIG --out OUT --set data.dev=M",
    "noise": "train CONFIG --out OUT --set data.noise=M",
    "train-lm": "train-lm LM --tokenizer MODEL --text M --dev M --out OUT",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_refuses_a_manifest_that_names_a_command(
    manifest: Path, home: Path, name: str
) -> None:
    mark, out = manifest.parent / "ran", manifest.parent / "out"
    rows = rows_of(manifest)
    rows[1]["recording"]["sources"][0].update(type="command", source=f"touch {mark}")
    write_rows(manifest, rows)
    words = {
        "M": str(manifest),
        "GOOD": str(home / "data/good.jsonl.gz"),
        "MODEL": str(home / "model"),
        "CONFIG": str(home / "train.yaml"),
        "LM": str(home / "lm.yaml"),
        "OUT": str(out),
        "OUT.png": str(out) + ".png",
    }
    arguments = []
    for word in COMMANDS[name].split():
        key, equals, value = word.partition("=")
        arguments.append(f"{key}={words[value]}" if equals else words.get(word, word))
    said = error_of(*arguments)
    assert 'utterance "x-001": recording "x-001": its source is a command; must be a file' in said
    assert not mark.exists()
    assert not any(out.rglob("*.wav")) if out.exists() else True


def test_a_place_that_is_an_address_is_refused_in_features_and_arrays(manifest: Path) -> None:
    rows = rows_of(manifest)
    place = {"storage_type": "lilcom_url", "storage_path": "pipe:touch ran", "storage_key": "k"}
    rows[0]["custom"] = {"array": {"shape": [1], **place}}
    said = refusal(write_rows(manifest, rows))
    assert 'utterance "x-000": its storage_path "pipe:touch ran" is an address' in said
    features = {"type": "fbank", "num_frames": 40, "num_features": 80, "frame_shift": 0.01}
    features |= {"sampling_rate": 8000, "start": 0, "duration": 0.4, **place}
    said = refusal(write_rows(manifest, [{**rows[1], "features": features}]))
    assert 'utterance "x-001": its storage_path "pipe:touch ran" is an address' in said


def change(row: Row, place: str, value: Any) -> None:
    *folders, last = place.split(".")
    inner: Any = row
    for name in folders:
        inner = inner[int(name) if name.isdigit() else name]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value


WRONG = [
    ("supervisions.0.text", 5, "supervisions.0.text is 5; must be a valid string"),
    ("supervisions.0.text", True, "supervisions.0.text is true; must be a valid string"),
    ("supervisions.0.text", ["a"], "supervisions.0.text is a list; must be a valid string"),
    ("supervisions.0.speaker", 7, "supervisions.0.speaker is 7; must be a valid string"),
    ("supervisions.0.start", None, "supervisions.0.start is null; must be a valid number"),
    ("supervisions.0.channel", [0, "1"], "supervisions.0.channel is"),
    ("supervisions.0.custom", [], "supervisions.0.custom is a list; must be an object"),
    ("supervisions.0.alignment", {"word": 3}, "supervisions.0.alignment.word is 3; must be"),
    ("supervisions.0.pitch", 3, 'is not a cut as lhotse has them: unknown key "pitch"'),
    ("supervisions", "none", 'supervisions is "none"; must be'),
    ("id", 7, "id is 7; must be a valid string"),
    ("id", "", "id is empty; must not be"),
    ("id", ..., "has no id"),
    ("start", "0.0", 'start is "0.0"; must be a valid number'),
    ("start", -0.5, "start is -0.5; must be greater than or equal to 0"),
    ("start", True, "start is true; must be a valid number"),
    ("duration", "0.4", 'duration is "0.4"; must be a valid number'),
    ("duration", float("nan"), "duration is NaN; must be a finite number"),
    ("duration", float("inf"), "duration is Infinity; must be a finite number"),
    ("duration", -1.0, "duration is -1.0; must be greater than or equal to 0"),
    ("duration", 1e300, "duration is 1e+300; must be less than or equal to 1000000000"),
    ("duration", 10**400, "must be a finite number"),
    ("duration", None, "duration is null; must be a valid number"),
    ("channel", "0", 'channel is "0"; must be a valid integer'),
    ("channel", 0.5, "channel is 0.5; must be a valid integer"),
    ("channel", True, "channel is true; must be a valid integer"),
    ("channel", 1, "channel 1 is not in its recording, which has [0]"),
    ("custom", "x", 'custom is "x"; must be an object'),
    ("type", "Kut", "type must be one of 'MonoCut', 'Cut', 'MultiCut', 'MixedCut', is \"Kut\""),
    ("type", "PaddingCut", "type must be one of 'MonoCut', 'Cut', 'MultiCut', 'MixedCut', is"),
    ("type", "MixedCut", "has no tracks"),
    ("type", ..., "type must be one of MonoCut, MultiCut, MixedCut; is missing"),
    ("recording", [], "recording is a list; must be an object"),
    ("recording.sources", ..., "has no recording.sources"),
    ("recording.sources", [], "recording.sources is empty; must not be"),
    ("recording.sources.0.channels", [0, 0], 'recording "x-001": a channel comes twice'),
    ("recording.sources.0.source", "a\0.wav", "holds a NUL; no file is called so"),
    ("recording.sources.0.source", 5, "recording.sources.0.source is 5; must be a valid string"),
    ("recording.sampling_rate", 0, "recording.sampling_rate is 0; must be greater than 0"),
    ("recording.sampling_rate", "8k", 'recording.sampling_rate is "8k"; must be a valid integer'),
    ("recording.num_samples", 3200.5, "recording.num_samples is 3200.5; must be a valid integer"),
    ("recording.num_samples", 2**70, "must be less than or equal to 9007199254740992"),
    ("recording.transforms", [{"name": "Speed", "kwargs": {"factor": "1"}}], "factor is"),
    ("recording.transforms", [{"name": "Zoom", "kwargs": {}}], "Unknown transform type: Zoom"),
]


@pytest.mark.parametrize(("place", "value", "message"), WRONG)
def test_a_field_of_another_type_is_named_with_its_line_and_value(
    manifest: Path, place: str, value: Any, message: str
) -> None:
    rows = rows_of(manifest)
    change(rows[1], place, value)
    said = refusal(write_rows(manifest, rows))
    assert said.startswith("M line 2" if place == "id" else 'M line 2 utterance "x-001": ')
    assert message in said
    assert said.endswith("(mend the line, or make the manifest again with asr prepare)")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": "r", "sources": [], "sampling_rate": 1}', 'utterance "r": is a recording, and'),
        (b'{"id": "s", "recording_id": "r", "start": 0}', 'utterance "s": is a supervision, and'),
        (b'{"audio_filepath": "a.wav", "text": "a"}', "is a row of a table, and not a cut (asr"),
        (b'[{"id": "a"}, {"id": "b"}]', "is a JSON array; must be a cut (write one cut a line"),
        (b"5", "is 5; must be a cut, as in {...}"),
        (b'"text"', 'is "text"; must be a cut'),
        (b"- id: a", "not JSON: "),
        (b"\x80\x04\x95", "not UTF-8 at byte 0 of the line"),
        (b'{"id": "\xff"}', "not UTF-8 at byte 8 of the line"),
        (b'{"id": "\\ud800", "type": "MonoCut"}', "holds half a character (a lone surrogate)"),
        (b'{"id": "a", "type": "MonoCut", "custom": ' + b"[" * 5000, "nested too deep"),
        (b'{"id": "a", "type"', "not JSON: EOF"),
    ],
)
def test_a_line_that_is_no_cut_says_what_it_is(manifest: Path, line: bytes, message: str) -> None:
    good = json.dumps(rows_of(manifest)[0]).encode()
    manifest.write_bytes(good + b"\n" + line + b"\n")
    assert message in refusal(manifest).removeprefix("M line 2")
    assert refusal(manifest).startswith("M line 2")


def kinds_of_cuts(manifest: Path) -> list[Any]:
    """Returns cuts of all kinds that lhotse writes."""
    one, two = CutSet.from_jsonl(manifest)
    two.supervisions[0].text = None
    two.supervisions[0].alignment = {}
    stereo = Recording.from_dict(copy.deepcopy(rows_of(manifest)[0]["recording"]))
    stereo.sources[0].channels = stereo.channel_ids = [0, 1]
    return [
        one,
        two,
        MultiCut("multi", 0, 0.4, [0, 1], [], recording=stereo),
        one.perturb_speed(1.1).with_id("fast"),
        one.perturb_volume(2.0).with_id("loud"),
        one.resample(16000).with_id("resampled"),
        one.reverb_rir(two.recording).with_id("room"),
        one.truncate(offset=0.1, duration=0.2).with_id("part"),
        one.append(two).with_id("joined"),
        one.mix(two, snr=10, offset_other_by=0.1).with_id("mixed"),
        one.pad(duration=1.0).with_id("padded"),
        fastcopy(two, id="text alone", recording=None),
    ]


def test_all_that_lhotse_writes_is_read_as_lhotse_reads_it(manifest: Path) -> None:
    cuts = kinds_of_cuts(manifest)
    for name in ("m.jsonl", "m.jsonl.gz"):
        path = manifest.parent / name
        CutSet.from_cuts(cuts).to_file(path)
        found = list(CutLines(path))
        assert [cut.to_dict() for cut in found] == [cut.to_dict() for cut in cuts]
        assert [type(cut) for cut in found] == [type(cut) for cut in cuts]
        assert found[:2] == cuts[:2]


def test_custom_stays_plain_data_and_its_names_mean_nothing(manifest: Path) -> None:
    rows = rows_of(manifest)
    array = {"storage_type": "numpy_files", "storage_path": "/a", "storage_key": "b.npy"}
    custom = {
        "tracks": [1],
        "image": {"width": 3},
        "target": rows[1]["recording"],
        "array": {"array": {"shape": [1], **array}, "temporal_dim": 0, "frame_shift": 0.1},
    }
    rows[0]["custom"] = custom
    (first, _) = read_cuts(write_rows(manifest, rows))
    assert first.custom == custom
    assert not isinstance(first.custom["array"], TemporalArray)
    assert not is_mix(first)
    assert load_channels(first).shape == (1, 3200)
    for command in ("validate", "describe"):
        assert run("data", command, manifest).returncode == 0


def test_a_mix_of_which_a_part_would_be_lost_or_at_another_rate_is_refused(manifest: Path) -> None:
    row, other = rows_of(manifest)
    mixed = in_a_track(row, other["recording"])
    inner = mixed["tracks"][1]["cut"]
    inner["recording"].update(sampling_rate=16000, num_samples=6400)
    said = refusal(write_rows(manifest, [mixed]))
    assert "its tracks are at 8000 Hz and 16000 Hz; must be at one rate" in said
    del inner["recording"]
    said = refusal(write_rows(manifest, [mixed]))
    assert 'M line 1 utterance "x-000": a track has no recording, and another has one' in said


def test_cuts_of_old_versions_of_lhotse_are_mono_cuts(manifest: Path) -> None:
    rows = rows_of(manifest)
    rows[0]["type"] = "Cut"
    assert [type(cut).__name__ for cut in read_cuts(write_rows(manifest, rows))] == ["MonoCut"] * 2


def test_a_part_past_the_end_is_refused_before_audio_is_read(manifest: Path) -> None:
    rows = rows_of(manifest)
    rows[1]["duration"] += 300 / 8000
    write_rows(manifest, rows)
    message = 'utterance "x-001": it ends 300 samples past its recording, which has 3200'
    for read in (checked_cuts, checked_noise):
        with pytest.raises(DataError, match=message):
            list(read(manifest))
    rows[1]["duration"] = 0.4 + 0.4 / 8000  # rounded, to the same sample
    assert len(list(checked_cuts(write_rows(manifest, rows)))) == 2


def test_audio_shorter_than_the_manifest_says_ends_a_training(home: Path, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path, "y", ["ab", "abc", "cd"])
    rows = rows_of(manifest)
    shorten(manifest, "y-001", 4700)  # of 4800: lhotse would mirror the rest
    write_rows(manifest, rows)
    chosen = ["--out", tmp_path / "o", "--set", f"data.train={manifest}"]
    done = run("train", home / "train.yaml", *chosen)
    assert done.returncode == 2
    said = done.stderr.splitlines()[-1]
    assert said.startswith('asr: utterance "y-001": ')
    assert "4800 samples are asked for, it has 4700" in said


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_noise_too_short_to_lay_end_to_end_is_refused(manifest: Path, seconds: float) -> None:
    rows = rows_of(manifest)
    rows[0]["duration"] = seconds
    write_rows(manifest, rows)
    with pytest.raises(DataError, match=r'utterance "x-000": duration 0\.?\d* s; .*must'):
        list(checked_noise(manifest))


def test_noise_needs_no_transcript(manifest: Path) -> None:
    rows = rows_of(manifest)
    for row in rows:
        row["supervisions"] = []
    assert len(list(checked_noise(write_rows(manifest, rows)))) == 2


def test_decomposed_names_are_still_composed(manifest: Path) -> None:
    rows = rows_of(manifest)
    rows[0]["id"] = unicodedata.normalize("NFD", "각")
    assert next(iter(read_cuts(write_rows(manifest, rows)))).id == "각"
