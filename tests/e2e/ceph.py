"""A real S3 server on this machine: one Ceph monitor, one storage daemon on a sparse file, and the object gateway."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from uuid import uuid4

PROGRAMS = (
    "ceph",
    "ceph-authtool",
    "ceph-mon",
    "ceph-osd",
    "monmaptool",
    "radosgw",
    "radosgw-admin",
    "setpriv",
)
KEY, SECRET = "ceph-test-key", "ceph-test-secret"
READY_SECONDS = 90

SETTINGS = """\
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
mon_initial_members = a
public_addr = 127.0.0.1
auth_allow_insecure_global_id_reclaim = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_crit = 1
mon_data = {folder}/mon
osd_data = {folder}/osd
rgw_data = {folder}/rgw
keyring = {folder}/keyring
run_dir = {folder}
admin_socket = {folder}/$name.asok
pid_file = {folder}/$name.pid
log_file = {folder}/$name.log
crash_dir = {folder}
osd_objectstore = bluestore
bluestore_block_size = 8589934592
bluestore_block_db_create = false
bluestore_block_wal_create = false
osd_memory_target = 939524096
osd_numa_auto_affinity = false
[client]
rgw_frontends = beast endpoint=127.0.0.1:{http}
rgw_thread_pool_size = 32
"""


def missing_programs() -> list[str]:
    """Return which programs are not on this machine; Debian has them in ceph-mon, ceph-osd and radosgw."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class Ceph:
    """A running gateway in a folder of its own; `stop` ends its processes and removes the folder.

    Attributes:
        endpoint: the gateway's URL; buckets are paths below it.
        processes: the daemons by name: mon, osd, radosgw.
    """

    def __init__(self) -> None:
        # Sockets have names of at most 107 characters, too few for the temporary folders of pytest.
        self.folder = Path(tempfile.mkdtemp(prefix="ceph-"))
        v2, v1, http = _free_ports(3)
        self.endpoint = f"http://127.0.0.1:{http}"
        self.processes: dict[str, subprocess.Popen] = {}
        self._conf = self.folder / "ceph.conf"
        self._fsid = str(uuid4())
        self._conf.write_text(SETTINGS.format(folder=self.folder, fsid=self._fsid, v1=v1, v2=v2, http=http))
        self._monitor_address = f"[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]"
        for name in ("mon", "osd", "rgw"):
            (self.folder / name).mkdir()

    def start(self) -> None:
        try:
            self._start_monitor()
            self._start_storage()
            self._start_gateway()
        except BaseException:
            self.stop()
            raise

    def start_daemon(self, name: str) -> None:
        """Start a daemon in the foreground; it ends with this process at the latest."""
        command = {
            "mon": ["ceph-mon", "-i", "a"],
            "osd": ["ceph-osd", "-i", "0"],
            "radosgw": ["radosgw", "-n", "client.admin"],
        }[name]
        with (self.folder / f"{name}.out").open("ab") as output:
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command, "-c", str(self._conf), "-f"],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self, name: str) -> None:
        """Kill a daemon and wait for its end."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self) -> None:
        for process in reversed(self.processes.values()):
            process.kill()
        for process in self.processes.values():
            process.wait()
        shutil.rmtree(self.folder)

    def _start_monitor(self) -> None:
        keyring, monmap = str(self.folder / "keyring"), str(self.folder / "monmap")
        self._run("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        caps = [word for daemon in ("mon", "osd", "mgr") for word in ("--cap", daemon, "allow *")]
        for name in ("client.admin", "osd.0"):
            self._run("ceph-authtool", keyring, "--gen-key", "-n", name, *caps)
        self._run("monmaptool", "--create", "--addv", "a", self._monitor_address, "--fsid", self._fsid, monmap)
        self._ceph("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self.start_daemon("mon")

    def _start_storage(self) -> None:
        identity = str(uuid4())
        self._ceph("ceph", "osd", "new", identity, "0")
        self._ceph("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self.start_daemon("osd")

    def _start_gateway(self) -> None:
        self.start_daemon("radosgw")
        deadline = time.monotonic() + READY_SECONDS
        port = int(self.endpoint.rsplit(":", 1)[1])
        while not _listens(port):
            gateway = self.processes["radosgw"]
            if gateway.poll() is not None or time.monotonic() > deadline:
                logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in self.folder.glob("*.out"))
                raise RuntimeError(f"the Ceph gateway did not come up (exit code {gateway.poll()}):\n{logs}")
            time.sleep(0.2)
        user = ["--uid", "tests", "--display-name", "tests", "--access-key", KEY, "--secret-key", SECRET]
        self._ceph("radosgw-admin", "user", "create", *user)

    def _ceph(self, program: str, *arguments: str) -> None:
        self._run(program, "-c", str(self._conf), *arguments)

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, timeout=READY_SECONDS)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed with code {done.returncode}: {done.stderr[-2000:]}")


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
