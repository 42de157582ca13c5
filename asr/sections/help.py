"""The settings of help while a recognizer learns: its own tokens fed back, and the diagonal."""

from typing import Literal

from pydantic import Field, model_validator

from asr.settings import Section


class TeacherForcingConfig(Section):
    """Scheduled sampling: how often the decoder is fed the reference and not its own best token."""

    schedule: Literal["constant", "linear", "exponential", "inverse_sigmoid"] = "constant"
    first: float = Field(1.0, ge=0, le=1)  # ratio at the first step; 1: always the reference
    last: float = Field(1.0, ge=0, le=1)  # ratio at the last step, but for `constant`

    @model_validator(mode="after")
    def _check(self) -> "TeacherForcingConfig":
        if self.schedule == "constant" and self.first != self.last:
            raise ValueError(
                f"first {self.first} and last {self.last} must be equal while schedule is constant"
            )
        if self.schedule == "exponential" and min(self.first, self.last) == 0:
            raise ValueError("first and last must be > 0 for an exponential schedule")
        return self


class AttentionPriorConfig(Section):
    """Help for young attention: a strip along the diagonal, which widens until it is gone."""

    width: float | None = Field(None, gt=0, le=1)  # at first: deviation, share of frames; null: off
    until: float = Field(0.7, gt=0, le=1)  # the share of training after which there is none
