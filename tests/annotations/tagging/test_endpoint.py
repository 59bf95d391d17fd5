"""Tags from a server on a real socket, and what is made of every way in which servers fail."""

import json
import logging
import sys
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from mig_dagster.annotations import cache as caching
from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.planning import PlanCache
from mig_dagster.annotations.tagging import EndpointError, EndpointSpec, EndpointTagger, chat_endpoint, tag_rows
from mig_dagster.annotations.tagging.prompts import CHAT_PROMPT
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row
from tests.annotations.tagging.chat_server import KEY, Reply, fails, says, serving, tags


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(chat_endpoint, "FIRST_WAIT_SECONDS", 0.01)


def query_of(prompt):
    return prompt[len(CHAT_PROMPT.before) : -len(CHAT_PROMPT.after)]


def echo(prompt, n):
    """Tag a query with itself."""
    return says(tags(query_of(prompt)))


def rows_of(*queries):
    return [row((query, "ok")) for query in queries]


def tagged(answer, rows, cache=None, progress=None, **spec):
    with serving(answer) as (server, url):
        return tag_rows(rows, EndpointTagger(EndpointSpec(url, "m", **spec)), cache, progress), server


def test_each_turn_is_asked_with_the_prompt_of_the_paper_and_greedily():
    rows = [row(("sum", "1"), ("", "2"), ("poem", "3"), ("sum", "4")), *rows_of("poem")]
    made, server = tagged(echo, rows)
    assert made.values["tags"] == [["sum", "poem"], ["poem"]]
    assert sorted(server.prompts) == [CHAT_PROMPT.around("poem"), CHAT_PROMPT.around("sum")]
    path, headers, body, _ = server.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert {name: value for name, value in body.items() if name != "messages"} == {
        "model": "m",
        "temperature": 0,
        "max_tokens": 512,
        "seed": 0,
    }
    assert [message["role"] for message in body["messages"]] == ["user"]


def test_answers_that_give_no_tags_are_flagged_and_counted():
    replies = {
        "prose": says("I cannot say."),
        "nothing": says(None),
        "filtered": says("", finish="content_filter"),
        "refusal": says(None, refusal="No."),
        "rejected": fails(400, code="content_filter"),
        "cut": says('[{"tag": "a", "explanation": "x"}, {"tag": "b', finish="length"),
        "fenced": says("```json\n" + tags("c") + "\n```"),
    }
    made, server = tagged(lambda prompt, n: replies[query_of(prompt)], rows_of(*replies))
    assert made.flags == ["parse_failure", "empty_output", "refused", "refused", "refused", None, None]
    assert made.values["tags"][5:] == [["a"], ["c"]]
    assert made.counts == {
        "turns": 7,
        "turns_empty_output": 1,
        "turns_parse_failure": 1,
        "turns_refused": 3,
        "turns_salvaged": 1,
    }
    assert len(server.requests) == 7


@pytest.mark.parametrize(
    "bad",
    [
        fails(500),
        fails(503),
        fails(429),
        Reply(200, '{"choices": [{'),
        Reply(200, "<html>", {"content-type": "text/html"}),
        Reply(200, "{}"),
        Reply(200, '{"choices": [{"message": null}]}'),
        Reply(200, '{"choices": [{"message": {"content": ["a"]}}]}'),
    ],
    ids=lambda reply: f"{reply.status} {reply.body[:12]}",
)
def test_a_request_is_sent_again_where_the_server_fails(bad):
    made, server = tagged(lambda prompt, n: bad if n < 2 else echo(prompt, n), rows_of("a", "b"), max_retries=2)
    assert made.values["tags"] == [["a"], ["b"]]
    assert len(server.requests) == 6


def test_an_answer_that_takes_too_long_is_asked_for_again():
    def answer(prompt, n):
        return says(tags("late"), after=1.5) if n == 0 else echo(prompt, n)

    made, server = tagged(answer, rows_of("a"), timeout_seconds=0.5)
    assert (made.values["tags"], len(server.requests)) == ([["a"]], 2)


def in_a_second():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1.5), usegmt=True)


@pytest.mark.parametrize(("asked", "least"), [(lambda: "0.4", 0.4), (in_a_second, 0.4)], ids=["seconds", "date"])
def test_all_wait_as_long_as_the_server_asks(asked, least):
    def answer(prompt, n):
        return fails(429, retry_after=asked()) if query_of(prompt) == "a" and n == 0 else echo(prompt, n)

    _, server = tagged(answer, rows_of("a", "b", "c"), concurrency=1)
    moments = [moment for *_, moment in server.requests]
    assert [query_of(prompt) for prompt in server.prompts] == ["a", "a", "b", "c"]
    assert moments[1] - moments[0] >= least


def test_a_server_that_asks_to_wait_for_hours_ends_the_run_at_once():
    with pytest.raises(EndpointError, match="asks to wait 7200 s: go on later"):
        tagged(lambda prompt, n: fails(429, retry_after="7200"), rows_of("a"))


def test_no_more_requests_than_asked_for_are_on_their_way():
    made, server = tagged(lambda p, n: says(tags("x"), after=0.1), rows_of(*map(str, range(9))), concurrency=3)
    assert server.most_at_once == 3
    assert made.flags == [None] * 9


def test_requests_keep_to_the_limit_of_a_minute():
    started = time.monotonic()
    _, server = tagged(echo, rows_of(*"abcd"), requests_per_minute=600)
    assert max(moment for *_, moment in server.requests) - started >= 0.3


@pytest.mark.parametrize(
    ("reply", "message", "requests"),
    [
        (fails(401, f"Incorrect API key provided: {KEY}"), r"refused the key \(status 401\): set .* OPENAI_API_KEY", 1),
        (fails(403), r"refused the key \(status 403\).* may use the model 'm'", 1),
        (
            fails(404, "no m"),
            r"knows no model 'm', or base_url is no chat API \(status 404: .*no m\): look at .*/models",
            1,
        ),
        (fails(422, f"bad {KEY}"), r"refused the request \(status 422: .*bad \*\*\*\): correct the options", 1),
        (fails(400, code="context_length_exceeded"), r"refused the request \(status 400", 1),
        (fails(429, code="insufficient_quota"), "the account's quota is used up", 1),
        (
            fails(500, f"no {KEY}"),
            r"failed \(status 500: .*no \*\*\*\), 3 times in a row: go on when it works again",
            3,
        ),
        (Reply(200, "junk"), "sent what is no JSON, 3 times in a row", 3),
        (Reply(200, "[]"), "sent what is no chat completion, 3 times in a row", 3),
    ],
    ids=lambda value: value.status if isinstance(value, Reply) else None,
)
def test_an_outage_ends_the_run_with_the_remedy_and_never_shows_the_key(reply, message, requests, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(lambda prompt, n: reply) as (server, url):
        tagger = EndpointTagger(EndpointSpec(url, "m", concurrency=1, max_retries=2))
        with pytest.raises(EndpointError, match=message) as failed:
            tagger.tag(rows_of("a"))
    assert len(server.requests) == requests
    shown = "".join(traceback.format_exception(failed.value)) + caplog.text + repr(tagger._spec)
    assert KEY not in shown + json.dumps(tagger.annotator.as_dict())


def test_a_server_that_is_not_there_is_named():
    with serving(echo) as (_, url):
        pass
    tagger = EndpointTagger(EndpointSpec(url, "m", max_retries=1))
    with pytest.raises(EndpointError, match=rf"the server {url} cannot be reached \(ConnectError\), 2 times in a row"):
        tagger.tag(rows_of("a"))


def test_a_silent_server_ends_the_run():
    with pytest.raises(EndpointError, match=r"gave no answer within 0.1 s, 2 times in a row"):
        tagged(lambda prompt, n: says("x", after=0.5), rows_of("a"), timeout_seconds=0.1, max_retries=1)


def test_after_an_outage_only_what_is_missing_is_asked_for():
    files, queries = MemoryFiles(), [f"query {i}" for i in range(20)]

    def until_it_fails(prompt, n):
        return fails(401) if query_of(prompt) == "query 9" else echo(prompt, n)

    with pytest.raises(EndpointError, match=r"9 of 20 queries were answered and are in the cache: run it again to ask"):
        tagged(until_it_fails, rows_of(*queries), FragmentCache(files), concurrency=1, server="s")
    made, server = tagged(echo, rows_of(*queries), FragmentCache(files), server="s")
    assert sorted(map(query_of, server.prompts)) == sorted(queries[9:])
    assert made.values["tags"] == [[query] for query in queries]
    _, server = tagged(lambda prompt, n: fails(500), rows_of(*queries), FragmentCache(files), server="s")
    assert server.requests == []


def test_without_a_cache_the_error_says_that_nothing_was_kept():
    with pytest.raises(EndpointError, match="0 of 1 queries were answered, and nothing keeps the answers"):
        tagged(lambda prompt, n: fails(401), rows_of("a"))


def test_answers_are_written_by_the_clock_also_while_none_come(monkeypatch):
    monkeypatch.setattr(caching, "FLUSH_SECONDS", 0.1)
    files, written = MemoryFiles(), []

    def answer(prompt, n):
        if query_of(prompt) != "late":
            return echo(prompt, n)
        deadline = time.monotonic() + 20
        while not files.contents and time.monotonic() < deadline:
            time.sleep(0.01)
        written.append(len(files.contents))
        return echo(prompt, n)

    tagged(answer, rows_of("a", "late"), FragmentCache(files), concurrency=2)
    assert written == [1]


def test_a_cache_that_cannot_be_written_ends_the_run_as_it_says(monkeypatch):
    files = MemoryFiles()
    monkeypatch.setattr(files, "create", lambda path, content: (_ for _ in ()).throw(OSError("the disk is full")))
    with pytest.raises(OSError, match="the disk is full"):
        tagged(echo, rows_of("a"), FragmentCache(files))


def test_a_plan_counts_what_would_be_asked_and_asks_nothing(monkeypatch):
    files = MemoryFiles()
    tagged(echo, rows_of("a"), FragmentCache(files), server="s")
    monkeypatch.delenv("OPENAI_API_KEY")
    plan = PlanCache(files)
    tagger = EndpointTagger(EndpointSpec("http://127.0.0.1:9/v1", "m", server="s"))
    made = tag_rows(rows_of("a", "b", "c"), tagger, plan)
    assert made.flags == ["not_scored"] * 3
    [counted] = plan.taken().values()
    assert (counted.items, counted.missing, counted.tokens) == (3, 2, 2 * (len(CHAT_PROMPT.around("b")) // 4 + 1))


def test_progress_counts_answers():
    seen = []
    tagged(echo, rows_of("a", "b"), progress=seen.append)
    assert [(now.items, now.of_items, now.tokens == now.of_tokens) for now in seen] == [(1, 2, False), (2, 2, True)]


def test_long_queries_are_cut_and_counted():
    made, server = tagged(echo, rows_of("abcdef", "abc"), max_query_chars=4)
    assert sorted(map(query_of, server.prompts)) == ["abc", "abcd"]
    assert made.counts == {"turns": 2, "turns_query_cut": 1}


def test_no_seed_is_sent_where_none_is_given():
    _, server = tagged(echo, rows_of("a"), seed=None)
    assert "seed" not in server.requests[0][2]


def test_what_changes_answers_changes_the_fingerprint_and_nothing_else_does():
    url = "http://host:8000/v1"
    different = [
        EndpointSpec(url, "m"),
        EndpointSpec(url, "n"),
        EndpointSpec("http://other:8000/v1", "m"),
        EndpointSpec(url, "m", max_tokens=64),
        EndpointSpec(url, "m", seed=None),
        EndpointSpec(url, "m", max_query_chars=99),
    ]
    assert len({EndpointTagger(spec).annotator.fingerprint for spec in different}) == 6
    same = [
        EndpointSpec("https://host/openai/v1", "m", 1, 2, 3, 4.0, 5),
        EndpointSpec("http://other:8000/v1", "m", server="host"),
    ]
    assert all(EndpointTagger(spec).annotator == EndpointTagger(different[0]).annotator for spec in same)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (("https://me:" + "secret@host/v1", "m"), "base_url must hold no user name or password: set .* OPENAI_API_KEY"),
        (("localhost:8000/v1", "m"), "base_url must be such as 'http://localhost:8000/v1', got 'localhost:8000/v1'"),
        (("http://host/v1?key=1", "m"), "base_url must be such as"),
        (("http://host/v1", ""), "model must be a name that the server knows"),
        (("http://host/v1", "m", 0), "concurrency must be at least 1, got 0"),
        (("http://host/v1", "m", 1, 0), "requests_per_minute must be at least 1, got 0"),
        (("http://host/v1", "m", 1, None, None, 0.0), "timeout_seconds above 0, got 6 and 0.0"),
        (("http://host/v1", "m", 1, None, None, 9.0, -1), "max_retries must be at least 0"),
    ],
)
def test_what_no_server_can_be_asked_with_is_refused(spec, message):
    with pytest.raises(ValueError, match=message) as refused:
        EndpointSpec(*spec)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "message"),
    [("", "OPENAI_API_KEY is not set: set it to the server's key, or to any word"), (f"{KEY}\n", "holds white space")],
)
def test_a_key_that_cannot_be_sent_is_refused_before_anything_is_asked(monkeypatch, key, message):
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(EndpointError, match=message) as refused:
        EndpointTagger(EndpointSpec("http://127.0.0.1:9/v1", "m")).tag(rows_of("a"))
    assert KEY not in str(refused.value)


def test_without_the_package_openai_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(EndpointError, match=r"pip install 'mig-dagster\[endpoint\]'"):
        EndpointTagger(EndpointSpec("http://127.0.0.1:9/v1", "m")).tag(rows_of("a"))
