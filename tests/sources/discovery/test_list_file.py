import os

import pytest

from mig_dagster.sources.discovery.found import DiscoveryError, Look
from mig_dagster.sources.discovery.list_file import LIST_BYTES, find_in_list
from mig_dagster.sources.discovery.rules import ListFile

LATER = Look(4_000_000_000.0)


def listed(path, text, look=LATER):
    path.write_text(text)
    os.utime(path, (1000.0, 1000.0))
    return find_in_list(ListFile(str(path)), look)


def test_each_line_is_a_source_and_comments_are_none(tmp_path):
    findings = listed(
        tmp_path / "wanted.txt",
        "\ufeff# what we want\n\nhf://datasets/org/Rows@v1 # pinned\r\ns3://bucket/a/\n/abs/b.jsonl\ndata/c#1.jsonl\n"
        "hf://datasets/org/Rows@v1\n",
    )
    assert [(found.uri, found.name) for found in findings.found] == [
        ("hf://datasets/org/Rows@v1", "org/Rows"),
        ("s3://bucket/a", "a"),
        ("/abs/b.jsonl", "b.jsonl"),
        (f"{tmp_path}/data/c#1.jsonl", "c#1.jsonl"),
    ]
    assert findings.present == {found.uri for found in findings.found}


def test_a_yaml_list_does_as_well(tmp_path):
    findings = listed(tmp_path / "wanted.yaml", "# mine\n- hf://datasets/org/rows\n- a.jsonl # here\n")
    assert [found.uri for found in findings.found] == ["hf://datasets/org/rows", f"{tmp_path}/a.jsonl"]
    assert listed(tmp_path / "none.yml", "# nothing\n").found == ()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.yaml", "a: b\n", "a.yaml:1: expected a list of URIs"),
        ("a.yaml", "- a\n- {b: c}\n", "a.yaml:2: expected a URI or a path"),
        ("a.yaml", "- [\n", "a.yaml: is not valid YAML"),
        (
            "a.txt",
            "sftp://me@host/a\nsftp://me:" + "secret@host/a\n",
            "a.txt:2: the URI holds a password, which would stand",
        ),
        ("a.txt", "ok\nb\x1b[31m\n", r"a.txt:2: 'b\\x1b\[31m' is no URI and no path: it holds control"),
    ],
)
def test_a_list_with_a_mistake_is_an_error_with_its_line(tmp_path, name, text, message):
    with pytest.raises(DiscoveryError, match=message):
        listed(tmp_path / name, text)


def test_a_list_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(DiscoveryError, match=r"the list cannot be read .*; nothing was changed on account of that"):
        find_in_list(ListFile(str(tmp_path / "gone.txt")), LATER)


def test_a_list_with_an_unknown_scheme_is_an_error():
    with pytest.raises(DiscoveryError, match="is no URI that can be read"):
        find_in_list(ListFile("nowhere://x.txt"), LATER)


def test_data_is_no_list(tmp_path):
    with pytest.raises(DiscoveryError, match="is longer than 4 MB, so it is no list; to watch data, use `folder`"):
        listed(tmp_path / "big.txt", "a" * (LIST_BYTES + 1))


def test_a_list_that_is_being_written_is_read_at_the_next_look(tmp_path):
    path = tmp_path / "wanted.txt"
    first = listed(path, "a.jsonl\nb.js", Look(1001.0))
    assert (first.found, first.present, first.waiting) == ((), None, ("wanted.txt",))
    second = listed(path, "a.jsonl\nb.jsonl\n", Look(1002.0, first.marks))
    assert second.present is None
    third = listed(path, "a.jsonl\nb.jsonl\n", Look(1003.0, second.marks))
    assert [found.name for found in third.found] == ["a.jsonl", "b.jsonl"]


def test_a_list_in_a_bucket_names_what_stands_beside_it(moto_s3, monkeypatch):
    moto_s3.use(monkeypatch)
    bucket = moto_s3.bucket()
    client = moto_s3.client()
    client.put_object(Bucket=bucket.removeprefix("s3://"), Key="lists/wanted.txt", Body=b"a.jsonl\n")
    client.close()
    findings = find_in_list(ListFile(f"{bucket}/lists/wanted.txt"), LATER)
    assert [found.uri for found in findings.found] == [f"{bucket}/lists/a.jsonl"]
