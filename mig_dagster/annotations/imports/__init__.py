"""Annotations made elsewhere that came with rows: read, checked, and given to every copy of a conversation.

Which foreign value counts for which signal is said here and nowhere else; a value on another scale never does:

| what came                                                  | counts for                                        |
|------------------------------------------------------------|---------------------------------------------------|
| xsample `annotation.instag`                                | `tags`                                            |
| xsample and DEITA `annotation.deita`; OpenDataArena's      | `quality_scores` of scorer `deita`                |
| `Deita_Complexity` with `Deita_Quality`                    |                                                   |
| CaR's `score` (beside its `label`), xsample's              | `quality_scores` of scorer `iqs`                  |
| `annotation.CaR`                                           |                                                   |
| Superfiltering's `ifd_ppl`, xsample's `ifd_score`,         | `ifd_scores`, column `ifd_ppl`, once their model  |
| OpenDataArena's `IFD`                                      | is named                                          |
| any other number                                           | `quality_scores` of scorer `imported:<column>`    |

OpenDataArena's reward and judge scores are among the last: the records do not say which model gave them.
"""

from mig_dagster.annotations.imports.first import imported_first, not_scored
from mig_dagster.annotations.imports.ifd import ifd_imports
from mig_dagster.annotations.imports.importer import Imported
from mig_dagster.annotations.imports.quality import COLUMN_SCORER, imported_column, quality_imports
from mig_dagster.annotations.imports.xsample import INSTAG_IMPORT, TAG_IMPORTS

__all__ = [
    "COLUMN_SCORER",
    "INSTAG_IMPORT",
    "TAG_IMPORTS",
    "Imported",
    "ifd_imports",
    "imported_column",
    "imported_first",
    "not_scored",
    "quality_imports",
]
