"""What `report.json` holds, key by key; `asr/pages/README.md` says it in prose.

Within a version keys are added, and none goes or changes its meaning: a program that reads a
report must bear keys that it does not know. Rates and the ends of intervals are fractions.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

REPORT_SCHEMA: Literal["asr-report/1"] = "asr-report/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class IntervalValues(_Part):
    """A 95 % interval."""

    low: float
    high: float
    num_blocks: int = Field(description="of how many utterances or speakers it is")


class UnitIntervals(_Part):
    """The intervals of one rate; null where there are too few blocks or speakers are unknown."""

    by_utterance: IntervalValues | None
    by_speaker: IntervalValues | None


class UnitValues(_Part):
    """The counts in one unit."""

    num_reference: int = Field(description="tokens of the references, N")
    hits: int
    substitutions: int
    deletions: int
    insertions: int
    num_errors: int
    rate: float = Field(description="num_errors / num_reference")
    num_wrong_utterances: int
    interval_95: UnitIntervals


class Normalizer(_Part):
    """What both sides went through."""

    name: str
    version: str


class Confusion(_Part):
    """A frequent word error; the side that lacks a word is null."""

    operation: Literal["substitution", "deletion", "insertion"]
    reference: str | None
    hypothesis: str | None
    count: int


class WorstUtterance(_Part):
    """One of the utterances with the most word errors."""

    id: str
    reference: str
    hypothesis: str
    num_errors: int
    wer: float


class Provenance(_Part):
    """Where the rates come from."""

    scoring: dict[str, Any] = Field(description="command, versions, machine and date of asr score")
    decoding: dict[str, Any] | None = Field(description="decode.json; null: not known")
    decoding_unknown: str | None = Field(description="why it is not known")


class ReportFile(_Part):
    """All of report.json."""

    schema_: Literal["asr-report/1"] = Field(alias="schema", description="the version of this")
    hypotheses: str = Field(description="path of the file of the hypotheses")
    references: str = Field(description="path of the file of the references")
    cuts: str | None = Field(description="manifest of what alone was scored; null: all")
    note: str | None = Field(description="what --note said")
    sources: list[str] = Field(description="what files were read as, a sentence each")
    notices: list[str] = Field(description="what a reader must know, a sentence each")
    provenance: Provenance | None = Field(description="null: a library call that did not ask")
    like: Any = Field(description="what another tool counts, with --like")
    normalizer: Normalizer
    earlier_normalizer: str | None = Field(description="what hypotheses went through before")
    num_utterances: int
    num_words: int = Field(description="of the references")
    num_characters: int = Field(description="of the references, spaces between words included")
    wer: float
    cer: float = Field(description="with spaces")
    cer_no_spaces: float
    sentence_error_rate: float = Field(description="utterances with a word error, a fraction")
    units: dict[str, UnitValues] = Field(description="words, characters, ...: all counts")
    breakdown: dict[str, list[dict[str, Any]]] = Field(description="parts by speaker, length, ...")
    breakdown_notes: dict[str, str] = Field(description="what is to know of some of them")
    raw: dict[str, Any] | None = Field(description="with --raw: normalizer and units of raw texts")
    frequent: dict[str, Any] = Field(description="unit -> operation -> the most frequent errors")
    stopped: list[dict[str, Any]] = Field(description="utterances that loop or length ended")
    oracle: list[dict[str, Any]] = Field(description="the best of the first 1, 2, ... hypotheses")
    calibration: list[dict[str, Any]] = Field(description="how far confidences are to be believed")
    unseen_words: dict[str, Any] | None = Field(description="with --against, else null")
    num_other_readings: int = Field(description="numbers that were said the other way")
    missing: list[str] = Field(description="ids without hypothesis, all deletions")
    unreadable: list[str] = Field(description="of these, whose audio cannot be read")
    extra: list[str] = Field(description="ids without reference, left out")
    empty_references: list[str] = Field(description="ids whose reference has no word")
    ended: dict[str, int] = Field(description="why searches ended -> utterances")
    audio_seconds: float | None
    confusions: list[Confusion]
    worst: list[WorstUtterance]
