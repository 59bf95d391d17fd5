"""Which model, and how it is run."""

from dataclasses import dataclass
from typing import Any, Literal

DTYPES = ("float32", "bfloat16", "float16")
ATTENTION = ("sdpa", "eager", "flash_attention_2")
QUANTISATIONS = ("int8", "int4")


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and everything that changes what it says or how fast.

    Attributes:
        model: a folder, or a Hugging Face id.
        revision: Hub branch, tag or commit; None is the default branch.
        device: torch device, such as "cpu" or "cuda:0".
        dtype: of the weights and of all that is computed but losses and probabilities, which are float32.
        attention: how transformers computes attention; None is the fastest that comes with torch and the architecture
            has: sdpa, or eager where there is none (DeBERTa).
        quantisation: None, or weights in 8 or 4 bits through bitsandbytes.
        trust_remote_code: run code that lies beside the model's weights.
        batch_tokens: tokens in one batch, padding included; halved when memory runs out.
        max_tokens: longer sequences are cut, each annotator says where; a model with a lower limit keeps its own.

    Raises:
        ValueError: a value is out of range.
    """

    model: str
    revision: str | None = None
    device: str = "cpu"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    attention: Literal["sdpa", "eager", "flash_attention_2"] | None = None
    quantisation: Literal["int8", "int4"] | None = None
    trust_remote_code: bool = False
    batch_tokens: int = 4096
    max_tokens: int = 2048

    def __post_init__(self) -> None:
        """Refuse values that no model runs with."""
        for name, value, known in (
            ("dtype", self.dtype, DTYPES),
            ("attention", self.attention, (None, *ATTENTION)),
            ("quantisation", self.quantisation, (None, *QUANTISATIONS)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(map(str, known))}, got {value!r}")
        for name, number in (("batch_tokens", self.batch_tokens), ("max_tokens", self.max_tokens)):
            if number < 1:
                raise ValueError(f"{name} must be at least 1, got {number}")

    def parameters(self) -> dict[str, Any]:
        """Return what a fingerprint holds beside model and revision: what changes values, as JSON values."""
        return {
            "dtype": self.dtype,
            "quantisation": self.quantisation,
            "max_tokens": self.max_tokens,
            **({"trust_remote_code": True} if self.trust_remote_code else {}),
        }
