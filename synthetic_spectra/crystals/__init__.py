"""Crystal structures: the lines of their powder patterns."""
