from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import error_of, run
from lhotse import CutSet
from lhotse.audio import audio_backend
from lhotse.audio.backend import LibsndfileBackend
from spoken import speak

NEW = "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents "
NEW += "variant locale segment"
OLD = "client_id path sentence up_votes down_votes age gender accent"
SENTENCES = ("나는 간다", '"그래?"', "하나 둘 셋", "넷\u2028다섯", "여섯 일곱", "여덟")


@pytest.fixture(autouse=True)
def _reader_of_training() -> Iterator[None]:
    with audio_backend(LibsndfileBackend()):
        yield


def write_clip(path: Path, number: int) -> None:
    """Writes a sentence spoken, as the corpus has them: mp3 at 32 kHz, some at 48."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rate, mode = (48000, "CONSTANT") if number == 2 else (32000, "VARIABLE")
    samples = speak(SENTENCES[number], "ko", rate)
    soundfile.write(path, samples, rate, format="MP3", compression_level=0.5, bitrate_mode=mode)


def write_part(folder: Path, part: str, rows: list[dict[str, str]], columns: str = NEW) -> None:
    names = columns.split()
    lines = ["\t".join(row.get(name, "") for name in names) for row in rows]
    (folder / f"{part}.tsv").write_text("\n".join(["\t".join(names), *lines]) + "\n", "utf-8")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Six Korean clips: four train, one dev, one test; one of them at 48 kHz."""
    folder = tmp_path / "cv-corpus-17.0-2024-03-15" / "ko"
    rows = []
    for number, sentence in enumerate(SENTENCES):
        name = f"common_voice_ko_{number}.mp3"
        write_clip(folder / "clips" / name, number)
        rows.append({"client_id": f"{number // 2:0128x}", "path": name, "sentence": sentence})
    for part, chosen in (("train", rows[:4]), ("dev", rows[4:5]), ("test", rows[5:])):
        write_part(folder, part, chosen)
    write_part(folder, "validated", rows)
    return folder


def arguments(corpus: Path) -> tuple[str | Path, ...]:
    return ("prepare", "common_voice", "--corpus", corpus, "--out", corpus.parents[1] / "out")


def read(corpus: Path) -> dict[str, list]:
    out = corpus.parents[1] / "out"
    return {
        path.name.split(".")[0]: list(CutSet.from_file(path)) for path in sorted(out.glob("*.gz"))
    }


def test_the_parts_are_read_by_the_names_of_the_columns(corpus: Path) -> None:
    done = run(*arguments(corpus))
    assert done.returncode == 0, done.stderr
    assert "notice" not in done.stdout + done.stderr
    found = read(corpus)
    assert {part: [cut.id[-1] for cut in cuts] for part, cuts in found.items()} == {
        "train": ["0", "1", "2", "3"],
        "dev": ["4"],
        "test": ["5"],
    }
    spoken = {cut.id[-1]: cut.supervisions[0] for cuts in found.values() for cut in cuts}
    assert spoken["1"].text == '"그래?"'
    assert spoken["3"].text == "넷 다섯"
    assert {item.language for item in spoken.values()} == {"ko"}
    assert spoken["4"].speaker == f"{2:0128x}"


def test_the_length_of_an_mp3_is_what_can_be_read_of_it(corpus: Path) -> None:
    run(*arguments(corpus))
    for cut in read(corpus)["train"]:
        rate = 48000 if cut.id.endswith("2") else 32000
        spoken = speak(SENTENCES[int(cut.id[-1])], "ko", rate).astype(np.float32) / 32768
        (samples,) = cut.load_audio()
        assert (cut.sampling_rate, len(samples)) == (rate, cut.num_samples)
        assert cut.num_samples == pytest.approx(len(spoken), abs=0.06 * rate)
        same = samples[: len(spoken)]  # but for what mp3 lost
        assert np.corrcoef(same, spoken[: len(same)])[0, 1] > 0.95


def test_the_first_versions_have_other_columns_and_no_ending(corpus: Path) -> None:
    rows = [
        {"client_id": "a", "path": f"common_voice_ko_{n}", "sentence": f"말 {n}", "age": "teens"}
        for n in range(2)
    ]
    write_part(corpus, "other", rows, OLD)
    done = run(*arguments(corpus), "--part", "other")
    assert done.returncode == 0, done.stderr
    assert [cut.supervisions[0].text for cut in read(corpus)["other"]] == ["말 0", "말 1"]


def test_the_language_is_chosen_from_several(corpus: Path) -> None:
    version = corpus.parent
    chosen = (*arguments(corpus)[:3], version, *arguments(corpus)[4:])
    assert run(*chosen, "--language", "ko").returncode == 0
    assert [len(cuts) for cuts in read(corpus).values()] == [1, 1, 4]
    assert run(*chosen).returncode == 0  # there is but one
    (version / "de" / "clips").mkdir(parents=True)
    error = error_of(*chosen)
    assert f"{version}: holds no LANGUAGE/clips; has de, ko (give --language" in error
    renamed = corpus.rename(version / "downloaded")
    again = (*arguments(corpus)[:3], renamed, *arguments(corpus)[4:])
    assert "downloaded is no code of a language; must be one, as ko or zh-TW" in error_of(*again)
    assert run(*again, "--language", "ko").returncode == 0


def test_validated_is_prepared_by_itself(corpus: Path) -> None:
    error = error_of(*arguments(corpus), "--part", "validated", "--part", "train")
    assert "part validated holds all of train, dev and test; must be prepared by itself" in error
    assert run(*arguments(corpus), "--part", "validated").returncode == 0
    assert len(read(corpus)["validated"]) == 6


def test_what_cannot_be_used_is_listed_and_refused_or_skipped(corpus: Path) -> None:
    (corpus / "clips" / "common_voice_ko_0.mp3").write_bytes(b"")
    (corpus / "clips" / "common_voice_ko_1.mp3").unlink()
    path = corpus / "train.tsv"
    path.write_text(path.read_text("utf-8").replace("하나 둘 셋", " "), "utf-8")
    twice = path.read_text("utf-8").splitlines()[4]
    path.write_text(path.read_text("utf-8") + twice + "\n", "utf-8")
    write_clip(corpus / "clips" / "more.mp3", 0)
    write_part(corpus, "dev", [{"client_id": "a", "path": "more.mp3", "sentence": "말"}])
    error = run(*arguments(corpus)).stderr.splitlines()[-1]
    assert error.startswith("asr: ")
    assert "4 of 7 utterances cannot be used" in error
    lines = (corpus.parents[1] / "out" / "problems.txt").read_text("utf-8").splitlines()
    found = {line.split(": ")[0].removeprefix(f"{path}:"): line for line in lines}
    assert set(found) == {"2", "3", "4", "6"}
    assert "ko_0.mp3: empty (0 bytes)" in found["2"]
    assert "ko_1.mp3: no such file" in found["3"]
    assert found["4"].endswith("the transcript is empty")
    assert found["6"].endswith(f'id "common_voice_ko_3" was used in {path}:5')
    done = run(*arguments(corpus), "--bad", "skip")
    assert "4 of 7 utterances cannot be used and are skipped" in done.stdout + done.stderr
    assert [cut.id for cut in read(corpus)["train"]] == ["common_voice_ko_3"]


def test_a_clip_that_is_shorter_than_published_is_said(corpus: Path) -> None:
    lengths = [len(speak(sentence, "ko", 32000)) // 32 for sentence in SENTENCES]
    rows = [f"common_voice_ko_{n}.mp3\t{length}" for n, length in enumerate(lengths)]
    rows[3] = "common_voice_ko_3.mp3\t9500"
    path = corpus / "clip_durations.tsv"
    path.write_text("\n".join(["clip\tduration[ms]", *rows]) + "\n")
    done = run(*arguments(corpus))
    (line,) = [x for x in (done.stdout + done.stderr).splitlines() if "notice" in x]
    assert "1 clips are not as long as clip_durations.tsv says: common_voice_ko_3 " in line
    assert line.endswith(" s and not 9.50")
    path.write_text("clip\tduration[ms]\ncommon_voice_ko_0.mp3\tlong\n")
    error = run(*arguments(corpus)).stderr.splitlines()[-1]
    assert "clip_durations.tsv:2: must be a clip and its milliseconds" in error


def test_a_part_that_is_missing_or_lacks_a_column_is_named(corpus: Path) -> None:
    error = error_of(*arguments(corpus), "--part", "tset")
    assert "tset.tsv: no such part; has dev, test, train, validated" in error
    (corpus / "train.tsv").write_text("client_id\tpath\ttext\na\tb\tc\n")
    error = error_of(*arguments(corpus))
    assert "train.tsv:2: no column sentence; has client_id, path, text" in error
    (corpus / "train.tsv").write_text("client_id\tpath\tsentence\na\tb\tc\td\n")
    error = run(*arguments(corpus)).stderr.splitlines()[-1]
    assert error.startswith("asr: 1 of 3 utterances cannot be used: ")
    assert "train.tsv:2: 4 cells where there are 3 columns; quote the text" in error


def test_parts_of_an_earlier_run_are_left_and_that_is_said(corpus: Path) -> None:
    run(*arguments(corpus), "--part", "train")
    done = run(*arguments(corpus), "--part", "dev")
    out = corpus.parents[1] / "out"
    path = out / "train.jsonl.gz"
    assert f"{path} is of an earlier run and is left as it was" in done.stdout + done.stderr
    assert sorted(read(corpus)) == ["dev", "train"]


def test_the_way_to_the_corpus_is_said(tmp_path: Path) -> None:
    error = error_of("prepare", "common_voice", "--out", tmp_path)
    assert "give --corpus DIR (fetch a language from commonvoice.mozilla.org" in error


def test_sentences_that_older_versions_quote_are_read_as_they_are_meant(corpus: Path) -> None:
    sentences = ['"""나는,"" 그가 말했다."', '"그래?"', '"하나', '그는 "둘" 했다']
    rows = [
        {"client_id": "a", "path": f"common_voice_ko_{number}.mp3", "sentence": sentence}
        for number, sentence in enumerate(sentences)
    ]
    write_part(corpus, "train", rows, OLD)
    assert run(*arguments(corpus), "--part", "train").returncode == 0
    assert [cut.supervisions[0].text for cut in read(corpus)["train"]] == [
        '"나는," 그가 말했다.',
        *sentences[1:],
    ]
