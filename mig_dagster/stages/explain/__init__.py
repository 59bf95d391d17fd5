"""Why each row was chosen, and why another one was not."""
