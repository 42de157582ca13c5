"""What the recognizer heard of some utterances, and where it looked: pictures for a page."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asr.errors import AsrError, ConfigError, DataError
from asr.pages.curves import training_charts
from asr.pages.page import Figure, picture_url
from asr.pages.report_page import Pictures
from asr.scoring.rates import Report

if TYPE_CHECKING:
    from asr.data.manifest import Cut
    from asr.use.recognizer import Recognizer

WAY_OUT = "(give --cuts MANIFEST, and a folder that asr decode wrote)"
DPI = 60  # small: twenty utterances are some 2 MB


def draw_for(report: Report, model: Path | None, number: int) -> Pictures:
    """Returns the pictures of a page: the worst utterances, and curves where they are at hand.

    Args:
        report: with its provenance.
        model: folder of the model that decoded; None: that of the provenance, for curves alone.
        number: of utterances, at most; 0: none, and no model is loaded.

    Raises:
        AsrError: the model or the manifest cannot be read, or is not known.
    """
    decoding = report.provenance.get("decoding") or {}
    known = decoding.get("model", {})
    folder = model or (Path(known["folder"]) if "folder" in known else None)
    sentences: list[str] = []
    of_utterances: dict[str, list[Figure]] = {}
    if number and model is not None:
        from asr.use.decoding_record import model_sha256
        from asr.use.recognizer import load_recognizer

        find_manifest(report)
        recognizer = load_recognizer(model)
        sentences += recognizer.notices
        if known and model_sha256(model) != known.get("sha256"):
            sentences.append(f"{model} is not, or no longer, the model that decoded; it draws")
        of_utterances, failed = draw_pictures(report, recognizer, number)
        sentences += failed
    charts, problem = training_charts(folder) if folder else ([], "")
    return Pictures(of_utterances, charts, [*sentences, *filter(None, [problem])])


def worst_ids(report: Report, number: int) -> list[str]:
    """Returns the ids of the utterances with the most word errors, none without any."""
    wrong = [u for u in report.scores.utterances if u.counts["words"].num_errors > 0]
    wrong.sort(key=lambda u: u.counts["words"].num_errors, reverse=True)
    return [utterance.utterance_id for utterance in wrong[:number]]


def find_manifest(report: Report) -> Path:
    """Returns the manifest that holds a report's utterances: of --cuts, or of `hyp.jsonl`.

    Raises:
        ConfigError: neither is known.
    """
    if report.cuts_path is not None:
        return report.cuts_path
    named = {row.manifest for row in report.details.rows.values()}
    manifest = named.pop() if len(named) == 1 else None
    if manifest is None:
        raise ConfigError(f"--pictures: it is not known which manifest was decoded {WAY_OUT}")
    return Path(manifest)


def draw_pictures(
    report: Report, recognizer: "Recognizer", number: int
) -> tuple[dict[str, list[Figure]], list[str]]:
    """Returns pictures of the worst utterances by id, and of what could not be drawn a sentence.

    Args:
        report: of their hypotheses.
        recognizer: that decoded them.
        number: of utterances, at most.

    Raises:
        ConfigError: it is not known which manifest was decoded.
        DataError: that manifest cannot be read.
    """
    from asr.data.manifest import checked_cuts

    manifest, names = find_manifest(report), worst_ids(report, number)
    heard = {name: row.hypothesis for name, row in report.details.rows.items()}
    wanted = set(names)
    cuts = {c.id: c for c in checked_cuts(manifest, may_be_gone=True) if c.id in wanted}
    pictures: dict[str, list[Figure]] = {}
    sentences = []
    for name in names:
        try:
            if name not in cuts:
                raise DataError(f'{manifest}: has no utterance "{name}"')
            pictures[name] = _draw(recognizer, cuts[name], heard.get(name, ""))
        except AsrError as error:
            sentences.append(f"no picture of {name}: {error}")
    return pictures, sentences


def _draw(recognizer: "Recognizer", cut: "Cut", hypothesis: str) -> list[Figure]:
    from asr.use.draw_alignment import batch_of, draw_attention, with_text
    from asr.use.draw_features import draw_waveform

    batch = batch_of(recognizer, cut)
    drawn: Sequence[tuple[str, str]] = [
        ("Log-mel features", "time runs right, frequency up, bright is loud"),
        ("Attention to the hypothesis", "time runs right, its tokens down, bright is much weight"),
    ]
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        for number, (title, words) in enumerate(drawn):
            if number == 0:
                draw_waveform(recognizer.config, batch.waveforms[0], path, title=cut.id, dpi=DPI)
            elif recognizer.model.decoder.attention.has_alignment:
                draw_attention(recognizer, with_text(recognizer, batch, hypothesis), path, dpi=DPI)
            else:
                continue
            text = f"{title} of {cut.id}"
            figures.append(Figure(picture_url(path.read_bytes()), text, f"{text}: {words}"))
    return figures
