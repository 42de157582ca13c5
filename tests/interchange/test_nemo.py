import json
from pathlib import Path

import pytest
from interchange.corpus import gathered, make_cuts, pcm, spoken, written
from interchange.peer import Peer

NEMO = Peer("nemo")


@pytest.mark.row("nemo", "reads ours", "item_iter and LazyNeMoIterator: text, speaker, each sample")
def test_nemo_reads_our_manifest_and_every_sample(tmp_path: Path) -> None:
    def theirs(manifest):
        from nemo.collections.common.data.lhotse.nemo_adapters import LazyNeMoIterator
        from nemo.collections.common.parts.preprocessing.manifest import item_iter

        items = list(item_iter(manifest))
        cuts = list(LazyNeMoIterator(manifest))
        return [
            [
                *(item[key] for key in ("text", "speaker", "lang", "duration", "offset")),
                cut.custom["id"],
                cut.supervisions[0].text,
                (cut.load_audio()[0] * 32768).round().astype(int).tolist(),
                open(item["audio_file"], "rb").read(4).decode(),
            ]
            for item, cut in zip(items, cuts, strict=True)
        ]

    folder, cuts = written(tmp_path, "nemo")
    expected = []
    for cut in cuts.values():
        text, speaker, samples = spoken(cut)
        is_part = cut.duration < cut.recording.duration
        kind = "fLaC" if cut.id == "ann-2" else "RIFF"
        offset = cut.start if is_part else None
        about = [text, speaker, "en", cut.duration, offset]
        expected.append([*about, cut.id, text, samples, kind])
    assert NEMO.call(theirs, folder / "manifest.jsonl") == expected


@pytest.mark.row(
    "nemo", "we read theirs", "write_manifest: text, speaker, each sample of parts too"
)
def test_we_read_a_manifest_that_nemo_wrote(tmp_path: Path) -> None:
    def theirs(path, rows):
        from nemo.collections.asr.parts.utils.manifest_utils import read_manifest, write_manifest

        write_manifest(path, rows)
        return read_manifest(path) == rows

    cuts = make_cuts(tmp_path / "data" / "wav")
    rows = [
        {
            "audio_filepath": f"wav/{Path(cut.recording.sources[0].source).name}",
            "duration": cut.duration,
            "offset": cut.start,
            "text": cut.supervisions[0].text,
            "speaker": cut.supervisions[0].speaker,
        }
        for cut in cuts
    ]
    path = tmp_path / "data" / "train.json"
    assert NEMO.call(theirs, path, rows) is True
    assert "\\uc548" in path.read_text("ascii")  # NeMo writes Korean as escapes
    assert json.loads(path.read_text("utf-8").splitlines()[0])["text"] == rows[0]["text"]
    found = sorted(gathered(tmp_path / "data").values())
    assert found == sorted(spoken(cut) for cut in cuts)
    assert sum(len(samples) for _, _, samples in found) == sum(len(pcm(cut)) for cut in cuts)
