"""What an options file says of everything before a selection method: `--config` of a command, MIG_OPTIONS of runs.

A profile gives the defaults: `cpu` needs no server, no download and no GPU; `gpu` names the models of the papers. What
the file says of a section takes the place of the profile's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from mig_dagster.annotations.model_files import MINILM
from mig_dagster.annotations.models.specification import ModelSpec
from mig_dagster.annotations.tagging.endpoint_spec import EndpointSpec
from mig_dagster.stages.label_space import VocabularyOptions
from mig_dagster.stages.subset import MAX_NULL_SHARE

STRICT = ConfigDict(extra="forbid")
"""A misspelt name is an error and no default."""

Device = Annotated[str, Field(pattern=r"^(cpu|mps|cuda(:\d+)?)$")]
"""A torch device."""

CPU_BATCH_TOKENS, GPU_BATCH_TOKENS = 4_096, 65_536


@dataclass(frozen=True)
class ModelOptions:
    """A model of transformers.

    Attributes:
        model: a Hub id or a folder.
        revision: on the Hub, a branch, tag or commit; None is the default branch.
        device: a torch device; None is that of the whole file.
        dtype: of the weights and of what is computed; None is float32 on a CPU, else bfloat16.
        attention: how transformers computes it; None is the fastest that the architecture has.
        quantisation: weights in 8 or 4 bits through bitsandbytes; None leaves them as they are.
        trust_remote_code: run code that lies beside the model's weights.
        batch_tokens: of one batch, padding included, halved when memory runs out; None is 4,096 on a CPU, else 65,536.
        max_tokens: longer texts are cut, and flagged; a model with a lower limit keeps its own.
    """

    __pydantic_config__ = STRICT

    model: str
    revision: str | None = None
    device: Device | None = None
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    attention: Literal["sdpa", "eager", "flash_attention_2"] | None = None
    quantisation: Literal["int8", "int4"] | None = None
    trust_remote_code: bool = False
    batch_tokens: int | None = None
    max_tokens: int = 2048

    def spec(self, device: str) -> ModelSpec:
        """Return the model as it runs on `device`, where the section does not say where."""
        return _spec(self, self.device or device, "bfloat16")


@dataclass(frozen=True)
class EncoderOptions:
    """A sentence encoder.

    Attributes:
        model: a Hub id or a folder.
        revision: on the Hub, a branch, tag or commit; None is the default branch.
        device: a torch device; None is that of the whole file.
        dtype: of the weights and of what is computed; None is float32 on a CPU, else float16.
        attention: how transformers computes it; None is the fastest that the architecture has.
        quantisation: weights in 8 or 4 bits through bitsandbytes; None leaves them as they are.
        trust_remote_code: run code that lies beside the model's weights.
        batch_tokens: of one batch, padding included, halved when memory runs out; None is 4,096 on a CPU, else 65,536.
        max_tokens: longer texts are cut; a model with a lower limit keeps its own.
    """

    __pydantic_config__ = STRICT

    model: str = MINILM
    revision: str | None = None
    device: Device | None = None
    dtype: Literal["float32", "bfloat16", "float16"] | None = None
    attention: Literal["sdpa", "eager", "flash_attention_2"] | None = None
    quantisation: Literal["int8", "int4"] | None = None
    trust_remote_code: bool = False
    batch_tokens: int | None = None
    max_tokens: int = 256

    def spec(self, device: str) -> ModelSpec:
        """Return the model as it runs on `device`, where the section does not say where."""
        return _spec(self, self.device or device, "float16")


def _spec(options: ModelOptions | EncoderOptions, device: str, on_gpu: Literal["bfloat16", "float16"]) -> ModelSpec:
    on_cpu = device == "cpu"
    return ModelSpec(
        options.model,
        options.revision,
        device,
        options.dtype or ("float32" if on_cpu else on_gpu),
        options.attention,
        options.quantisation,
        options.trust_remote_code,
        options.batch_tokens or (CPU_BATCH_TOKENS if on_cpu else GPU_BATCH_TOKENS),
        options.max_tokens,
    )


@dataclass(frozen=True)
class TagOptions:
    """Where tags come from when rows do not bring them.

    Attributes:
        tagger: `nearest_label` takes the labels of a vocabulary nearest to the question, `instagger` asks the model,
            `endpoint` a server.
        model: InsTagger, or one trained as it was; `instagger` needs it.
        prompt: of `instagger`: `A` is the paper's template, `B` the Vicuna wrapping.
        endpoint: server and model of `endpoint`, which needs them.
    """

    __pydantic_config__ = STRICT

    tagger: Literal["nearest_label", "instagger", "endpoint"] = "nearest_label"
    model: ModelOptions | None = None
    prompt: Literal["A", "B"] = "B"
    endpoint: EndpointSpec | None = None


@dataclass(frozen=True)
class QualityOptions:
    """The scale of the scores: one for the whole pool.

    Attributes:
        scorer: `lexical`, `deita`, `iqs`, `reward`, `constant`, `tag_count`, or imported:<column>.
        aggregation: of the turns of a row: `turn_mean` is MIG's, `turn_sum` DEITA's.
        complexity_model: of `deita`, together with `quality_model`; without the two only imported scores count.
        quality_model: of `deita`.
        model: of `iqs` and `reward`.
    """

    __pydantic_config__ = STRICT

    scorer: str = "lexical"
    aggregation: Literal["turn_mean", "turn_sum"] = "turn_mean"
    complexity_model: ModelOptions | None = None
    quality_model: ModelOptions | None = None
    model: ModelOptions | None = None


@dataclass(frozen=True)
class EmbeddingOptions:
    """What of a row is embedded, and by what.

    Attributes:
        text: `instruction` is what the user says, `conversation` what all say, `vicuna` and `car` the whole row as
            DEITA and CaR write it.
        model: a causal language model; None is the encoder.
        pooling: of a causal model: the state of its last token, or the mean over all.
        stored_as: `float16` halves what is stored, and keeps three digits.
    """

    __pydantic_config__ = STRICT

    text: Literal["instruction", "conversation", "vicuna", "car"] = "instruction"
    model: ModelOptions | None = None
    pooling: Literal["last_token", "mean"] = "last_token"
    stored_as: Literal["float32", "float16"] = "float32"


@dataclass(frozen=True)
class IfdOptions:
    """How an answer is put after its question for the language model.

    Attributes:
        template: `plain` is Superfiltering's, `alpaca` Cherry's, `chat` the model's own chat template.
        span: how the answer's tokens are found: `offsets` by its characters, `reference` as the references count them.
        imported_model: whose ratios rows bring, as `openai-community/gpt2`: their files do not say; None computes all.
    """

    __pydantic_config__ = STRICT

    template: Literal["plain", "alpaca", "chat"] = "plain"
    span: Literal["offsets", "reference"] = "offsets"
    imported_model: str | None = None


@dataclass(frozen=True)
class IndicatorOptions:
    """Models of InstructMining's indicators.

    Attributes:
        reward_model: gives `rew`; None takes the lexical score.
        dialogue_model: UniEval, gives `nat`, `coh` and `und`; None leaves them out.
    """

    __pydantic_config__ = STRICT

    reward_model: ModelOptions | None = None
    dialogue_model: ModelOptions | None = None


@dataclass(frozen=True)
class TokenOptions:
    """Whose tokens are counted, and how a row is written for it.

    Attributes:
        tokenizer: a folder or a Hub id; None is the sentence encoder's.
        revision: on the Hub, a branch, tag or commit; None is the default branch.
        template: `model` is the tokenizer's own chat template, as a trainer applies it; `none` counts what a row says
            and no marks.
    """

    __pydantic_config__ = STRICT

    tokenizer: str | None = None
    revision: str | None = None
    template: Literal["model", "none"] = "none"

    def __post_init__(self) -> None:
        """Refuse what names no tokenizer before an hour of annotation."""
        if self.tokenizer is None and (self.revision is not None or self.template != "none"):
            raise ValueError(
                "token_counts.revision and token_counts.template need token_counts.tokenizer: name the tokenizer of "
                "the model that is trained"
            )


@dataclass(frozen=True)
class GraphOptions:
    """How alike two labels must be to share information: one of the two at most; neither is a mean degree of 4.

    Attributes:
        threshold: the least cosine of an edge; depends on the encoder, 0.9 is that of e5-mistral.
        target_mean_degree: edges that a label has on average; the threshold follows.
    """

    __pydantic_config__ = STRICT

    threshold: float | None = None
    target_mean_degree: float | None = None

    def __post_init__(self) -> None:
        """Refuse both before an hour of annotation."""
        if self.threshold is not None and self.target_mean_degree is not None:
            raise ValueError("threshold and target_mean_degree exclude each other: leave one of them out")

    def chosen(self) -> dict[str, float | None]:
        """Return the two arguments of the graph; a mean degree of 4, which suits any encoder, when neither is set."""
        neither = self.threshold is None and self.target_mean_degree is None
        return {"threshold": self.threshold, "target_mean_degree": 4.0 if neither else self.target_mean_degree}


@dataclass(frozen=True)
class ExportOptions:
    """For whom the asset `subset_export` writes a subset, and which rows it may lose.

    Attributes:
        formats: for whom, beside the subset's own files: names as `mig-dagster export --to` takes them; each gets a
            folder.
        may_leave_out: reasons, as `mig-dagster check-export` names them (`turn_order`), for which trainers may lose
            rows; a row lost for another reason keeps the export from being published.
    """

    __pydantic_config__ = STRICT

    formats: tuple[str, ...] = ("llama-factory", "trl")
    may_leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class PoolOptions:
    """Everything before the method, and the export; the sections have the names of the assets they configure.

    Attributes:
        profile: whose defaults hold; a name in `PROFILES`.
        device: of models that name none: `auto` is the first CUDA device, else the CPU.
        encoder: of tags, rows and, where there is no `label_encoder`, labels.
        label_encoder: of labels alone.
        tag_vocabulary: a JSON list of the labels that `nearest_label` gives; None is the one that is shipped.
        tags: where tags come from.
        quality_scores: which scorer, and its models.
        row_embeddings: which text, and its model.
        language_model: of `ifd_scores` and the indicator `ppl`; None is the pool's own.
        ifd_scores: how answers are put to the language model.
        indicators: which models.
        token_counts: whose tokens.
        label_vocabulary: how tags become labels.
        label_graph: which labels are alike.
        subset_export: for whom a subset is written; commands are told themselves.
        max_null_share: of the pool, that may lack a signal that the method reads; above it choosing is an error.
        max_gpu_hours: automation holds a discovered source whose annotation would take longer on a GPU, if the
            registry sets no other limit for it; None is no limit.
        accept_mixed_annotators: choose from a pool in which two annotators give one signal.
    """

    __pydantic_config__ = STRICT

    profile: Literal["cpu", "gpu"] = "cpu"
    device: Literal["auto"] | Device = "auto"
    encoder: EncoderOptions = field(default_factory=EncoderOptions)
    label_encoder: EncoderOptions | None = None
    tag_vocabulary: str | None = None
    tags: TagOptions = field(default_factory=TagOptions)
    quality_scores: QualityOptions = field(default_factory=QualityOptions)
    row_embeddings: EmbeddingOptions = field(default_factory=EmbeddingOptions)
    language_model: ModelOptions | None = None
    ifd_scores: IfdOptions = field(default_factory=IfdOptions)
    indicators: IndicatorOptions = field(default_factory=IndicatorOptions)
    token_counts: TokenOptions = field(default_factory=TokenOptions)
    label_vocabulary: VocabularyOptions = field(default_factory=VocabularyOptions)
    label_graph: GraphOptions = field(default_factory=GraphOptions)
    subset_export: ExportOptions = field(default_factory=ExportOptions)
    max_null_share: float = MAX_NULL_SHARE
    max_gpu_hours: Annotated[float, Field(ge=0)] | None = None
    accept_mixed_annotators: bool = False


PROFILES: Mapping[str, Mapping[str, Any]] = {
    "cpu": {},
    "gpu": {
        "encoder": {"model": "sentence-transformers/all-mpnet-base-v2", "max_tokens": 384},
        "label_encoder": {"model": "intfloat/e5-mistral-7b-instruct", "batch_tokens": 16_384},
        "label_graph": {"threshold": 0.9},
        "tags": {"tagger": "instagger", "model": {"model": "OFA-Sys/InsTagger"}},
        "quality_scores": {
            "scorer": "deita",
            "complexity_model": {"model": "hkust-nlp/deita-complexity-scorer"},
            "quality_model": {"model": "hkust-nlp/deita-quality-scorer"},
        },
        "language_model": {"model": "openai-community/gpt2", "max_tokens": 1024},
        "indicators": {
            "reward_model": {"model": "OpenAssistant/reward-model-deberta-v3-large-v2", "dtype": "float32"},
            "dialogue_model": {"model": "MingZhong/unieval-dialog", "dtype": "float32", "max_tokens": 1024},
        },
        "max_gpu_hours": 0.0,
    },
}
"""What a profile sets; models as the papers name them, Superfiltering's GPT-2 for IFD.

The models of indicators are small, and bfloat16 would leave three digits of the numbers they give: float32."""


def with_profile(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an options file's content over the defaults of its profile; a section is replaced name by name.

    Raises:
        ValueError: there is no such profile.
    """
    profile = document.get("profile", "cpu")
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}, got {profile!r}")
    return _over(PROFILES[profile], document)


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        there = merged.get(name)
        merges = isinstance(there, Mapping) and isinstance(value, Mapping) and not _is_another(value)
        merged[name] = _over(there or {}, value) if merges else value
    return merged


def _is_another(section: Mapping[str, Any]) -> bool:
    """Say whether a section names a model or a way: it then has nothing in common with the profile's."""
    return isinstance(section.get("model"), str) or bool(_WAYS & section.keys())


_WAYS = {"tagger", "scorer", "threshold", "target_mean_degree"}
