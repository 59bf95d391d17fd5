"""What the pool's own language model learns in its minute, on real conversations, and whether IFD by it says anything.

Run: OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive python benchmarks/pool_language_model.py [--rows-per-source 120]
Writes pool_language_model.json beside this file. Needs a folder `shared` beside the checkout.

- Training on a sample of all its sources: seconds, and perplexity of held-out conversations against a unigram model of
  the same tokens.
- Places in a text behind the length of the training sequences: the loss there when everything before is read, against
  that when only the last 128 to 256 tokens are.
- IFD (ratio of perplexities) of answers behind their own instruction, and behind another row's: from the same source,
  so that neither topic nor format nor language gives the pair away, and from any. The share of rows where the wrong
  instruction gives the higher IFD is 50 % for a model that reads no instruction.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from measuring import cpu_seconds, record

from mig_dagster.annotations import FragmentCache, Row
from mig_dagster.annotations.ifd import ifd_rows
from mig_dagster.annotations.models import CausalLanguageModel, ModelSpec
from mig_dagster.annotations.pretraining import TrainingSettings, split_held_out
from mig_dagster.conversation import Conversation, from_dicts
from mig_dagster.pool.ingest import ingest
from mig_dagster.sources import Source, resolve
from mig_dagster.stages.pool_language_model import language_model_folder, sample_texts, train_pool_language_model
from mig_dagster.storage import Lake, Store

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LEFT_OUT = ("derived", "oda_example_input_scored", ".md")
"""What repeats other files of the folder, and what holds no conversations."""
FIELDS = {"train": "gsm8k"}
"""Better names for sources whose file says little."""
Z = 1.96


def read_all(lake: Lake) -> pl.LazyFrame:
    """Read every file of the folder as a source of its own."""
    files = [path for path in sorted(DATA.rglob("*.*")) if not any(part in str(path) for part in LEFT_OUT)]
    for path in files:
        stem = path.name.split(".")[0].lower()
        source = Source(FIELDS.get(stem, stem), str(path))
        lake.publish(ingest(source, resolve(source), lake))
    return lake.scan("raw_pool", lake.partitions("raw_pool"))


def single_turns(raw_pool: pl.LazyFrame, most: int) -> dict[str, list[Conversation]]:
    """Return of each source up to `most` distinct rows of one question and one answer, drawn by row id."""
    rows = raw_pool.unique("row_id").sort("row_id").select("source", "messages").collect()
    found: dict[str, list[Conversation]] = {}
    for source, messages in rows.iter_rows():
        conversation = from_dicts(messages)
        asked, *answers = conversation.messages
        single = asked.role == "user" and len(answers) == 1 and answers[0].role == "assistant"
        if single and all(message.content.strip() for message in conversation.messages):
            found.setdefault(source, []).append(conversation)
    return {source: given[:most] for source, given in sorted(found.items()) if len(given) >= 20}


def behind(answers: list[Conversation], asked: list[Conversation]) -> list[Conversation]:
    """Return each answer behind another row's question."""
    pairs = zip(asked, answers, strict=True)
    return [Conversation((one.messages[0], other.messages[1])) for one, other in pairs]


def rotated(given: list[Any]) -> list[Any]:
    """Return a list in which nothing is where it was."""
    return [*given[1:], given[0]]


def ifd(model: CausalLanguageModel, given: list[Conversation], cache: FragmentCache) -> np.ndarray:
    """Return ifd_ppl, (n,), NaN where a row has none."""
    named = [Row(conversation.row_id, conversation) for conversation in given]
    scored = ifd_rows(named, model, cache=cache)
    values = dict(zip(scored.row_ids, np.asarray(scored.values["ifd_ppl"]), strict=True))
    return np.array([values[row.row_id] for row in named])


def share_above(wrong: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Return for how many rows the wrong question gives a higher IFD than the true one, ties counted as half."""
    there = np.isfinite(wrong) & np.isfinite(true)
    higher = (wrong[there] > true[there]) + 0.5 * (wrong[there] == true[there])
    n, share = int(there.sum()), float(higher.mean())
    return {
        "rows": n,
        "share_higher": round(share, 4),
        "plus_minus": round(Z * float(np.sqrt(share * (1 - share) / n)), 4),
    }


def shuffled(model: CausalLanguageModel, given: dict[str, list[Conversation]], cache: FragmentCache) -> dict[str, Any]:
    """Compare IFD behind true and behind wrong questions."""
    answers = [row for rows in given.values() for row in rows]
    sources = np.array([source for source, rows in given.items() for _ in rows])
    true = ifd(model, answers, cache)
    within = ifd(model, behind(answers, [row for rows in given.values() for row in rotated(rows)]), cache)
    order = np.random.default_rng(0).permutation(len(answers))
    asked: list[Any] = [None] * len(answers)
    for at, other in zip(order, rotated(order.tolist()), strict=True):
        asked[at] = answers[other]
    across = ifd(model, behind(answers, asked), cache)
    by_source = {source: share_above(within[sources == source], true[sources == source]) for source in given}
    return {
        "median_ifd_ppl": {"true": median(true), "wrong_of_its_source": median(within), "wrong_of_any": median(across)},
        "wrong_of_its_source": share_above(within, true),
        "wrong_of_any_source": share_above(across, true),
        "wrong_of_its_source_by_source": by_source,
    }


def median(values: np.ndarray) -> float:
    """Return the median of what is there."""
    return round(float(np.nanmedian(values)), 4)


def later_places(model: CausalLanguageModel, texts: list[str], trained: int) -> dict[str, Any]:
    """Compare the loss at places behind the training length with and without the text far before them."""
    whole: dict[str, list[float]] = {}
    near: dict[str, list[float]] = {}
    for text in texts:
        ids = model.tokenizer(text).input_ids[:2048]
        if len(ids) <= 2 * trained:
            continue
        (losses,) = model.losses([ids], [[False, *[True] * (len(ids) - 1)]])
        for start in range(2 * trained, len(ids), trained // 2):
            end = min(start + trained // 2, len(ids))
            part = [ids[0], *ids[start - trained // 2 : end]]
            (windowed,) = model.losses([part], [[False] * (1 + trained // 2) + [True] * (end - start)])
            place = "512 to 1023" if start < 1024 else "1024 to 2047"
            whole.setdefault(place, []).extend(losses[start - 1 : end - 1].tolist())
            near.setdefault(place, []).extend(windowed.tolist())
    return {
        place: {
            "tokens": len(found),
            "loss_after_all_before": round(float(np.mean(found)), 3),
            "loss_after_the_last_128_to_256": round(float(np.mean(near[place])), 3),
        }
        for place, found in whole.items()
    }


def main() -> None:
    """Train, measure, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows-per-source", type=int, default=120)
    parser.add_argument("--long-texts", type=int, default=60)
    arguments = parser.parse_args()
    settings = TrainingSettings()
    with TemporaryDirectory() as scratch:
        lake = Lake(Store(scratch))
        raw_pool = read_all(lake)
        cpu, (manifest, report) = cpu_seconds(
            lambda: train_pool_language_model(lake, raw_pool, settings, inputs={}), best_of=1
        )
        trained = {**report.as_dict(), "losses": report.losses[::10], "cpu_s": round(cpu, 1)}
        print(trained, flush=True)
        model = CausalLanguageModel(
            ModelSpec(str(language_model_folder(lake.scan_versions([manifest]), Path(scratch))))
        )
        texts = sample_texts(raw_pool, settings)
        ids = sorted(texts)
        long = [texts[ids[i]] for i in split_held_out(ids, settings.held_out, settings.most_held_out)[1]]
        long = sorted(long, key=len, reverse=True)[: arguments.long_texts]
        given = single_turns(raw_pool, arguments.rows_per_source)
        results = {
            "settings": settings.as_dict(),
            "training": trained,
            "shuffled_pairs": shuffled(model, given, FragmentCache(lake.store)),
            "later_places": later_places(model, long, settings.sequence_tokens),
        }
    record(__file__, results)


if __name__ == "__main__":
    main()
