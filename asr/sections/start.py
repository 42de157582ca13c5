"""The settings of a training that starts from a model: what it takes over, keeps and hears again.

They are sections of the configuration (`config.py`). Parts are named as in `training/parts.py`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, model_validator

from asr.settings import Section

# `from` is the key that a user writes, and no name that Python lets a class give.
_FROM: dict[str, Any] = {"from": (str | None, None)}
_Ancestor: Any = create_model("_Ancestor", __base__=Section, **_FROM)

Factor = Annotated[float, Field(gt=0, le=1000)]


class InitConfig(_Ancestor):
    """The model whose weights a training starts from."""

    include: tuple[str, ...] = ()  # parts that are loaded; (): all
    exclude: tuple[str, ...] = ()  # parts that are not
    vocabulary: Literal["new", "keep", "extend"] = "new"  # of the text; the model's; that and more
    statistics: Literal["keep", "new"] = "keep"  # of features.normalization = global

    @property
    def ancestor(self) -> str | None:
        """The model folder after `from`; None: a training from nothing."""
        found: str | None = getattr(self, "from")
        return found

    @model_validator(mode="after")
    def _check(self) -> "InitConfig":
        given = self.model_dump(exclude_defaults=True)
        if self.ancestor is None and given:
            raise ValueError(
                f"{', '.join(given)} without from; give the model folder to start from, as in "
                "init.from=exp/my"
            )
        return self


class FreezeConfig(Section):
    """Parts that do not learn, for some epochs or all."""

    parts: tuple[str, ...] = ()
    until_epoch: int | None = Field(None, ge=1, le=1_000_000)  # the last one; null: all

    @model_validator(mode="after")
    def _check(self) -> "FreezeConfig":
        if self.until_epoch is not None and not self.parts:
            raise ValueError("until_epoch is for freeze.parts, which names none")
        return self


class ReplayConfig(Section):
    """Old data, heard again among the new ones against forgetting."""

    manifest: str | None = None  # lhotse cuts, of which each epoch hears others; null: none
    share: float = Field(0.25, gt=0, lt=1)  # of an epoch's seconds


def flat_factors(value: Any) -> Any:
    """Returns factors by part, `encoder: {layers: {0: 0.1}}` as `encoder.layers.0: 0.1`."""
    if not isinstance(value, Mapping):
        return value
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            flat |= {f"{name}.{below}": factor for below, factor in flat_factors(inner).items()}
        else:
            flat[str(name)] = inner
    return flat
