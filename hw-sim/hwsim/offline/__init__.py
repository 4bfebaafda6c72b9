"""A terminal without a network for a year and more, under clocks that are moved by hand."""
