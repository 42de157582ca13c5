"""Log-mel features and their normalisation.

waveforms (B,N) --frames, window, FFT, mel filters, log--> (B,T,M) --mean and variance--> (B,T,M)
"""

import math

import torch
from torch import Tensor, nn

from asr.errors import ConfigError
from asr.spectra.edges import EDGES
from asr.spectra.filters import MEL_FILTERS
from asr.spectra.own_statistics import normalize_utterance

# The energy of 16-bit rounding noise in one bin is about 3e-8: nothing below it is speech.
ENERGY_FLOOR = 1e-7
# Frames that a CPU transforms at once, so that their spectra (5 kB each) stay in its cache.
PIECE = 1024
WINDOWS = {"hann": torch.hann_window, "hamming": torch.hamming_window}


def frame_mask(lengths: Tensor, num_frames: int) -> Tensor:
    """Returns a mask (B,T) that is True on real frames, from lengths (B,) in frames."""
    return torch.arange(num_frames, device=lengths.device) < lengths[:, None]


class LogMel(nn.Module):
    """Log-mel energies of waveforms, normalised.

    A frame lies wholly within its utterance, so padding never enters one; centred frames also see
    silence or its mirror image beyond it, wherever it lies in a batch. The statistics of `global`
    normalisation are buffers: they travel with the weights.

    Args:
        sample_rate: of the waveforms, in Hz.
        num_mels: mel filters (M), on the HTK scale.
        window: `hann` or `hamming`.
        window_seconds: its length.
        shift_seconds: from one frame to the next.
        low_hz: lower edge of the first filter.
        high_hz: upper edge of the last filter; None for half the sample rate.
        dither: standard deviation of Gaussian noise added while training, full scale being 1.
        preemphasis: coefficient of x[n] - a x[n-1] within a frame; 0 for none.
        fft_length: samples that are transformed; None for the next power of two.
        centered: whether a frame's middle, and not its start, lies at a whole number of shifts.
        edges: what centred frames see beyond an utterance: a name in `EDGES`.
        filters: a name in `MEL_FILTERS`.
        energy_floor: the least energy of a filter.
        scale: of energies: their natural `log`, or `decibels`.
        range_db: an utterance's loudest energy less so much is its least; None for no such bound.
        normalization: `global`, `utterance`, `utterance_mean` or `none`.

    Raises:
        ConfigError: the filters reach above half the sample rate, the window has no samples, or
            more than are transformed.
        InstallError: torchaudio, which knows the mel scale, does not import.
    """

    mean: Tensor
    deviation: Tensor
    window: Tensor
    filters: Tensor

    def __init__(
        self,
        sample_rate: int,
        *,
        num_mels: int = 80,
        window: str = "hann",
        window_seconds: float = 0.025,
        shift_seconds: float = 0.010,
        low_hz: float = 20.0,
        high_hz: float | None = None,
        dither: float = 0.0,
        preemphasis: float = 0.0,
        fft_length: int | None = None,
        centered: bool = False,
        edges: str = "silence",
        filters: str = "htk",
        energy_floor: float = ENERGY_FLOOR,
        scale: str = "log",
        range_db: float | None = None,
        normalization: str = "global",
    ) -> None:
        super().__init__()
        high_hz = sample_rate / 2 if high_hz is None else high_hz
        if not low_hz < high_hz <= sample_rate / 2:
            raise ConfigError(
                f"features.high_hz = {high_hz}: must be above low_hz = {low_hz} and at most half "
                f"the sample rate, {sample_rate / 2}"
            )
        self.num_mels = num_mels
        self.window_length = round(window_seconds * sample_rate)
        self.shift_length = round(shift_seconds * sample_rate)
        if self.window_length < 2 or self.shift_length < 1:
            raise ConfigError(
                f"features.window_seconds = {window_seconds}, shift_seconds = {shift_seconds}: "
                f"too short for {sample_rate} Hz; use 0.025 and 0.010"
            )
        self.fft_length = fft_length or 2 ** math.ceil(math.log2(self.window_length))
        if self.fft_length < self.window_length:
            raise ConfigError(
                f"features.fft_length = {fft_length}: must be at least the window's "
                f"{self.window_length} samples ({window_seconds} s at {sample_rate} Hz)"
            )
        self.centered, self.edges, self.energy_floor = centered, edges, energy_floor
        self.decibels, self.range_db = scale == "decibels", range_db
        self.dither, self.preemphasis, self.normalization = dither, preemphasis, normalization
        triangles = MEL_FILTERS[filters](
            self.fft_length // 2 + 1, low_hz, high_hz, num_mels, sample_rate
        )
        self.register_buffer("window", WINDOWS[window](self.window_length), persistent=False)
        self.register_buffer("filters", triangles, persistent=False)
        self.register_buffer("mean", torch.zeros(num_mels))
        self.register_buffer("deviation", torch.ones(num_mels))

    def num_frames(self, num_samples: Tensor) -> Tensor:
        """Returns the number of frames (B,) of waveforms with so many samples (B,); 0 if none."""
        # Centred, the first transform begins, and the last ends, half of one outside.
        within = self.fft_length % 2 if self.centered else self.window_length
        frames = 1 + (num_samples - within).div(self.shift_length, rounding_mode="floor")
        return frames.clamp(min=0)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns normalised features (B,T,M), 0 on padding, and lengths (B,) in frames.

        Args:
            waveforms: (B,N) float32 in [-1, 1].
            lengths: (B,) samples of each.
        """
        features, lengths = self.log_mel(waveforms, lengths)
        mask = frame_mask(lengths, features.size(1))[..., None]  # (B,T,1)
        if self.normalization.startswith("utterance"):
            variance = self.normalization == "utterance"
            features = normalize_utterance(features, mask, variance=variance)
        elif self.normalization == "global":
            features = (features - self.mean) / self.deviation
        return features.masked_fill(~mask, 0.0), lengths

    def log_mel(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns log-mel energies (B,T,M) before normalisation, and lengths (B,) in frames."""
        num_frames = self.num_frames(lengths)
        with torch.autocast(waveforms.device.type, enabled=False):
            energies = self._energies(waveforms, lengths).log()
            if self.decibels:
                energies = energies * (10 / math.log(10))
            if self.log_range is not None:
                mask = frame_mask(num_frames, energies.size(1))[..., None]
                loudest = energies.masked_fill(~mask, -math.inf).amax(dim=(1, 2), keepdim=True)
                energies = energies.maximum(loudest - self.log_range)
        return energies, num_frames

    @property
    def log_range(self) -> float | None:
        """How far below the loudest energy the least one lies, on the scale that is used."""
        to_scale = 1 if self.decibels else math.log(10) / 10
        return None if self.range_db is None else self.range_db * to_scale

    @property
    def margin(self) -> int:
        """How many samples a window that is centred on the first sample sees before it."""
        return self.fft_length // 2 - (self.fft_length - self.window_length) // 2

    def _energies(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        if self.centered:
            waveforms = self._with_edges(waveforms, lengths)
        if waveforms.size(1) < self.window_length:
            waveforms = nn.functional.pad(waveforms, (0, self.window_length - waveforms.size(1)))
        if self.training and self.dither > 0:
            waveforms = waveforms + self.dither * torch.randn_like(waveforms)
        frames = waveforms.unfold(1, self.window_length, self.shift_length)  # (B,T,W)
        is_on_cpu = frames.device.type == "cpu"
        size = max(1, PIECE // max(1, len(frames))) if is_on_cpu else frames.size(1)
        pieces = [self._filter(piece) for piece in frames.split(size, dim=1)]
        return torch.cat(pieces, dim=1).clamp(min=self.energy_floor)

    def _with_edges(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Returns waveforms (B,N') in which the first window's middle is the first sample."""
        [num_frames] = self.num_frames(lengths.new_tensor([waveforms.size(1)])).tolist()
        needed = max(0, num_frames - 1) * self.shift_length + self.window_length
        after = needed - self.margin - waveforms.size(1)
        return EDGES[self.edges](waveforms, lengths, (self.margin, after))

    def _filter(self, frames: Tensor) -> Tensor:
        """Returns mel energies (B,T,M) of frames (B,T,W)."""
        if self.preemphasis > 0:
            before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
            frames = frames - self.preemphasis * before
        spectrum = torch.fft.rfft(frames * self.window, n=self.fft_length)  # (B,T,F)
        return (spectrum.real.square() + spectrum.imag.square()) @ self.filters

    def set_statistics(self, mean: Tensor, deviation: Tensor) -> None:
        """Stores the mean (M,) and standard deviation (M,) that `global` normalisation uses."""
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.clamp(min=1e-3))
