"""Six small made-up sources in six formats, served as `demo://name`, with a manifest of what was planted in them."""

from typing import TYPE_CHECKING

from fsspec.registry import register_implementation as _register_file_system
from upath.registry import register_implementation as _register_path

if TYPE_CHECKING:
    from mig_dagster.demo.planted import Manifest

# By name, so that nothing is generated or loaded until a demo:// path is opened.
_register_file_system("demo", "mig_dagster.demo.filesystem.DemoFileSystem", clobber=True)
_register_path("demo", "mig_dagster.demo.filesystem.DemoPath", clobber=True)

SOURCES = ("arithmetic", "essays", "help_desk", "sql", "tool_calls", "units_and_extraction")
LICENCE = "Apache-2.0"


def manifest() -> "Manifest":
    """Return what the sources hold: counts, origins, reasons, duplicates. Generates them on the first call."""
    from mig_dagster.demo.catalogue import manifest as build

    return build()


def sources_yaml() -> str:
    """Return the text of a `sources.yaml` that registers all demo sources."""
    entries = "".join(f"  - name: {name}\n    uri: demo://{name}\n    licence: {LICENCE}\n" for name in SOURCES)
    return f"sources:\n{entries}"
