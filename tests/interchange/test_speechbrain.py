import json
from pathlib import Path

import pytest
from interchange.corpus import gathered, make_cuts, spoken
from interchange.peer import Peer

SPEECHBRAIN = Peer("speechbrain")


def read(path, form):  # type: ignore[no-untyped-def]  # runs in the peer's environment
    from speechbrain.dataio.dataset import DynamicItemDataset

    found = getattr(DynamicItemDataset, form)(path)
    found.set_output_keys(["id", "wav", "wrd", "spk_id", "duration"])
    return {
        item["id"]: [item["wav"], item["wrd"], item["spk_id"], item["duration"]] for item in found
    }


def _rows(folder: Path) -> tuple[dict, dict]:
    """Returns what SpeechBrain is to read, and what we are, of the same utterances."""
    cuts = [cut for cut in make_cuts(folder, parts=False) if "{" not in cut.supervisions[0].text]
    theirs = {
        cut.id: [
            cut.recording.sources[0].source,
            cut.supervisions[0].text,
            cut.supervisions[0].speaker,
            cut.duration,
        ]
        for cut in cuts
    }
    return theirs, {cut.id: spoken(cut) for cut in cuts}


@pytest.mark.row("speechbrain", "we read theirs", "from_csv: ids, words, speakers, audio; `, ` too")
def test_a_csv_of_speechbrain_means_the_same_to_us(tmp_path: Path) -> None:
    theirs, ours = _rows(tmp_path / "data" / "wav")
    (name, others) = next(iter(theirs.items()))
    others[1] = ours_text = 'he said, "yes"'
    ours[name] = (ours_text, *ours[name][1:])
    for comma in (",", ", "):
        lines = [comma.join(("ID", "duration", "wav", "spk_id", "wrd"))]
        for name, (wav, words, speaker, duration) in theirs.items():
            quoted = '"' + words.replace('"', '""') + '"'
            lines.append(comma.join((name, repr(duration), wav, speaker, quoted)))
        table = tmp_path / "data" / "train.csv"
        table.write_text("\n".join(lines) + "\n", "utf-8")
        assert SPEECHBRAIN.call(read, table, "from_csv") == theirs
        assert gathered(table.parent) == ours


@pytest.mark.row("speechbrain", "we read theirs", "from_json: ids, words, speakers, audio, seconds")
def test_a_json_of_speechbrain_means_the_same_to_us(tmp_path: Path) -> None:
    theirs, ours = _rows(tmp_path / "data" / "wav")
    names = ("wav", "wrd", "spk_id", "duration")
    rows = {name: dict(zip(names, cells, strict=True)) for name, cells in theirs.items()}
    table = tmp_path / "data" / "train.json"
    table.write_text(json.dumps(rows), "utf-8")
    assert SPEECHBRAIN.call(read, table, "from_json") == theirs
    assert gathered(table.parent) == ours
