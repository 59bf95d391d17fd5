import re

import pytest

from mig_dagster.sources.discovery.slugs import SLUG_CHARACTERS, slug_of, unused_slug
from mig_dagster.sources.registry import SLUG


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("tatsu-lab/Alpaca", "tatsu-lab--alpaca"),
        ("My Data (1).jsonl.gz", "my-data-1"),
        ("train.parquet", "train"),
        ("v1.5", "v1.5"),
        ("../../etc/passwd", "etc--passwd"),
        ("日本語.jsonl", "source"),
        ("...", "source"),
        ("a\x1b[31m\n<b>.csv", "a-31m-b"),
        ("x" * 300, "x" * SLUG_CHARACTERS),
    ],
)
def test_a_name_becomes_a_slug(name, slug):
    assert slug_of(name) == slug
    assert SLUG.fullmatch(slug)


def test_a_slug_that_is_taken_gets_digits_of_the_uri_the_same_at_every_look():
    taken = {"rows"}
    first = unused_slug("rows.jsonl", "/a/rows.jsonl", taken)
    assert first == unused_slug("rows.jsonl", "/a/rows.jsonl", taken)
    assert re.fullmatch("rows-[0-9a-f]{6}", first)
    assert first != unused_slug("rows.jsonl", "/b/rows.jsonl", taken)
    longer = unused_slug("rows.jsonl", "/a/rows.jsonl", {*taken, first})
    assert longer.startswith(first)
    assert SLUG.fullmatch(longer)


def test_the_longest_slug_with_digits_is_still_one_that_the_registry_takes():
    taken: set[str] = set()
    for _ in range(10):
        taken.add(unused_slug("x" * 300, "/a", taken))
    assert all(SLUG.fullmatch(slug) for slug in taken)
