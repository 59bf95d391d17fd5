"""What does not change costs nothing: every asset's data version is one of its values, and rows are annotated once."""

import shutil
from collections import Counter

import dagster as dg
import pytest

from assets.jobs import COMPARED
from assets.sensors import automation_sensor, compared_methods_sensor, language_model_sensor
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.definitions import defs
from tests.dag.ticks import partitions_read_once
from tests.dag.tiny import TOPICS, TinyProject, failure, materialise, materialise_all, score_all, versions

ROWS = 1000
NEW = 10
LABEL_SPACE = ("label_vocabulary", "label_embeddings", "label_graph")

pytestmark = pytest.mark.filterwarnings("ignore:Parameter `include_sources`")


def requested(location, instance, cursors):
    """Tick all automation sensors; return what they ask for."""
    asked = set()
    for sensor in (automation_sensor, language_model_sensor, compared_methods_sensor):
        cursor = cursors.get(sensor.name)
        with partitions_read_once(instance):
            result = dg.evaluate_automation_conditions(location, instance, sensor.asset_selection, cursor=cursor)
        cursors[sensor.name] = result.cursor
        asked |= {each.key.to_user_string() for each in result.results if not each.true_subset.is_empty}
    return asked


def test_everything_made_again_from_the_same_files_asks_for_nothing(finished, tmp_path, instance):
    """The versions of `finished`, then real runs of every asset on a copy of it."""
    before, _, results = finished
    place = TinyProject(tmp_path / "copy", before.encoder)
    shutil.copytree(before.folder, place.folder)
    instance.add_dynamic_partitions("source", [name for name in results if name in ("chat", "maths", "notes")])
    for name, result in results.items():
        for asset, version in versions(result).items():
            source = name.removesuffix(" scored")
            partition = source if source in ("chat", "maths", "notes") else None
            tags = {"dagster/data_version": version, "dagster/code_version": "1"}
            event = dg.AssetMaterialization(asset, partition=partition, tags=tags)
            instance.report_runless_asset_event(event)
    location, cursors = defs(), {}
    assert requested(location, instance, cursors) == set()

    again = materialise_all(place, instance) | score_all(place, instance)  # the model trained anew is the same model
    again |= {"compared": materialise(place, instance, *COMPARED)}
    assert "".join(map(failure, again.values())) == ""
    made = {asset for result in again.values() for asset in versions(result)}
    assert made == {asset for result in results.values() for asset in versions(result)}
    assert requested(location, instance, cursors) == set()
    assert requested(location, instance, cursors) == set()


class Work:
    """Counts what the models are really given, and what is added to the cache."""

    def __init__(self, monkeypatch):
        self.texts, self.values = [], Counter()
        forward, append = SentenceEncoder._forward, FragmentCache.append

        def counted_forward(encoder, texts):
            self.texts += texts
            return forward(encoder, texts)

        def counted_append(cache, fingerprint, keys, batch):
            self.values[fingerprint] += len(keys)
            return append(cache, fingerprint, keys, batch)

        monkeypatch.setattr(SentenceEncoder, "_forward", counted_forward)
        monkeypatch.setattr(FragmentCache, "append", counted_append)

    def since(self):
        """Return the encoded texts and the number of cached values of each annotator since the last call."""
        done = sorted(self.texts), sorted(self.values.values())
        self.texts, self.values = [], Counter()
        return done


@pytest.fixture
def work(monkeypatch):
    return Work(monkeypatch)


def question(i):
    return f"Write about {TOPICS[i % 6]}, note {i}"


def plain(i):
    answer = f"Here is note {i} on {TOPICS[i % 6]}. " * (i % 4 + 1)
    return {"messages": [{"role": "user", "content": question(i)}, {"role": "assistant", "content": answer}]}


def annotate(place, instance, rows):
    """Make a source of these rows and annotate it; returns its annotations' row counts."""
    place.write("notes", rows)
    instance.add_dynamic_partitions("source", ["notes"])
    assets = ("raw_pool", "tags", "quality_scores", "row_embeddings", "row_signatures")
    assert failure(materialise(place, instance, *assets, partition="notes")) == ""
    return {
        asset: place.home.lake.current(asset, "notes").rows for asset in ("tags", "quality_scores", "row_embeddings")
    }


def test_a_revision_with_one_percent_new_rows_annotates_those(place, instance, work):
    first = annotate(place, instance, [plain(i) for i in range(ROWS)])
    texts, _ = work.since()
    assert set(first.values()) == {ROWS}
    assert {question(i) for i in range(ROWS)} <= set(texts)

    new = range(ROWS, ROWS + NEW)
    second = annotate(place, instance, [plain(i) for i in [*range(NEW, ROWS), *new]])
    texts, values = work.since()
    assert set(second.values()) == {ROWS}
    assert texts == sorted(question(i) for i in new)  # tags and row_embeddings share what the encoder said
    assert values == [NEW, NEW, NEW]  # embeddings, tags, scores


def tagged(i, tags):
    return {**{"dialogs": plain(i)["messages"]}, "annotation": {"instag": {"content": tags}}}


def label(place, instance, rows):
    annotate(place, instance, rows)
    assert failure(materialise(place, instance, *LABEL_SPACE)) == ""
    return place.home.lake.current("label_embeddings").rows


def test_a_new_label_is_the_only_one_that_is_encoded(place, instance, work):
    labels = ["algebra", "poetry", "sql", "travel", "biology", "chess"]
    rows = [tagged(i, [labels[i % 6], labels[(i + 1) % 6]]) for i in range(60)]
    assert label(place, instance, rows) == 6
    assert set(labels) <= set(work.since()[0])

    rows += [tagged(i, ["astronomy", "chess"]) for i in range(60, 64)]
    assert label(place, instance, rows) == 7
    texts, _ = work.since()
    assert [text for text in texts if not text.startswith("Write about")] == ["astronomy"]
    assert texts == sorted(["astronomy", *(question(i) for i in range(60, 64))])
