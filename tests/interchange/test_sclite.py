import math
import random
import re
import subprocess
from pathlib import Path

import pytest
from interchange.pairs import ALL_PAIRS, PAIRS, num_errors, words, write_exports
from sctk import SCTK_PATH, needs_sclite, sclite

from asr.scoring.alignment import ErrorCounts, align_words, split_words
from asr.scoring.like import TOOLS, count_steps
from asr.scoring.mapsswe import matched_pairs

VERSION = "2.10 (Debian sctk 2.4.10)"


def as_sclite(pairs: list[tuple[str, str]]) -> list[ErrorCounts]:
    tool = TOOLS["sclite"]
    return [
        count_steps(split_words(said), split_words(heard), tool.costs, order=tool.order)
        for said, heard in pairs
    ]


def by_speaker(counts: list[ErrorCounts]) -> list[ErrorCounts]:
    """Returns counts in the order of write_exports' files as sclite shows them: by speaker."""
    return [count for speaker in range(3) for count in counts[speaker::3]]


@needs_sclite
@pytest.mark.row(
    "sclite",
    "reads ours",
    "hits and errors of each utterance in ref.trn, hyp.trn: those of `--like sclite`",
    version=VERSION,
)
def test_sclite_reads_our_trn(tmp_path: Path) -> None:
    write_exports(tmp_path, ALL_PAIRS)
    files = (tmp_path / "ref.trn", "trn", "-h", tmp_path / "hyp.trn", "trn", "-i", "spu_id", "-s")
    assert sclite("-r", *files, "-e", "utf-8") == by_speaker(as_sclite(ALL_PAIRS))


@needs_sclite
@pytest.mark.row(
    "sclite",
    "reads ours",
    "hits and errors of each utterance in ref.stm, hyp.ctm: those of `--like sclite`",
    version=VERSION,
)
def test_sclite_reads_our_stm_and_ctm(tmp_path: Path) -> None:
    pairs = [*ALL_PAIRS, ("<unk> a", "<unk> b"), ("<b", "c")]
    write_exports(tmp_path, pairs)
    files = (tmp_path / "ref.stm", "stm", "-h", tmp_path / "hyp.ctm", "ctm", "-s", "-e", "utf-8")
    assert sclite("-r", *files) == by_speaker(as_sclite(pairs))
    command = "sclite -r ref.stm stm -h hyp.ctm ctm -o sum stdout"
    assert b"| Sum/Avg|  320" in _run(tmp_path, command)


@needs_sclite
@pytest.mark.row(
    "sclite",
    "same numbers",
    "errors of words: equal to ours in all pairs but where 4/3/3 gives more hits: more errors",
    version=VERSION,
)
def test_sclite_counts_as_many_errors_or_more(tmp_path: Path) -> None:
    write_exports(tmp_path, ALL_PAIRS)
    files = (tmp_path / "ref.trn", "trn", "-h", tmp_path / "hyp.trn", "trn", "-i", "spu_id", "-s")
    found, ours = sclite("-r", *files, "-e", "utf-8"), by_speaker(words(ALL_PAIRS))
    more = [theirs.num_errors - own.num_errors for theirs, own in zip(found, ours, strict=True)]
    assert min(more) == 0
    assert 0 < sum(number > 0 for number in more) < 0.05 * len(ALL_PAIRS)
    assert all(
        theirs.hits > own.hits
        for theirs, own, number in zip(found, ours, more, strict=True)
        if number
    )
    wanted = num_errors(words([pair for pair in PAIRS if pair != ("a b c d e", "c e a d")]))
    write_exports(tmp_path, [pair for pair in PAIRS if pair != ("a b c d e", "c e a d")])
    found = sclite("-r", *files, "-e", "utf-8")
    ordered = [number for speaker in range(3) for number in wanted[speaker::3]]
    assert num_errors(found) == ordered


@needs_sclite
@pytest.mark.row(
    "sc_stats",
    "same numbers",
    "p of MAPSSWE within 0.015 (its segments follow sclite's alignments), English and Korean words",
    version=VERSION,
)
def test_sc_stats_finds_nearly_the_same_p(tmp_path: Path) -> None:
    draw, vocabulary = random.Random(7), ["the", "cat", "sat", "나는", "학교에", "간다", "a", "on"]
    said = [draw.choices(vocabulary, k=draw.randint(3, 14)) for _ in range(80)]
    heard = [
        [
            [word if draw.random() > rate else draw.choice(vocabulary) for word in line]
            for line in said
        ]
        for rate in (0.16, 0.1)
    ]
    for name, lines in zip(("ref", "a", "b"), (said, *heard), strict=True):
        rows = [f"{' '.join(line)} (s{n % 4}-u{n:02})\n" for n, line in enumerate(lines)]
        (tmp_path / f"{name}.trn").write_text("".join(rows), "utf-8")
    aligned = b"".join(
        _run(tmp_path, f"sclite -r ref.trn trn -h {name}.trn trn {name} -i spu_id -o sgml stdout")
        for name in "ab"
    )
    _run(tmp_path, "sc_stats -p -t mapsswe -v -u -n out", given=aligned)
    table = (tmp_path / "out.stats.unified").read_text()
    (theirs,) = re.findall(r"MP +\|\| +a +\|[^|]*\| +\S+ +(<?[\d.]+)", table)
    ours = matched_pairs(
        [
            (align_words(" ".join(line), " ".join(one)), align_words(" ".join(line), " ".join(two)))
            for line, one, two in zip(said, *heard, strict=True)
        ]
    )
    assert ours.p_value is not None
    assert math.isclose(ours.p_value, float(theirs.lstrip("<")), abs_tol=0.015)


def _run(folder: Path, command: str, given: bytes = b"") -> bytes:
    done = subprocess.run(
        command.split(),
        cwd=folder,
        input=given,
        check=True,
        capture_output=True,
        env={"PATH": SCTK_PATH},
    )
    # Of a file without words it says that identifiers do not match, or that the hypotheses end.
    assert b"continuing" not in done.stderr
    return done.stdout
