"""A PostgreSQL server of Debian's on this machine: a new cluster, a port of its own, and not run by root."""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

NAME = "dagster"


def programs() -> Path | None:
    """Return the folder of the newest installed version's programs."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


class Postgres:
    """A running cluster with one database; `stop` ends it and removes its folder.

    Attributes:
        port: where it listens on 127.0.0.1; the way in is a password.
        environment: what deploy/dagster.postgres.yaml reads.
    """

    def __init__(self, programs: Path, port: int) -> None:
        # pytest's own folders admit nobody else, and the server refuses to run as root.
        self.folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self.port = port
        self._programs = programs
        self._as = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        password = secrets.token_hex(16)
        self.environment = {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": str(port),
            "DAGSTER_POSTGRES_DB": NAME,
            "DAGSTER_POSTGRES_USER": NAME,
            "DAGSTER_POSTGRES_PASSWORD": password,
        }

    def create(self) -> None:
        """Make the cluster and its database, and start it."""
        secret = self.folder / "password"
        secret.write_text(self.environment["DAGSTER_POSTGRES_PASSWORD"])
        if self._as:
            for path in (self.folder, secret):
                shutil.chown(path, "postgres")
        access = ["--auth-host=scram-sha-256", "--auth-local=trust", f"--pwfile={secret}", "-U", NAME]
        self._run("initdb", "-D", str(self.folder / "data"), "--no-sync", "-E", "UTF8", *access)
        self.start()
        self._run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", NAME, NAME)

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-t", "60", "-o", options, "-l", log, "start")

    def kill(self) -> None:
        """Kill the server as a power cut would; its helpers end when they notice."""
        process = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        os.kill(process, signal.SIGKILL)
        while Path(f"/proc/{process}").exists():
            time.sleep(0.05)
        time.sleep(1)

    def psql(self, *arguments: str) -> str:
        """Return what psql prints, unaligned and without headers."""
        place = ["-h", str(self.folder), "-p", str(self.port), "-U", NAME, "-d", NAME]
        return self._run("psql", "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", *place, *arguments)

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def _run(self, name: str, *arguments: str) -> str:
        command = [*self._as, str(self._programs / name), *arguments]
        # The server inherits what pg_ctl was given: a pipe would stay open as long as it runs.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(command, cwd="/", stdout=output, stderr=subprocess.STDOUT, timeout=90)
            output.seek(0)
            said = output.read()
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed with code {done.returncode}: {said[-2000:]}")
        return said
