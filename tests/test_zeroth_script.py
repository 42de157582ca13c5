"""The script of Zeroth-Korean on a small corpus of the same layout, from download to scores."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from file_server import serving
from zeroth_corpus import pack, write_corpus

ROOT = Path(__file__).parents[1]
TINY = """
train.accelerator=cpu train.precision=32-true train.epochs=3 train.warmup_steps=5
train.learning_rate=0.005 train.keep_best=2 data.num_workers=0 data.batch_seconds=25
data.num_buckets=2 features.num_mels=16 spec_augment.max_freq_bins=4 encoder.channels=4
encoder.hidden_dim=16 encoder.num_layers=1 encoder.projection_dim=16 attention.dim=8
attention.filter_width=11 decoder.embedding_dim=8 decoder.hidden_dim=16 search.beam_size=2
"""
RATES = r"CER [\d.]+ % WER [\d.]+ % CER without spaces [\d.]+ %"


def run_script(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
        "no_proxy": "127.0.0.1",
        "HOME": os.environ.get("HOME", ""),
    }
    script = home / "egs" / "zeroth_korean" / "run.sh"
    return subprocess.run(
        ["bash", str(script), *arguments],
        capture_output=True,
        text=True,
        cwd=home,
        env=environment,
        timeout=600,
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Returns a folder with the scripts alone, so that data and models go there."""
    for name in ("options.sh", "zeroth_korean"):
        source, target = ROOT / "egs" / name, tmp_path / "egs" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("data", "exp"))
        else:
            shutil.copy(source, target)
    return tmp_path


def errors_of(report: Path) -> tuple[int, int, int]:
    values = json.loads(report.read_text("utf-8"))
    characters = values["units"]["characters"]
    return values["num_utterances"], characters["num_reference"], characters["num_errors"]


@pytest.mark.slow
def test_an_archive_goes_through_the_script_from_a_broken_download_to_scores(home: Path) -> None:
    content = pack(write_corpus(home / "made"))
    with serving(content) as server:
        server.break_after = [len(content) // 3]
        source = f"url={server.url} size={len(content)}"
        done = run_script(home, "--source", source, "--set", " ".join(TINY.split()))
        assert done.returncode == 0, done.stderr
        assert server.asked == ["", f"bytes={len(content) // 3}-"]
    assert "the connection broke" in done.stderr or "broke off after" in done.stderr
    line = done.stdout.splitlines()[-1]
    assert re.match(rf"zeroth: {RATES} seen {RATES} unseen {RATES} report \S+/report\.json$", line)
    test = home / "egs/zeroth_korean/exp/base/test"
    whole = errors_of(test / "report.json")
    seen, unseen = (errors_of(test / f"test-{part}/report.json") for part in ("seen", "unseen"))
    assert whole[0] == 8
    assert seen[0] > 0
    assert unseen[0] >= 4
    assert whole == tuple(map(sum, zip(seen, unseen, strict=True)))

    again = run_script(home, "--stage", "3", "--lm", "tgsmall")
    assert again.returncode == 0, again.stderr
    assert "zeroth.lm.tgsmall.arpa.gz: over words, which are scored where they end" in again.stderr
    assert (test.parent / "test-tgsmall" / "test-unseen" / "report.json").exists()
    assert re.match(rf"zeroth: {RATES} seen ", again.stdout.splitlines()[-1])


def test_a_corpus_that_is_no_corpus_ends_the_script_with_one_sentence(home: Path) -> None:
    (home / "empty").mkdir()
    done = run_script(home, "--stop-stage", "1", "--corpus", "empty")
    assert done.returncode == 2
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"asr: {home / 'empty'}: holds no folder train_data_01 (check --corpus")
