"""What models read is added up over calls, for each annotator alone."""

import pytest

from mig_dagster.annotations.annotator import Annotator
from mig_dagster.annotations.scoring import TokenProgress
from mig_dagster.annotations.throughput import Throughput, device_name

A, B = Annotator("tags", "a"), Annotator("ifd", "b")


def told(annotator, items, of_items, tokens, of_tokens, seconds):
    return TokenProgress(annotator, items, of_items, tokens, of_tokens, tokens, seconds)


def test_calls_add_up_and_what_one_call_says_several_times_counts_once():
    throughput = Throughput("cpu")
    for progress in (
        told(A, 1, 3, 10, 30, 1.0),
        told(A, 3, 3, 30, 30, 2.0),
        told(B, 5, 5, 50, 50, 0.5),
        told(A, 2, 2, 20, 20, 1.0),
    ):
        throughput.on_tokens(progress)
    common = {"device": "cpu"}
    assert sorted(throughput.lines(), key=lambda line: line["model"]) == [
        {"annotator": A.fingerprint, "name": "tags", "model": "a", "items": 5, "tokens": 50, "seconds": 3.0, **common},
        {"annotator": B.fingerprint, "name": "ifd", "model": "b", "items": 5, "tokens": 50, "seconds": 0.5, **common},
    ]


def test_two_calls_of_one_length_are_two():
    throughput = Throughput("cpu")
    for _ in range(2):
        throughput.on_tokens(told(A, 1, 2, 5, 10, 0.25))
        throughput.on_tokens(told(A, 2, 2, 10, 10, 0.5))
    [line] = throughput.lines()
    assert (line["items"], line["tokens"], line["seconds"]) == (4, 20, 1.0)


def test_a_call_that_began_later_and_is_further_than_the_one_before_is_another():
    throughput = Throughput("cpu")
    throughput.on_tokens(told(A, 1, 9, 5, 90, 0.25))
    throughput.on_tokens(told(A, 4, 8, 40, 80, 0.5))
    assert throughput.lines()[0]["tokens"] == 45


def test_nothing_read_gives_no_line_and_progress_is_handed_on():
    heard = []
    throughput = Throughput("cpu", heard.append)
    assert throughput.lines() == []
    throughput.on_tokens(told(A, 1, 1, 1, 1, 0.5))
    assert heard == [told(A, 1, 1, 1, 1, 0.5)]


def test_the_cpu_is_called_cpu():
    assert device_name("cpu") == "cpu"


@pytest.mark.gpu
def test_a_gpu_is_called_by_its_name():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    assert device_name("cuda:0") == torch.cuda.get_device_name(0)
