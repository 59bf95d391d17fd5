"""What happens every night."""

import dagster as dg

from assets.jobs import TRIGGER, publish_catalog, refresh

nightly_refresh = dg.ScheduleDefinition(
    name="nightly_refresh",
    job=refresh,
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    tags={TRIGGER: "schedule"},
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Looks at every source at 03:00 UTC. Those on the Hub and on S3 are looked at only then, when they are "
    "new or registered in another way, and on `mig-dagster sources refresh`.",
)
nightly_catalog = dg.ScheduleDefinition(
    name="nightly_catalog",
    job=publish_catalog,
    cron_schedule="0 4 * * *",
    execution_timezone="UTC",
    tags={TRIGGER: "schedule"},
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Publishes the catalog at 04:00 UTC, whether or not rows changed: it also has runs that failed, "
    "removals, discoveries and licences.",
)
schedules = [nightly_refresh, nightly_catalog]
