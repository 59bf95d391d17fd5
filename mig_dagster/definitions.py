"""What Dagster loads: assets, jobs, sensors and resources of this checkout, put together.

The only file of the library that imports Dagster, `assets` and `resources`, and the only one that reads environment
variables. From a bare wheel, which has neither folder, importing it fails.
"""

from pathlib import Path

import dagster as dg

from assets import all_assets
from assets.jobs import jobs
from assets.schedules import schedules
from assets.sensors import sensors
from resources.gpu import Gpu
from resources.home import MigHome
from resources.lake_io import LakeIOManager
from resources.models import Models
from resources.registry import SourceRegistry
from resources.webhook import FailureWebhook

CHECKOUT = Path(__file__).parents[1]


@dg.definitions
def defs() -> dg.Definitions:
    """Return the code location.

    MIG_HOME is where data is kept (default `mig_home` in the checkout), MIG_SOURCES the registry (default
    `sources.yaml` there), MIG_OPTIONS a YAML file of models and options (default: the profile `cpu`),
    MIG_FAILURE_WEBHOOK a web address that is told of failed runs (default: none), MIG_REPORTS_URL the address under
    which `reports` of MIG_HOME is served (default: nobody serves it).
    """
    home = MigHome(
        root=dg.EnvVar("MIG_HOME").get_value(str(CHECKOUT / "mig_home")) or "",
        reports_url=dg.EnvVar("MIG_REPORTS_URL").get_value("") or "",
    )
    gpu = Gpu()
    # Handed on as a variable: the UI shows the values of resources, and such an address is a secret.
    webhook = dg.EnvVar("MIG_FAILURE_WEBHOOK")
    return dg.Definitions(
        assets=all_assets,
        jobs=jobs,
        schedules=schedules,
        sensors=sensors,
        resources={
            "home": home,
            "io_manager": LakeIOManager(home=home),
            "registry": SourceRegistry(
                path=dg.EnvVar("MIG_SOURCES").get_value(str(CHECKOUT / "sources.yaml")) or "", home=home
            ),
            "webhook": FailureWebhook(url=webhook if webhook.get_value() else ""),
            "gpu": gpu,
            "models": Models(gpu=gpu, options_path=dg.EnvVar("MIG_OPTIONS").get_value("") or ""),
        },
        # One run is one process: a step of the multiprocess executor would load every library, and the models, again.
        executor=dg.in_process_executor,
    )
