"""Tags from a real OpenAI-compatible server: `transformers serve` with a tiny Llama that was taught its answers."""

import os
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest

from mig_dagster.annotations.cache import FragmentCache
from mig_dagster.annotations.tagging import EndpointError, EndpointSpec, EndpointTagger, chat_endpoint, tag_rows
from mig_dagster.annotations.tagging.prompts import CHAT_PROMPT
from tests.annotations.memory_files import MemoryFiles
from tests.annotations.rows import row
from tests.annotations.tagging.taught_model import SAYS, save_taught
from tests.e2e.conftest import end, free_port, require

pytestmark = pytest.mark.e2e

START_SECONDS = 90


@pytest.fixture(scope="module")
def taught_chat_model(tmp_path_factory):
    """A model that answers the prompt of the endpoint tagger, behind a chat template that adds nothing to it."""
    from transformers import AutoTokenizer

    folder = save_taught(tmp_path_factory.mktemp("chat"), CHAT_PROMPT)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The base URL of the server; models are named by their folder."""
    require(find_spec("fastapi") and find_spec("uvicorn"), "`transformers serve` needs transformers[serving]")
    port = free_port()
    program = Path(sys.executable).parent / "transformers"
    command = [str(program), "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    log = tmp_path_factory.mktemp("serve") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    try:
        while not answers(f"{url}/health"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield f"{url}/v1"
    finally:
        end(process)


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "any")
    monkeypatch.setattr(chat_endpoint, "FIRST_WAIT_SECONDS", 0.05)


def test_a_real_server_gives_the_tags_that_its_model_answers(server, taught_chat_model):
    files = MemoryFiles()
    rows = [*(row((query, "ok")) for query in SAYS), row(("Write a poem", "1"), ("Go on", "2"))]
    spec = EndpointSpec(server, str(taught_chat_model), concurrency=3, max_tokens=64)
    made = tag_rows(rows, EndpointTagger(spec), FragmentCache(files))
    assert made.values["tags"] == [["sum", "maths"], ["poem"], ["go on"], None, None, ["poem", "go on"]]
    assert made.flags == [None, None, None, "parse_failure", "empty_output", None]
    nowhere = EndpointSpec("http://127.0.0.1:9/v1", spec.model, max_tokens=64)  # the same host: all is known
    assert tag_rows(rows, EndpointTagger(nowhere), FragmentCache(files)) == made


def test_a_model_that_the_server_does_not_have_is_an_outage_and_no_flag(server):
    tagger = EndpointTagger(EndpointSpec(server, "no/such-model", max_retries=1))
    with pytest.raises(EndpointError, match=r"failed \(status 500: .*\), 2 times in a row"):
        tagger.tag([row(("Write a poem", "ok"))])
