#!/usr/bin/env bash
# Serve S3 on port 7480 (S3_PORT) from the folder /srv/ceph (S3_FOLDER), which is made ready on the first start and kept.
# The one user's keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; S3_GIGABYTES is the most the folder may grow to.
set -euo pipefail
folder=${S3_FOLDER:-/srv/ceph} port=${S3_PORT:-7480} monitor=${S3_MONITOR_PORT:-3300}
: "${AWS_ACCESS_KEY_ID:?the key that clients sign with}" "${AWS_SECRET_ACCESS_KEY:?its secret}"
cd "$folder"
mkdir -p mon osd rgw run

[ -e fsid ] || uuidgen >fsid
cat >ceph.conf <<CONF
[global]
fsid = $(<fsid)
mon_host = v2:127.0.0.1:$monitor
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
mon_data = $folder/mon
osd_data = $folder/osd
rgw_data = $folder/rgw
keyring = $folder/keyring
run_dir = $folder/run
admin_socket = $folder/run/\$name.asok
pid_file = $folder/run/\$name.pid
log_to_file = false
log_to_stderr = true
mon_cluster_log_to_file = false
crash_dir = $folder/run
osd_objectstore = bluestore
bluestore_block_size = $((${S3_GIGABYTES:-100} << 30))
bluestore_block_db_create = false
bluestore_block_wal_create = false
osd_memory_target = 1073741824
osd_numa_auto_affinity = false
[client]
rgw_frontends = beast port=$port
CONF
export CEPH_CONF=$folder/ceph.conf

start() { # each daemon stays in the foreground of its own job, so that `wait -n` sees it end
  "$@" -f &
}

if [ ! -e made ]; then
  rm -rf mon/* osd/* keyring monmap
  ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
  for name in client.admin osd.0; do
    ceph-authtool keyring --gen-key -n $name --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *' >/dev/null
  done
  monmaptool --create --clobber --addv a "[v2:127.0.0.1:$monitor]" --fsid "$(<fsid)" monmap >/dev/null
  ceph-mon --mkfs -i a --monmap monmap --keyring keyring
fi
start ceph-mon -i a
if [ ! -e made ]; then
  disk=$(uuidgen)
  ceph osd new "$disk" 0
  ceph-osd -i 0 --mkfs --osd-uuid "$disk"
fi
start ceph-osd -i 0
start radosgw -n client.admin
stop() { # the gateway waits for storage that may be gone: after half a minute nobody is asked any more
  trap - EXIT TERM INT
  kill $(jobs -p) 2>/dev/null || true
  for _ in {1..60}; do [ -z "$(jobs -rp)" ] && exit 1; sleep 0.5; done
  kill -9 $(jobs -p) 2>/dev/null || true
  exit 1
}
trap stop EXIT TERM INT

until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  [ "$(jobs -rp | wc -l)" -eq 3 ] || { echo "a daemon ended before the gateway answered" >&2; exit 1; }
  sleep 0.5
done
if [ ! -e made ]; then
  radosgw-admin user create --uid mig --display-name mig \
    --access-key "$AWS_ACCESS_KEY_ID" --secret-key "$AWS_SECRET_ACCESS_KEY" >/dev/null
  touch made
fi
echo "S3 on port $port"
wait -n || true # one daemon gone: end with the others, and let the container be started again
