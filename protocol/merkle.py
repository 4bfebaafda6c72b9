"""Merkle trees as in Certificate Transparency (RFC 9162 section 2.1), over SHA-256."""

import hashlib
from collections.abc import Sequence

from protocol.errors import MalformedError


def leaf_hash(leaf: bytes) -> bytes:
    """Hash of a leaf, set apart from nodes by its prefix."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """The root over one or more leaves, and each leaf's inclusion path from the leaf upwards."""
    level = [leaf_hash(leaf) for leaf in leaves]
    paths: list[list[bytes]] = [[] for _ in leaves]
    places = list(range(len(leaves)))
    while len(level) > 1:
        for leaf, place in enumerate(places):
            sibling = place ^ 1
            if sibling < len(level):
                paths[leaf].append(level[sibling])
            places[leaf] = place // 2
        # A last node without a sibling moves up unchanged: RFC 9162's split at a power of two.
        level = [
            _node(level[i], level[i + 1]) if i + 1 < len(level) else level[i]
            for i in range(0, len(level), 2)
        ]
    return level[0], paths


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that `path` proves for leaf `index` of `size` (RFC 9162 section 2.1.3.2).

    Raises MalformedError when the path has not the length its place demands.
    """
    if not 0 <= index < size:
        raise MalformedError(f"leaf {index} of a tree of {size}")
    place, last, result = index, size - 1, leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            raise MalformedError("a Merkle path is too long")
        if place & 1 or place == last:
            result = _node(sibling, result)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            result = _node(result, sibling)
        place >>= 1
        last >>= 1
    if last:
        raise MalformedError("a Merkle path is too short")
    return result
