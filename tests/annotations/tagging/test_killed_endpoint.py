"""A run that is killed while it asks a server is taken up where its last fragment ends."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter

from tests.annotations.tagging.chat_server import KEY, says, serving, tags

TAG = """
    import sys
    from pathlib import Path
    from mig_dagster.annotations import FragmentCache, Row
    from mig_dagster.annotations import cache as caching
    from mig_dagster.annotations.tagging import EndpointSpec, EndpointTagger, tag_rows
    from mig_dagster.conversation import Conversation, Message
    from mig_dagster.storage.store import Store

    caching.FLUSH_ROWS = 10
    rows = [Row(f"{i:032x}", Conversation((Message("user", f"query {i}"),))) for i in range(200)]
    tagger = EndpointTagger(EndpointSpec(sys.argv[2], "m", concurrency=4))
    made = tag_rows(rows, tagger, FragmentCache(Store(Path(sys.argv[1]))))
    assert made.values["tags"] == [["x"]] * 200, made
"""


def test_a_killed_run_asks_only_what_is_missing(tmp_path):
    kills = [random.Random(0).randint(1, 60) for _ in range(2)]
    with serving(lambda prompt, n: says(tags("x"), after=0.002)) as (server, url):
        command = [sys.executable, "-c", textwrap.dedent(TAG), str(tmp_path), url]
        environment = os.environ | {"OPENAI_API_KEY": KEY}
        for after in kills:
            asked = len(server.requests)
            with subprocess.Popen(command, env=environment) as process:
                while len(server.requests) < asked + after and process.poll() is None:
                    time.sleep(0.001)
                process.send_signal(signal.SIGKILL)
            assert process.returncode == -signal.SIGKILL
        subprocess.run(command, env=environment, check=True)
        times = Counter(server.prompts)
        assert len(times) == 200
        # A kill loses at most what waited for a flush, and the requests on their way.
        assert sum(times.values()) <= 200 + len(kills) * (10 + 4)
        subprocess.run(command, env=environment, check=True)
        assert Counter(server.prompts) == times
