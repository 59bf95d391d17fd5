"""What runs chose is verified and compared by its name and by its exported folder, and a clean-up leaves it so."""

import json

from tests.cli.running import run
from tests.dag.tiny import failure, materialise, materialise_all


def verified(place, subset):
    code, stdout, stderr = run("verify", subset, "--home", place.home.root, "--json")
    assert code in (0, 1), stderr
    told = json.loads(stdout)
    return told["state"], told["because"]


def test_a_subset_of_runs_is_verified_after_a_clean_up_and_compared_with_the_one_before(place, instance):
    materialise_all(place, instance)
    assert failure(materialise(place, instance, "subset_export")) == ""
    config = {"mig_subset": {"budget": "3"}}
    assert failure(materialise(place, instance, "mig_subset", config=config)) == ""
    assert run("vacuum", "--home", place.home.root, "--keep", 2, "--grace", -1)[0] == 0
    assert verified(place, "mig") == ("verified", [])
    assert verified(place, "mig~1") == ("verified", [])
    assert verified(place, place.folder / "home/exports/mig_subset") == ("verified", [])
    code, stdout, _ = run("diff", "mig~1", "mig", "--home", place.home.root, "--json")
    told = json.loads(stdout)
    assert code == 0
    assert told["changes"]["choice"]["budget"][1] == "3"
    assert {each["cause"] for each in told["causes"]} <= {"budget", "displaced"}
    assert told["kept"] + told["added"] == 3
