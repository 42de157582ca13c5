"""What the recognizer hears of a recording, drawn: its log-mel features."""

import math
from pathlib import Path

import torch
from torch import Tensor

from asr.audio.files import read_audio
from asr.config import Config
from asr.errors import DataError
from asr.features import LogMel
from asr.pictures.plots import DOTS_PER_INCH, check_picture, plot_log_mel

DECIBELS = 10 / math.log(10)  # in one unit of a natural logarithm of energy
MAX_SECONDS = 60.0  # more frames than that would be narrower than the picture's dots


@torch.inference_mode()
def draw_features(config: Config, audio: str | Path, path: Path) -> None:
    """Draws the log-mel features of a recording, before their normalisation.

    Args:
        config: whose sampling rate and features they are.
        audio: any file that libsndfile reads, of at most MAX_SECONDS.
        path: of the picture: .png, .svg or .pdf.

    Raises:
        DataError: the audio cannot be read or is too short or long, or the picture cannot be
            written, or its suffix is another.
    """
    check_picture(path)
    waveform = torch.from_numpy(read_audio(audio, config.sample_rate))
    draw_waveform(config, waveform, path, title=Path(audio).name, where=str(audio))


@torch.inference_mode()
def draw_waveform(
    config: Config,
    samples: Tensor,
    path: Path,
    *,
    title: str,
    where: str = "",
    dpi: int = DOTS_PER_INCH,
) -> None:
    """Draws the log-mel features of a waveform (N,), as `draw_features` does of a recording.

    Args:
        config: see `draw_features`.
        samples: float32 in [-1, 1], at the configuration's rate.
        path: see `draw_features`.
        title: above the picture.
        where: what an error names; the title, where it is empty.
        dpi: dots per inch.

    Raises:
        DataError: see `draw_features`.
    """
    waveform = samples[None]
    seconds = waveform.size(1) / config.sample_rate
    layer = LogMel(config.sample_rate, **config.features.model_dump()).eval()
    features, lengths = layer.log_mel(waveform, torch.tensor([waveform.size(1)]))
    if not (int(lengths[0]) and seconds <= MAX_SECONDS):
        raise DataError(
            f"{where or title}: {seconds:.2f} s cannot be drawn; must be at least one window of "
            f"{config.features.window_seconds} s and at most {MAX_SECONDS:.0f} s (cut it)"
        )
    plot_log_mel(
        (1.0 if layer.decibels else DECIBELS) * features[0].numpy(),
        path,
        title=title,
        dpi=dpi,
        seconds_per_frame=layer.shift_length / config.sample_rate,
        hz=(config.features.low_hz, config.features.high_hz or config.sample_rate / 2),
    )
