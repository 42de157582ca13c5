"""What was asked for beside the error rates: fields of a manifest, a training text."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asr.errors import ConfigError, DataError
from asr.scoring.fields import FieldLabels, check_fields, read_fields
from asr.scoring.rates import Report
from asr.scoring.vocabulary import read_vocabulary


def add_details(
    report: Report,
    *,
    by: Sequence[str] = (),
    manifest: Path | None = None,
    against: Path | None = None,
    against_format: str | None = None,
) -> Report:
    """Returns the report with what divides its utterances and words further.

    Args:
        report: of the error rates.
        by: fields of a manifest.
        manifest: that holds the utterances; None: the one that was scored or decoded.
        against: the text that the recognizer was trained on; None: words are not divided by it.
        against_format: of it; None: found out.

    Raises:
        ConfigError: an option without the one that it goes with, a field that is not there, or an
            unknown format.
        DataError: a file cannot be read, or lacks what is asked for.
    """
    check_fields(by)
    if manifest is not None and not by:
        raise ConfigError("--manifest goes with --by FIELD, which says what to divide by")
    if against_format is not None and against is None:
        raise ConfigError("--against-format goes with --against FILE")
    details = report.details
    if by:
        details = replace(details, fields=_read(report, list(dict.fromkeys(by)), manifest))
    if against is not None:
        found = read_vocabulary(
            against,
            report.normalizer,
            earlier=_earlier(report),
            format_name=against_format,
        )
        details = replace(details, vocabulary=found)
    return replace(report, details=details)


def _earlier(report: Report) -> str | None:
    """Returns what the references, too, went through before: those that lie in the same file."""
    is_one_file = report.hypotheses_path == report.references_path
    return report.earlier_normalizer if is_one_file else None


def _read(report: Report, by: list[str], manifest: Path | None) -> dict[str, FieldLabels]:
    if "speaker" in by and report.speakers:  # it stands in every such report
        by.remove("speaker")
    names = [utterance.utterance_id for utterance in report.scores.utterances]
    return read_fields(manifest or _manifest_of(report, by), by, names) if by else {}


def _manifest_of(report: Report, by: Sequence[str]) -> Path:
    """Returns the manifest of the utterances: that of --cuts, or the one that was decoded."""
    if report.cuts_path is not None:
        return report.cuts_path
    way_out = f"name it by --manifest, for --by {by[0]}"
    named = {row.manifest for row in report.details.rows.values()}
    if None in named or len(named) != 1:
        what = "does not say which manifest was decoded"
        if len(named) > 1:
            what = "does not say of all lines which one manifest was decoded"
        raise ConfigError(f"{report.hypotheses_path}: {what} ({way_out})")
    path = Path(named.pop() or "")
    if not path.is_file():
        raise DataError(
            f"{report.hypotheses_path}: the manifest that was decoded, {path}, is gone ({way_out})"
        )
    return path
