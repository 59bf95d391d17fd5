import json
import re

import pytest

from mig_dagster.annotations.vocabulary import TagVocabulary, load_vocabulary


def test_the_shipped_vocabulary_is_broad_and_without_duplicates():
    vocabulary = load_vocabulary()
    assert len(vocabulary.labels) >= 600
    assert len(set(vocabulary.labels)) == len(vocabulary.labels)
    assert list(vocabulary.labels) == sorted(vocabulary.labels)
    assert {"mathematics", "sql query", "code debugging", "recipe writing", "tool use", "translation"} <= set(
        vocabulary.labels
    )


def test_the_shipped_vocabulary_has_no_labels_that_differ_by_punctuation_only():
    folded = [re.sub(r"[^a-z0-9+#]", "", label) for label in load_vocabulary().labels]
    assert len(set(folded)) == len(folded)


def test_another_label_changes_the_digest():
    assert TagVocabulary("1", ("a", "b")).digest != TagVocabulary("1", ("a", "c")).digest
    assert len(load_vocabulary().digest) == 16


def test_a_vocabulary_of_ones_own_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"version": "7", "groups": {"a": ["zebra"], "b": ["apple pie"]}}))
    assert load_vocabulary(path) == TagVocabulary("7", ("apple pie", "zebra"))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], r'mine.json: expected \{"version"'),
        ({"groups": {}}, r'mine.json: expected \{"version"'),
        ({"version": 1, "groups": {"a": ["x"]}}, r'mine.json: expected \{"version"'),
        ({"version": "1", "groups": {}}, "mine.json: no labels"),
        ({"version": "1", "groups": {"a": "x"}}, "group 'a' must be a list of labels, got str"),
        ({"version": "1", "groups": {"a": ["Algebra"]}}, "label 'Algebra' in group 'a' must be lower case"),
        ({"version": "1", "groups": {"a": ["two  words"]}}, "label 'two  words' in group 'a'"),
        ({"version": "1", "groups": {"a": [""]}}, "label '' in group 'a'"),
        ({"version": "1", "groups": {"a": [3]}}, "label 3 in group 'a'"),
        ({"version": "1", "groups": {"a": ["x"], "b": ["x"]}}, "label 'x' stands in 'a' and in 'b': keep one"),
    ],
)
def test_a_vocabulary_that_breaks_the_rules_is_refused(tmp_path, document, message):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=message):
        load_vocabulary(path)
