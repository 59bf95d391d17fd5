"""The services of deploy/compose.yaml as processes of this machine: the commands that stand there, on other ports."""

import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

CHECKOUT = Path(__file__).parents[2]
COMPOSE = CHECKOUT / "deploy" / "compose.yaml"


def command(service: str, ports: dict[str, int]) -> list[str]:
    """Return a service's command, listening on this machine only.

    Args:
        service: its name in compose.yaml.
        ports: the port to use here for the one that stands there.
    """
    words = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"][service]["command"]
    here = [word.replace("0.0.0.0", "127.0.0.1") for word in words]
    for there, port in ports.items():
        here = [re.sub(rf"\b{there}\b", str(port), word) for word in here]
    return here


def start(service: str, ports: dict[str, int], environment: dict[str, str], log: Path) -> subprocess.Popen:
    """Start a service in a process group of its own."""
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with log.open("ab") as output:
        return subprocess.Popen(
            command(service, ports),
            cwd=CHECKOUT,
            env=os.environ | environment | {"PATH": programs},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
