"""Which revision of each source was read last, from the ledger."""

import json

from mig_dagster.lineage.ledger import Ledger
from mig_dagster.sources import FileVersion, Revision


def last_revisions(ledger: Ledger) -> dict[str, Revision]:
    """Return the revision whose rows were read last, by source."""
    return {
        line["source"]: Revision(line["revision"], tuple(FileVersion(**file) for file in json.loads(line["files"])))
        for line in ledger.read("revisions").iter_rows(named=True)
    }
