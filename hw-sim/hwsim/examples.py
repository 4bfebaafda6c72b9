"""The first few of each kind of fault, in words: a campaign may find a million."""

_SHOWN = 5


class Examples(list[str]):
    """What is shown; a kind of fault has a place in it as long as it is rare."""

    def add(self, count: int, what: str) -> None:
        """`what` is the fault of that number of its kind, from 1."""
        if count <= _SHOWN:
            self.append(what)
