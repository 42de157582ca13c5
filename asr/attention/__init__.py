"""Every attention mechanism; `contract.py` says what one is given, keeps and returns.

A new mechanism is one class in a file here, and one line in `ATTENTIONS`; its keyword arguments are
its configuration, and the tests of the contract cover it.
"""

from functools import partial

from asr.attention.additive import AdditiveAttention, LocationAttention
from asr.attention.contract import Attention
from asr.attention.coverage import CoverageAttention
from asr.attention.multi_head import MultiHeadAttention
from asr.attention.no_attention import NoAttention
from asr.attention.options import build_mechanism
from asr.attention.products import (
    CosineAttention,
    DotAttention,
    GeneralAttention,
    ScaledDotAttention,
)

ATTENTIONS: dict[str, type[Attention]] = {
    "none": NoAttention,
    "dot": DotAttention,
    "scaled_dot": ScaledDotAttention,
    "general": GeneralAttention,
    "cosine": CosineAttention,
    "additive": AdditiveAttention,
    "location": LocationAttention,
    "coverage": CoverageAttention,
    "multi_head": MultiHeadAttention,
}


build_attention = partial(build_mechanism, ATTENTIONS)  # (name, options, query_dim=, value_dim=)
