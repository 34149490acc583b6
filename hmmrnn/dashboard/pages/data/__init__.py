"""Own data: from a table of symbol sequences to an explored network."""
