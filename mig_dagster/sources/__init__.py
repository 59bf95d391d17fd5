"""Where datasets are and what is in them: the registry, revisions, and readers that account for every record."""

from mig_dagster.sources.check import check
from mig_dagster.sources.files import files_of
from mig_dagster.sources.formats import FORMATS
from mig_dagster.sources.locations import SourceFile
from mig_dagster.sources.reader import read_file, read_source
from mig_dagster.sources.reasons import REASONS, Defect
from mig_dagster.sources.records import Accepted, Blank, Rejected, SourceFileError
from mig_dagster.sources.refresh import refresh_plan
from mig_dagster.sources.registry import RegistryError, Source, load_registry
from mig_dagster.sources.registry_edit import add_source, check_addition, remove_source
from mig_dagster.sources.revisions import FileVersion, Revision, changed_files, is_remote, resolve

__all__ = [
    "FORMATS",
    "REASONS",
    "Accepted",
    "Blank",
    "Defect",
    "FileVersion",
    "RegistryError",
    "Rejected",
    "Revision",
    "Source",
    "SourceFile",
    "SourceFileError",
    "add_source",
    "changed_files",
    "check",
    "check_addition",
    "files_of",
    "is_remote",
    "load_registry",
    "read_file",
    "read_source",
    "refresh_plan",
    "remove_source",
    "resolve",
]
