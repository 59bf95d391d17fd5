import sys

import pytest

from mig_dagster.annotations import model_files
from mig_dagster.annotations.model_files import MINILM, ModelError, find_model, packaged_minilm

hub = pytest.importorskip("huggingface_hub")
errors = pytest.importorskip("huggingface_hub.errors")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "my-model" / "1_Pooling").mkdir(parents=True)
    (tmp_path / "my-model" / "modules.json").write_text("[]")
    (tmp_path / "my-model" / "weights.bin").write_bytes(b"weights")
    (tmp_path / "my-model" / "1_Pooling" / "config.json").write_text("{}")
    return tmp_path / "my-model"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the offline model's name that fails when it is imported."""
    root = tmp_path / "site" / model_files.MINILM_PACKAGE
    (root / "model").mkdir(parents=True)
    (root / "__init__.py").write_text("raise ImportError('this package must not be imported')")
    (root / "model" / "model.safetensors").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.delitem(sys.modules, model_files.MINILM_PACKAGE, raising=False)
    return root


@pytest.fixture
def hub_answers(monkeypatch):
    """Replace the Hub by an answer or an error; returns the calls."""

    def install(answer):
        calls = []

        def snapshot_download(*args, **kwargs):
            calls.append((args, kwargs))
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
        return calls

    return install


def test_a_folder_is_named_by_its_last_component_and_pinned_by_its_content(folder):
    found = find_model(str(folder))
    assert (found.name, found.location, found.commit) == ("my-model", str(folder), None)
    assert found.revision.startswith("sha256:")
    assert find_model(str(folder)) == found
    (folder / "1_Pooling" / "config.json").write_text("{ }")
    assert find_model(str(folder)).revision != found.revision


def test_a_folder_moved_elsewhere_has_the_same_revision(folder, tmp_path):
    before = find_model(str(folder))
    moved = folder.rename(tmp_path / "elsewhere")
    assert find_model(str(moved)).revision == before.revision


def test_hidden_files_do_not_count(folder):
    before = find_model(str(folder)).revision
    (folder / ".cache").mkdir()
    (folder / ".cache" / "lock").write_text("x")
    assert find_model(str(folder)).revision == before


def test_a_folder_without_a_model_is_an_error(tmp_path):
    with pytest.raises(ModelError, match=r"holds no model: expected modules.json or config.json"):
        find_model(str(tmp_path))


def test_a_folder_has_no_revisions(folder):
    with pytest.raises(ValueError, match="revision 'main' was given for the folder"):
        find_model(str(folder), "main")


def test_the_default_encoder_comes_from_the_offline_package_without_importing_it(package, monkeypatch):
    monkeypatch.setattr(model_files, "MINILM_SHA256", model_files.hash_file(package / "model" / "model.safetensors"))
    found = find_model(MINILM)
    assert (found.name, found.location, found.commit) == (MINILM, str(package / "model"), None)
    assert model_files.MINILM_PACKAGE not in sys.modules


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_other_weights_in_the_offline_package_are_refused(package, damage):
    if damage == "missing":
        (package / "model" / "model.safetensors").unlink()
    with pytest.raises(
        ModelError, match=r"is not sentence-transformers.*expected sha256 53aa5117.*Reinstall the extra"
    ):
        find_model(MINILM)


def test_the_installed_offline_package_holds_the_hubs_weights():
    if model_files.packaged_minilm() is None:
        pytest.skip("needs the extra 'offline'")
    assert find_model(MINILM).revision == "sha256:53aa51172d142c89"


def test_a_revision_of_the_default_encoder_is_looked_up_on_the_hub(package, hub_answers):
    calls = hub_answers("/cache/snapshots/abc123")
    found = find_model(MINILM, "refs/pr/1")
    assert (found.location, found.revision, found.commit) == (MINILM, "abc123", "abc123")
    assert calls[0][1]["revision"] == "refs/pr/1"


def test_a_hub_model_is_pinned_by_its_commit(hub_answers):
    hub_answers("/cache/models--a--b/snapshots/0123abc")
    found = find_model("a/b")
    assert (found.name, found.location, found.revision, found.commit) == ("a/b", "a/b", "0123abc", "0123abc")


@pytest.mark.parametrize(
    "error",
    [
        errors.LocalEntryNotFoundError("no connection"),
        errors.OfflineModeIsEnabled("offline"),
        OSError("refused"),
    ],
)
def test_a_hub_that_cannot_be_reached_stops_with_what_to_do(hub_answers, error):
    hub_answers(error)
    with pytest.raises(ModelError, match=r"'a/b' is neither a folder.*give a folder.*HF_HOME.*HF_TOKEN"):
        find_model("a/b")


def test_a_gated_model_stops_with_what_to_do(hub_answers):
    httpx = pytest.importorskip("httpx")
    response = httpx.Response(403, request=httpx.Request("GET", "https://hub.test"))
    hub_answers(errors.GatedRepoError("gated", response=response))
    with pytest.raises(
        ModelError, match=r"'a/b' at revision 'v1'.*GatedRepoError: gated.*set HF_TOKEN and accept its terms"
    ):
        find_model("a/b", "v1")


def test_a_name_that_is_no_hub_id_stops_with_what_to_do():
    with pytest.raises(ModelError, match="neither a folder nor"):
        find_model("no/such/folder")


def test_without_package_and_hub_the_default_encoder_says_how_to_get_it(hub_answers, monkeypatch):
    monkeypatch.setattr(model_files, "find_spec", lambda name: None)
    hub_answers(errors.LocalEntryNotFoundError("no connection"))
    with pytest.raises(ModelError, match=r"install the extra 'offline' \(pip install 'mig-dagster\[offline\]'\)"):
        find_model(MINILM)


def test_the_short_name_of_the_default_encoder_means_the_same_model():
    if packaged_minilm() is None:
        pytest.skip("needs the extra `offline`")
    assert find_model("all-MiniLM-L6-v2") == find_model(MINILM)
