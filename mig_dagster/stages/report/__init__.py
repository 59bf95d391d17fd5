"""From pools and subsets to the selection report, its folder and its server."""
