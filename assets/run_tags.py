"""Tags that say what a run is about and what started it."""

STAGE = "mig/stage"
"""Which job's work it is."""
TRIGGER = "mig/trigger"
"""What started it; a run without was started by a person in the UI."""
AUTOMATION = "automation"
"""Of runs that the conditions of assets asked for."""
MENDED = "sources_mended"
"""Of runs that are repeated because the registry could not be read before."""
APPROVED = "approved"
"""Of runs that annotate a source which was held until a person let it go on."""
BY_ITSELF = (AUTOMATION, MENDED)
"""Nobody asked for these: they annotate nothing that costs more than automation may spend."""
