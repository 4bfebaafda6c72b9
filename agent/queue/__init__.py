"""The journal: the terminal's durable, chained, append-only queue of records."""
