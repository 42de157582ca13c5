"""What a line of a manifest may hold: the type of each field, and its bounds.

These are lhotse's cuts, of which a manifest is made; numbers are numbers, and a source is a file,
or in a shard the place that its archive fills. A key that is not listed stays as it
is, and lhotse decides.
"""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Discriminator, Field, TypeAdapter
from typing_extensions import TypedDict

MOST_SECONDS = 1e9  # thirty years
MOST_SAMPLES = 2**53
MOST_CHANNELS = 2**16

Id = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
Moment = Annotated[float, Field(ge=-MOST_SECONDS, le=MOST_SECONDS)]
Rate = Annotated[int, Field(gt=0, le=2**31)]
Samples = Annotated[int, Field(ge=0, le=MOST_SAMPLES)]
Channel = Annotated[int, Field(ge=0, lt=MOST_CHANNELS)]
Channels = Annotated[list[Channel], Field(min_length=1)]
OneOrMore = Channel | Channels
Positive = Annotated[float, Field(gt=0, le=1e6)]


class _Source(TypedDict):
    type: Literal["file", "shar"]
    channels: Channels
    source: str


class _TransformArguments(TypedDict):
    factor: NotRequired[Positive]
    source_sampling_rate: NotRequired[Rate]
    target_sampling_rate: NotRequired[Rate]


class _Transform(TypedDict):
    name: str
    kwargs: _TransformArguments


class _Recording(TypedDict):
    id: Id
    sources: Annotated[list[_Source], Field(min_length=1)]
    sampling_rate: Rate
    num_samples: Samples
    duration: Seconds
    channel_ids: NotRequired[Channels | None]
    transforms: NotRequired[list[_Transform] | None]


class _Supervision(TypedDict):
    id: Id
    recording_id: str
    start: Moment
    duration: Seconds
    channel: NotRequired[OneOrMore]
    text: NotRequired[str | None]
    language: NotRequired[str | None]
    speaker: NotRequired[str | None]
    gender: NotRequired[str | None]
    custom: NotRequired[dict[str, Any] | None]
    alignment: NotRequired[dict[str, list[Any]] | None]


class _Features(TypedDict):
    type: str
    num_frames: Samples
    num_features: Samples
    frame_shift: Seconds
    sampling_rate: Rate
    start: Seconds
    duration: Seconds
    storage_type: str
    storage_path: str
    storage_key: str


class _DataCut(TypedDict):
    id: Id
    start: Seconds
    duration: Seconds
    supervisions: NotRequired[list[_Supervision]]
    features: NotRequired[_Features | None]
    recording: NotRequired[_Recording | None]
    custom: NotRequired[dict[str, Any] | None]


class _MonoCut(_DataCut):
    channel: Channel


class _MultiCut(_DataCut):
    channel: OneOrMore


class _TypedMonoCut(_MonoCut):
    type: Literal["MonoCut", "Cut"]  # of lhotse before 0.8: Cut


class _TypedMultiCut(_MultiCut):
    type: Literal["MultiCut"]


class _PaddingCut(TypedDict):
    id: Id
    duration: Seconds
    sampling_rate: Rate
    feat_value: float
    num_frames: NotRequired[Samples | None]
    num_features: NotRequired[Samples | None]
    frame_shift: NotRequired[Seconds | None]
    num_samples: NotRequired[Samples | None]
    custom: NotRequired[dict[str, Any] | None]


class _Track(TypedDict):
    offset: NotRequired[Seconds]
    snr: NotRequired[float | None]
    tag: NotRequired[str | None]
    is_snr_reference: NotRequired[bool]
    mute: NotRequired[bool]


class _MonoTrack(_Track):
    type: Literal["MonoCut", "Cut"]
    cut: _MonoCut


class _MultiTrack(_Track):
    type: Literal["MultiCut"]
    cut: _MultiCut


class _PaddingTrack(_Track):
    type: Literal["PaddingCut"]
    cut: _PaddingCut


_AnyTrack = Annotated[_MonoTrack | _MultiTrack | _PaddingTrack, Discriminator("type")]


class _MixedCut(TypedDict):
    id: Id
    type: Literal["MixedCut"]
    tracks: Annotated[list[_AnyTrack], Field(min_length=1)]
    snr_reference: NotRequired[_AnyTrack | None]
    transforms: NotRequired[list[_Transform] | None]


CUT_ENTRY: TypeAdapter[Any] = TypeAdapter(
    Annotated[_TypedMonoCut | _TypedMultiCut | _MixedCut, Discriminator("type")],
    config=ConfigDict(strict=True, extra="allow", allow_inf_nan=False),
)
