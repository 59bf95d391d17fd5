import polars as pl
import pytest

from mig_dagster.sources import Source
from mig_dagster.sources.discovery import Event, record
from mig_dagster.sources.discovery.events import first_event
from resources.gpu import Gpu
from resources.home import MigHome
from resources.models import Models
from resources.registry import SourceRegistry


def test_without_a_gpu_models_run_on_the_cpu_in_float32_and_selection_in_numpy(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    models = Models(gpu=Gpu())
    assert (models.device, models.selection_device) == ("cpu", None)
    assert models.sentence_encoder().spec.dtype == "float32"


def test_a_gpu_is_used_where_there_is_one(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    models = Models(gpu=Gpu())
    assert (models.device, models.selection_device) == ("cuda:0", "cuda:0")
    spec = models.sentence_encoder().spec
    assert (spec.device, spec.dtype) == ("cuda:0", "float16")


def test_a_device_can_be_named():
    assert Models(gpu=Gpu(device="cpu")).selection_device is None
    assert Models(gpu=Gpu(device="cuda:1")).selection_device == "cuda:1"


def test_the_device_of_the_options_goes_before_that_of_the_gpu(tmp_path):
    (tmp_path / "options.yaml").write_text("device: cpu", encoding="utf-8")
    models = Models(gpu=Gpu(device="cuda:1"), options_path=str(tmp_path / "options.yaml"))
    assert (models.device, models.selection_device) == ("cpu", None)


def test_the_encoder_is_one_for_the_run_and_loads_with_its_first_text(place):
    models = place.resources()["models"]
    assert models.sentence_encoder() is models.sentence_encoder()
    assert "_model" not in models.sentence_encoder().__dict__
    assert models.label_encoder() is models.sentence_encoder()


def test_the_registry_is_read_at_every_use(place):
    registry = SourceRegistry(path=str(place.registry), home=place.home)
    assert list(registry.load()) == ["chat", "maths", "notes"]
    place.register("maths", priority=7)
    assert registry.priorities() == {"maths": 7}
    with pytest.raises(
        LookupError, match=r"source 'chat' is not in .*sources.yaml .it has maths.: add it there, or delete"
    ):
        registry.source("chat")


def test_what_was_discovered_is_registered_beside_what_is_declared(place):
    """Of two with one name or one URI, the declared one counts."""
    found = [
        Source("chat", "/other/chat.jsonl"),
        Source("mine", str(place.folder / "data/maths.json")),
        Source("new", "n"),
    ]
    waiting = first_event("proposed", Source("later", "l"))
    events = [*(first_event("added", source) for source in found), waiting, Event("refresh", "", "chat")]
    record(place.home.store, lambda state: [] if state.number else events)
    registry = place.resources()["registry"]
    loaded = registry.load()
    assert list(loaded) == ["chat", "maths", "new", "notes"]
    assert loaded["chat"].uri == str(place.folder / "data/chat.jsonl.gz")
    assert registry.discovered().refreshes == {"chat": 1}


def test_a_home_is_made_where_it_is_named(tmp_path):
    home = MigHome(root=str(tmp_path / "new" / "home"))
    home.lake.publish(home.lake.write("thing", pl.DataFrame({"a": [1]})))
    assert home.lake.scan("thing").collect().rows() == [(1,)]
    assert home.catalog == str(tmp_path / "new" / "home" / "catalog" / "lineage.duckdb")
    assert home.export_folder("mig_subset") == str(tmp_path / "new" / "home" / "exports" / "mig_subset")
