"""From options to annotators: what gives each signal, over models that are loaded at first use and shared."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.embeddings import CausalEmbedder, Embedder, embed_rows
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.ifd import Perplexity, ifd_rows
from mig_dagster.annotations.imports import COLUMN_SCORER, ifd_imports, imported_first
from mig_dagster.annotations.indicators import (
    Indicator,
    Mtld,
    Reward,
    TokenLength,
    UniEval,
    UniEvalModel,
    indicator_rows,
)
from mig_dagster.annotations.indicators.unieval import AUTO_CLASS as UNIEVAL_CLASS
from mig_dagster.annotations.models import CausalLanguageModel
from mig_dagster.annotations.models.shelf import ModelShelf
from mig_dagster.annotations.quality import (
    SCORERS,
    ConstantScorer,
    DeitaScorer,
    ImportedScorer,
    IqsModel,
    IqsScorer,
    LexicalScorer,
    RewardModel,
    RewardScorer,
    Scorer,
    TagCountScorer,
    score_rows,
)
from mig_dagster.annotations.quality.reward import AUTO_CLASS as REWARD_CLASS
from mig_dagster.annotations.scoring import OnTokens
from mig_dagster.annotations.tagging import EndpointTagger, InsTagger, NearestLabelTagger, Tagger, tag_rows
from mig_dagster.annotations.token_counts import TokenCounter
from mig_dagster.annotations.tokens import COLUMNS as TOKEN_COLUMNS
from mig_dagster.annotations.tokens import RowTokenizer, RowTokens, token_rows
from mig_dagster.annotations.vocabulary import load_vocabulary
from mig_dagster.stages.annotate import AnnotateRows
from mig_dagster.stages.pool_options import ModelOptions, PoolOptions
from mig_dagster.stages.row_signals import NEIGHBOUR

IFD_COLUMNS = ("ifd_loss", "ifd_ppl", "loss_conditioned", "loss_alone", "ppl", "answer_tokens", "truncated")

INDICATORS = ("len", "output_len", "mtld", "rew", "ppl")
"""What is measured of every row in any profile."""
DIALOGUE_INDICATORS = ("nat", "coh", "und")


@dataclass(frozen=True)
class Signal:
    """One signal, ready to be made.

    Attributes:
        columns: its values.
        annotate: what gives them.
        info: what a version of it keeps beside its counts.
    """

    columns: Sequence[str]
    annotate: AnnotateRows
    info: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Annotators:
    """The annotators that some options ask for.

    Attributes:
        options: which.
        shelf: holds their models.
        cache: what they said before is not computed again.
        device: torch device of models whose section names none.
        pool_language_model: gives the folder of the pool's own language model, asked only where the options name none.
        progress: told how far a model has come.
    """

    options: PoolOptions
    shelf: ModelShelf
    cache: FragmentCache
    device: str
    pool_language_model: Callable[[], Path]
    progress: OnTokens | None = None

    def signal(self, name: str) -> Signal:
        """Return a signal of `row_signals.SIGNALS`; no model is loaded for it.

        Raises:
            ValueError: the options ask for an annotator without saying what it needs.
        """
        made: Signal = getattr(self, f"_{name}")()
        return made

    @property
    def encoder(self) -> SentenceEncoder:
        """The sentence encoder of tags and rows."""
        return self.shelf.sentence_encoder(self.options.encoder.spec(self.device))

    @property
    def label_encoder(self) -> SentenceEncoder:
        """The sentence encoder of labels."""
        return self.shelf.sentence_encoder((self.options.label_encoder or self.options.encoder).spec(self.device))

    @cached_property
    def language_model(self) -> CausalLanguageModel:
        """The model of `ifd_scores` and `ppl`."""
        options = self.options.language_model or ModelOptions(str(self.pool_language_model()))
        return self._causal(options)

    def _tags(self) -> Signal:
        return Signal(["tags"], partial(tag_rows, tagger=self._tagger, cache=self.cache, progress=self.progress))

    def _quality_scores(self) -> Signal:
        asked = self.options.quality_scores
        score = partial(
            score_rows,
            scorer=self._scorer,
            aggregation=asked.aggregation,
            cache=self.cache,
            progress=self.progress,
        )
        return Signal(["score"], score, {"scale": f"{asked.scorer}, {asked.aggregation}"})

    def _ifd_scores(self) -> Signal:
        asked = self.options.ifd_scores
        score = partial(
            ifd_rows,
            model=self.language_model,
            template=asked.template,
            span=asked.span,
            cache=self.cache,
            progress=self.progress,
        )
        imports = ifd_imports(asked.imported_model)
        return Signal(IFD_COLUMNS, partial(imported_first, imports=imports, rest=score, cache=self.cache))

    def _indicators(self) -> Signal:
        measured = self._measured
        measure = partial(indicator_rows, indicators=measured, cache=self.cache, progress=self.progress)
        return Signal([indicator.name for indicator in measured], measure)

    def _row_embeddings(self) -> Signal:
        asked = self.options.row_embeddings
        embed = partial(
            embed_rows,
            embedder=self._embedder,
            cache=self.cache,
            text=asked.text,
            stored_as=asked.stored_as,
            progress=self.progress,
        )
        return Signal(["embedding"], embed)

    def _token_counts(self) -> Signal:
        asked, encoder = self.options.token_counts, self.options.encoder
        named = (encoder.model, encoder.revision) if asked.tokenizer is None else (asked.tokenizer, asked.revision)
        counter = RowTokens(RowTokenizer(*named), asked.template)
        return Signal(list(TOKEN_COLUMNS), partial(token_rows, counter=counter, cache=self.cache))

    @property
    def _tagger(self) -> Tagger:
        asked = self.options.tags
        if asked.tagger == "instagger":
            return InsTagger(self._causal(_given(asked.model, "tags.model", "instagger", _BY_PROFILE)), asked.prompt)
        if asked.tagger == "endpoint":
            return EndpointTagger(_given(asked.endpoint, "tags.endpoint", "endpoint"))
        path = self.options.tag_vocabulary
        return NearestLabelTagger(self.encoder, load_vocabulary(Path(path) if path else None))

    @property
    def _scorer(self) -> Scorer:
        asked = self.options.quality_scores
        if asked.scorer not in SCORERS and not asked.scorer.startswith(COLUMN_SCORER):
            raise ValueError(
                f"quality_scores.scorer must be one of {', '.join(SCORERS)} or imported:<column>, got {asked.scorer!r}"
            )
        made = _SCORERS.get(asked.scorer)
        return ImportedScorer(asked.scorer) if made is None else made(self)

    def _deita(self) -> Scorer:
        asked = self.options.quality_scores
        if asked.complexity_model is None and asked.quality_model is None:
            return ImportedScorer("deita")
        models = (
            _given(asked.complexity_model, "quality_scores.complexity_model", "deita", _BY_PROFILE),
            _given(asked.quality_model, "quality_scores.quality_model", "deita", _BY_PROFILE),
        )
        return DeitaScorer(*map(self._causal, models))

    def _iqs(self) -> Scorer:
        model = self.options.quality_scores.model
        return ImportedScorer("iqs") if model is None else IqsScorer(self.shelf.hold(IqsModel(model.spec(self.device))))

    def _reward(self) -> Scorer:
        return self._reward_scorer(_given(self.options.quality_scores.model, "quality_scores.model", "reward"))

    def _tag_count(self) -> Scorer:
        return TagCountScorer(self._tags().annotate, self._tagger.annotator)

    def _reward_scorer(self, model: ModelOptions) -> Scorer:
        return RewardScorer(RewardModel(self.shelf.pretrained(model.spec(self.device), REWARD_CLASS)))

    @property
    def _embedder(self) -> Embedder:
        asked = self.options.row_embeddings
        return self.encoder if asked.model is None else CausalEmbedder(self._causal(asked.model), asked.pooling)

    @property
    def _measured(self) -> list[Indicator]:
        """The indicators that the models at hand can measure."""
        asked, model = self.options.indicators, self.language_model
        ifd = self.options.ifd_scores
        counter = TokenCounter(model)
        reward = None if asked.reward_model is None else self._reward_scorer(asked.reward_model)
        measured: list[Indicator] = [
            TokenLength("len", counter),
            TokenLength("output_len", counter),
            Mtld(),
            Reward(reward),
            Perplexity(model, template=ifd.template, span=ifd.span),
        ]
        if asked.dialogue_model is None:
            return measured
        dialogue = UniEvalModel(self.shelf.pretrained(asked.dialogue_model.spec(self.device), UNIEVAL_CLASS))
        return [*measured, *(UniEval(name, dialogue) for name in DIALOGUE_INDICATORS)]

    def _causal(self, model: ModelOptions) -> CausalLanguageModel:
        return self.shelf.causal(model.spec(self.device))


def check_indicators(asked: Collection[str], options: PoolOptions) -> None:
    """Refuse a rule of InstructMining before an hour of annotation.

    Args:
        asked: the indicators that it reads.
        options: say which models there are.

    Raises:
        ValueError: one of them is measured by no model of the options.
    """
    there = {*INDICATORS, *(() if options.indicators.dialogue_model is None else DIALOGUE_INDICATORS)}
    lacking = sorted(name for name in asked if name not in there and not NEIGHBOUR.fullmatch(name))
    if lacking:
        raise ValueError(
            f"the rule reads {', '.join(lacking)}, which nothing measures here: set indicators.dialogue_model for nat, "
            f"coh and und, or take a rule over {', '.join([*sorted(there), 'knn_6'])}"
        )


_SCORERS: Mapping[str, Callable[[Annotators], Scorer]] = {
    "lexical": lambda _: LexicalScorer(),
    "constant": lambda _: ConstantScorer(),
    "deita": Annotators._deita,
    "iqs": Annotators._iqs,
    "reward": Annotators._reward,
    "tag_count": Annotators._tag_count,
}

_T = TypeVar("_T")


_BY_PROFILE = ", or take the profile `gpu`"


def _given(value: _T | None, name: str, needs: str, otherwise: str = "") -> _T:
    if value is None:
        raise ValueError(f"{name} must say which for {needs!r}: set it in the options file{otherwise}")
    return value
