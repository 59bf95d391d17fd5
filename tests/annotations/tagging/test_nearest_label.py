import numpy as np
import pytest

from mig_dagster.annotations import model_files
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.encoder import SentenceEncoder
from mig_dagster.annotations.flags import Defect
from mig_dagster.annotations.imports import INSTAG_IMPORT
from mig_dagster.annotations.imports.xsample import imported_tags
from mig_dagster.annotations.tagging import NearestLabelTagger, tag_rows
from mig_dagster.annotations.tagging.nearest_label import nearest
from mig_dagster.annotations.vocabulary import TagVocabulary, load_vocabulary
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row, xsample_rows
from tests.shared_data import shared

VOCABULARY = TagVocabulary("test", ("algebra", "cooking", "poetry", "sports", "travel", "war"))


@pytest.fixture(scope="module")
def encoder(tiny_model):
    return SentenceEncoder(str(tiny_model))


def test_a_row_takes_its_best_label_and_those_near_it():
    cosines = np.array([[0.5, 0.45, 0.41, 0.39, 0.1]])
    assert nearest(cosines, floor=0.25, margin=0.1) == [[0, 1, 2]]


def test_labels_below_the_floor_are_left_out_but_for_the_best():
    cosines = np.array([[0.1, 0.2, 0.15], [0.3, 0.24, 0.26]])
    assert nearest(cosines, floor=0.25, margin=0.2) == [[1], [0, 2]]


def test_no_row_takes_more_than_five_labels_nearest_first():
    cosines = np.linspace(0.6, 0.5, 9)[::-1][None]
    assert nearest(cosines, floor=0.25, margin=1) == [[8, 7, 6, 5, 4]]


def test_of_equal_cosines_the_lower_label_wins_also_when_only_the_last_bits_differ():
    cosines = np.array([[0.5, 0.5 + 1e-9, 0.5 - 1e-9, 0.4, 0.4 - 1e-9]], np.float64)
    assert nearest(cosines, floor=0.25, margin=0.1) == [[0, 1, 2, 3, 4]]


def test_a_vocabulary_smaller_than_five_is_enough():
    assert nearest(np.array([[0.3, 0.9]]), floor=0.25, margin=1) == [[1, 0]]


@pytest.mark.parametrize("seed", range(5))
def test_the_tags_are_those_of_a_full_sort(seed):
    cosines = np.random.default_rng(seed).integers(-5, 10, size=(40, 12)) / 10  # full of ties
    for row_cosines, chosen in zip(cosines.tolist(), nearest(cosines, 0.25, 0.3), strict=True):
        ranked = sorted(range(12), key=lambda i: (-row_cosines[i], i))[:5]
        least = max(0.25, row_cosines[ranked[0]] - 0.3) - 1e-9
        assert chosen == [i for i in ranked if i == ranked[0] or row_cosines[i] >= least]


def test_a_row_that_is_a_label_is_tagged_with_it(encoder):
    made = tag_rows([row((label, "ok")) for label in VOCABULARY.labels], NearestLabelTagger(encoder, VOCABULARY))
    assert [tags[0] for tags in made.values["tags"]] == list(VOCABULARY.labels)
    assert made.provenance == ["computed"] * 6


def test_a_row_without_an_instruction_is_flagged_not_tagged(encoder):
    made = tag_rows([row((" \n", "ok")), row(("war", "ok"))], NearestLabelTagger(encoder, VOCABULARY))
    assert made.flags == ["empty_text", None]
    assert made.values["tags"][0] is None
    assert made.values["tags"][1]


def test_rows_without_any_instruction_need_no_model():
    made = tag_rows([row(("", "ok"))], NearestLabelTagger(SentenceEncoderThatMustNotLoad(), VOCABULARY))
    assert made.flags == ["empty_text"]


class SentenceEncoderThatMustNotLoad:
    annotator = INSTAG_IMPORT

    def encode_cached(self, *_):
        raise AssertionError("the model was used")


def test_a_second_run_embeds_nothing(tiny_model):
    files, rows = MemoryFiles(), [row(("war", "ok")), row(("poetry", "ok"))]
    first = tag_rows(rows, NearestLabelTagger(SentenceEncoder(str(tiny_model)), VOCABULARY), FragmentCache(files))
    again = SentenceEncoder(str(tiny_model))
    second = tag_rows(rows, NearestLabelTagger(again, VOCABULARY), FragmentCache(files))
    assert second == first
    assert "_model" not in again.__dict__


def test_progress_counts_the_instructions_embedded(encoder):
    seen = []
    rows = [row(("war", "ok")), row(("war", "yes"))]
    tag_rows(rows, NearestLabelTagger(encoder, VOCABULARY), None, lambda now: seen.append((now.items, now.of_items)))
    assert seen == [(1, 1)]


def test_the_default_taggers_fingerprint_is_that_of_the_caches_that_exist():
    """Another one would make every home embed and tag all its rows anew."""
    if model_files.packaged_minilm() is None:
        pytest.skip("needs the extra 'offline'")
    annotator = NearestLabelTagger(SentenceEncoder()).annotator
    assert (annotator.parameters["encoder"], annotator.fingerprint) == ("31bc9bcf71dacfa3", "f8afb0a5e12a75cc")


def test_whatever_changes_the_tags_changes_the_fingerprint(tiny_model):
    encoder = SentenceEncoder(str(tiny_model))
    taggers = [
        NearestLabelTagger(encoder, VOCABULARY),
        NearestLabelTagger(SentenceEncoder(str(tiny_model), max_tokens=9), VOCABULARY),
        NearestLabelTagger(encoder, TagVocabulary("test", ("algebra",))),
        NearestLabelTagger(encoder, TagVocabulary("2", VOCABULARY.labels)),
        NearestLabelTagger(encoder, VOCABULARY, floor=0.3),
        NearestLabelTagger(encoder, VOCABULARY, margin=0.3),
    ]
    assert len({tagger.annotator.fingerprint for tagger in taggers}) == 6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"floor": 1.5}, r"floor must be a cosine in \[-1, 1\], got 1.5"),
        ({"margin": -0.1}, "margin must be at least 0, got -0.1"),
        ({"margin": float("nan")}, "margin must be at least 0, got nan"),
    ],
)
def test_options_out_of_range_are_refused(encoder, options, message):
    with pytest.raises(ValueError, match=message):
        NearestLabelTagger(encoder, VOCABULARY, **options)


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        ({"annotation": {"instag": {"content": ["b", "a", "b"]}}}, {"tags": ["b", "a"]}),
        ({}, None),
        ({"annotation": None}, None),
        ({"annotation": {"deita": {}}}, None),
        ({"annotation": {"instag": None}}, None),
        ({"annotation": {"instag": {"content": []}}}, None),
        ({"annotation": {"instag": {"content": None}}}, Defect("invalid_import")),
        ({"annotation": {"instag": {"content": "math"}}}, Defect("invalid_import")),
        ({"annotation": {"instag": {"content": ["math", 3]}}}, Defect("invalid_import")),
    ],
)
def test_tags_are_imported_where_they_are_a_list_of_strings(meta, expected):
    assert imported_tags(row(("hi", "ok"), **meta)) == expected


def test_imported_tags_are_taken_before_computed_ones(encoder):
    instag = {"instag": {"content": ["poem writing"]}}
    rows = [
        row(("war", "1"), annotation=instag),
        row(("war", "2")),
        row(("war", "3"), annotation={"instag": {"content": 1}}),
    ]
    made = tag_rows(rows, NearestLabelTagger(encoder, VOCABULARY))
    assert made.provenance == ["imported", "computed", "imported"]
    assert made.values["tags"][0] == ["poem writing"]
    assert made.flags == [None, None, "invalid_import"]
    assert made.annotators[0] == INSTAG_IMPORT.fingerprint != made.annotators[1]


def test_the_tags_of_a_real_xsample_file_are_imported(encoder):
    rows = xsample_rows(shared("data/annotated/xsample_example.jsonl"))
    made = tag_rows(rows, NearestLabelTagger(encoder, VOCABULARY))
    assert [len(tags) for tags in made.values["tags"]] == [3, 3, 4, 7, 6, 3, 7, 1, 5]
    assert set(made.provenance) == {"imported"}


def test_the_shipped_vocabulary_tags_plain_requests_sensibly():
    """The thresholds and the labels together; a change to either that breaks this makes worse tags."""
    if model_files.packaged_minilm() is None:
        pytest.skip("needs the extra 'offline'")
    expected = {
        "Solve for x: 3x + 5 = 20.": "equation solving",
        "Write a SQL query that returns the ten best customers by revenue.": "sql query",
        "Classify the sentiment of this sentence as positive or negative: 'A mess.'": "sentiment analysis",
        "Give me a recipe for a vegetarian lasagne.": "vegetarian and vegan food",
        "Write a haiku about the first snow.": "haiku",
        "Convert 12 miles to kilometres.": "unit conversion",
        "Translate 'good morning' into French.": "translation",
        "Debug this code and fix the error.": "code debugging",
        "Draft a cover letter for a nursing position.": "cover letter",
        "Summarise the following article in three sentences.": "text summarization",
    }
    made = tag_rows([row((text, "ok")) for text in expected], NearestLabelTagger(SentenceEncoder(), load_vocabulary()))
    for (text, label), tags in zip(expected.items(), made.values["tags"], strict=True):
        assert label in tags, (text, tags)
    assert 2 <= np.mean([len(tags) for tags in made.values["tags"]]) <= 4.5
