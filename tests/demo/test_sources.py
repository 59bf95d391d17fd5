"""The readers find in every demo source exactly what its manifest says."""

from collections import Counter, defaultdict

import pytest

from mig_dagster.demo import SOURCES, manifest, sources_yaml
from mig_dagster.demo.rows import normalised
from mig_dagster.sources import REASONS, Accepted, Blank, Rejected, Source, load_registry, read_source


@pytest.fixture(scope="module")
def read():
    return {name: list(read_source(Source(name=name, uri=f"demo://{name}"))) for name in SOURCES}


def accepted(read):
    return {
        (name, record.origin): record.conversation
        for name, records in read.items()
        for record in records
        if isinstance(record, Accepted)
    }


@pytest.mark.parametrize("name", SOURCES)
def test_every_record_is_what_the_manifest_says(read, name):
    expected = manifest().sources[name]
    records = read[name]
    assert len(records) == expected.records
    assert {r.origin: r.conversation.row_id for r in records if isinstance(r, Accepted)} == expected.row_ids
    assert {r.origin: r.reason for r in records if isinstance(r, Rejected)} == expected.rejected_origins
    assert tuple(r.origin for r in records if isinstance(r, Blank)) == expected.blank_origins
    trailing = tuple(r.origin for r in records if isinstance(r, Accepted) and "trailing_turns" in r.meta)
    assert trailing == expected.trailing_origins


def test_records_come_in_the_order_of_their_origins(read):
    for records in read.values():
        assert [record.origin for record in records] == sorted(record.origin for record in records)


def test_counts_add_up():
    described = manifest().sources
    assert all(s.accepted + sum(s.rejected.values()) + s.blank == s.records for s in described.values())
    assert 2_900 <= sum(source.records for source in described.values()) <= 3_200


def test_reasons_are_known_and_of_many_kinds():
    planted = set().union(*(source.rejected for source in manifest().sources.values()))
    assert planted <= set(REASONS)
    assert len(planted) >= 15


def test_the_sources_come_in_six_formats_or_containers():
    described = manifest().sources
    kinds = {(source.format, source.files[0].split(".", 1)[1]) for source in described.values()}
    assert len(kinds) == len(SOURCES) == 6
    assert tuple(described) == SOURCES == tuple(sorted(SOURCES))


@pytest.mark.parametrize(("kind", "key"), [("exact", lambda c: c.row_id), ("normalised", normalised)])
def test_the_planted_duplicates_are_all_there_are(read, kind, key):
    kinds = ("exact",) if kind == "exact" else ("exact", "normalised")
    planted = {(pair.kept, pair.copy) for pair in manifest().pairs if pair.kind in kinds}
    groups = defaultdict(list)
    for place, conversation in sorted(accepted(read).items()):
        groups[key(conversation)].append(place)
    found = {(first, other) for first, *others in groups.values() for other in others}
    assert found == planted


def test_near_duplicates_differ_by_a_few_words_of_the_question(read):
    conversations = accepted(read)
    near = [pair for pair in manifest().pairs if pair.kind == "near"]
    assert len(near) >= 30
    for pair in near:
        one, other = conversations[pair.kept], conversations[pair.copy]
        words = Counter(one.instruction.split()), Counter(other.instruction.split())
        assert 1 <= (words[0] - words[1]).total() + (words[1] - words[0]).total() <= 10
        assert one.response == other.response


def test_pairs_stand_within_and_across_sources():
    for kind in ("exact", "normalised", "near"):
        sides = {pair.copy.source == pair.kept.source for pair in manifest().pairs if pair.kind == kind}
        assert sides == {True, False}


def test_benchmark_like_rows_are_rows_of_the_sources(read):
    conversations = accepted(read)
    planted = manifest().benchmark_like
    assert {case.row for case in planted} <= set(conversations)
    assert len({case.row for case in planted}) == len(planted) >= 15
    assert {"gsm8k", "mmlu", "humaneval", "ifeval"} <= {case.style for case in planted}


def test_the_registry_text_loads(tmp_path):
    path = tmp_path / "sources.yaml"
    path.write_text(sources_yaml())
    assert {name: source.uri for name, source in load_registry(path).items()} == {n: f"demo://{n}" for n in SOURCES}
