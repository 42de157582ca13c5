import math
from pathlib import Path

import pytest
from conftest import run
from interchange.corpus import gathered, make_cuts, pcm, spoken, written
from interchange.peer import Peer
from lhotse import CutSet

from asr.data.manifest import checked_cuts
from asr.errors import DataError

LHOTSE = Peer("lhotse")


@pytest.mark.row(
    "lhotse", "reads ours", "`validate --read-data`, `cut describe`: a manifest's numbers"
)
def test_lhotse_validates_and_describes_our_manifests(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    for cut in make_cuts(tmp_path / "mine" / "wav", parts=False):
        path = Path(cut.recording.sources[0].source)
        path.with_suffix(".txt").write_text(cut.supervisions[0].text, "utf-8")
    assert len(gathered(tmp_path / "mine")) == 5

    out = tmp_path / "out"
    done = run("prepare", "folder", "--corpus", tmp_path / "mine", "--out", out)
    assert done.returncode == 0, done.stderr
    LHOTSE.run("lhotse", "validate", "--read-data", out / "train.jsonl.gz")
    said = LHOTSE.run("lhotse", "cut", "describe", out / "train.jsonl.gz")
    cuts = list(checked_cuts(out / "train.jsonl.gz"))
    assert f"Cuts count:               │ {len(cuts)} " in said
    assert f"Supervisions available:   │ {len(cuts)} " in said
    assert f"00:00:0{math.ceil(sum(cut.duration for cut in cuts))}" in said  # the next second


@pytest.mark.row("lhotse", "reads ours", "`kaldi import`: text, speaker, each sample, no ms lost")
def test_lhotse_imports_our_kaldi_directory(tmp_path: Path) -> None:
    def theirs(manifests):
        from lhotse import CutSet, RecordingSet, SupervisionSet

        cuts = CutSet.from_manifests(
            RecordingSet.from_file(f"{manifests}/recordings.jsonl.gz"),
            SupervisionSet.from_file(f"{manifests}/supervisions.jsonl.gz"),
        )
        return {
            cut.supervisions[0].id: [
                cut.supervisions[0].text,
                cut.supervisions[0].speaker,
                (cut.load_audio()[0] * 32768).round().astype(int).tolist(),
            ]
            for cut in cuts.trim_to_supervisions(keep_overlapping=False)
        }

    for parts in (True, False):  # with segments, and without
        place = tmp_path / f"parts {parts}"
        folder, cuts = written(place, "kaldi", parts=parts)
        LHOTSE.run("lhotse", "kaldi", "import", folder, "16000", place / "imported")
        found = LHOTSE.call(theirs, place / "imported")
        assert found == {name: [*spoken(cut)] for name, cut in cuts.items()}


@pytest.mark.row(
    "lhotse", "we read theirs", "`kaldi export`: text, speaker, samples; not its pipes"
)
def test_we_read_what_lhotse_exports_for_kaldi(tmp_path: Path) -> None:
    cuts = make_cuts(tmp_path / "wav")

    def exported(name: str, chosen: list) -> Path:
        CutSet.from_cuts(chosen).to_file(tmp_path / f"{name}.jsonl.gz")
        LHOTSE.run(
            "lhotse", "cut", "decompose", tmp_path / f"{name}.jsonl.gz", tmp_path / f"{name}-parts"
        )
        manifests = [tmp_path / f"{name}-parts" / f"{what}.jsonl.gz" for what in WHAT]
        LHOTSE.run("lhotse", "kaldi", "export", *manifests, tmp_path / name)
        return tmp_path / name

    whole = [cut for cut in cuts[:5] if cut.id != "ann-2"]
    assert gathered(exported("wavs", whole)) == {cut.id: spoken(cut) for cut in whole}
    with pytest.raises(DataError, match='"ann-2" is a command, which is not run'):
        gathered(exported("flac", [cut for cut in cuts if cut.id == "ann-2"]))


WHAT = ("recordings", "supervisions")


@pytest.mark.row("lhotse", "reads ours", "Shar, read and exported again: ids, text, each sample")
def test_lhotse_reads_our_shar_and_writes_it_again(tmp_path: Path) -> None:
    def theirs(folder):
        from lhotse import CutSet

        return {
            cut.id: [
                cut.supervisions[0].text,
                cut.supervisions[0].speaker,
                (cut.load_audio()[0] * 32768).round().astype(int).tolist(),
            ]
            for cut in CutSet.from_shar(in_dir=folder)
        }

    folder, cuts = written(tmp_path, "shar")
    expected = {name: [*spoken(cut)] for name, cut in cuts.items()}
    assert LHOTSE.call(theirs, folder) == expected
    LHOTSE.run(
        "lhotse", "shar", "export", "-a", "flac", tmp_path / "cuts.jsonl.gz", tmp_path / "again"
    )
    assert LHOTSE.call(theirs, tmp_path / "again") == expected


@pytest.mark.row("lhotse", "we read theirs", "cuts that `lhotse cut` wrote: ids, seconds, samples")
def test_we_read_cuts_that_lhotse_wrote(tmp_path: Path) -> None:
    cuts = make_cuts(tmp_path / "wav", parts=False)
    CutSet.from_cuts(cuts).to_file(tmp_path / "cuts.jsonl.gz")
    LHOTSE.run("lhotse", "cut", "decompose", tmp_path / "cuts.jsonl.gz", tmp_path)
    recordings, supervisions = (tmp_path / f"{what}.jsonl.gz" for what in WHAT)
    out = tmp_path / "simple.jsonl.gz"
    LHOTSE.run("lhotse", "cut", "simple", "-r", recordings, "-s", supervisions, out)
    found = list(checked_cuts(out))
    assert [cut.id for cut in found] == [f"{cut.id}-{n}" for n, cut in enumerate(cuts)]
    assert [[cut.duration, pcm(cut)] for cut in found] == [[cut.duration, pcm(cut)] for cut in cuts]
