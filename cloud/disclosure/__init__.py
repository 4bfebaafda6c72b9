"""One registration, proved and opened to somebody else, without its neighbours."""
