"""Where data lives: a store of named objects, and on it the lake of versioned tables."""
