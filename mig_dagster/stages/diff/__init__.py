"""What two stored subsets have in common, and why they differ."""
