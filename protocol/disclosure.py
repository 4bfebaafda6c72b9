"""Disclosures: one record, proved and opened, without its neighbours.

A verifier is shown the record's body and blob, its own key `k`, the link before it and the
hashes of the bodies between it and the next head. Nothing about anybody else is in it.

A record that was carried over stands inside the body of the one that carries it: that one's place
in the chain is proved, and the blob opens at the place where the record first stood.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import cbor, chain
from protocol.badges import Badge
from protocol.blobs import Place, blob_hash, open_disclosed
from protocol.bodies import Body, Kind
from protocol.errors import LinkError, MalformedError, SealError, SignatureError
from protocol.fields import as_array, as_bytes, as_map, version
from protocol.keys import VerifyKey
from protocol.salvaged import carried_body


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One record with its proof.

    `link` is link(seq-1); `following` holds H(body) of each record after it up to the head's;
    `blob` and `key` are None when the record names nobody, or the blob was erased.
    """

    body: bytes
    link: bytes
    following: Sequence[bytes]
    head: bytes
    blob: bytes | None = None
    key: bytes | None = None

    def encode(self) -> bytes:
        """Deterministic CBOR."""
        return cbor.encode(
            {
                0: 1,
                1: self.body,
                2: self.link,
                3: list(self.following),
                4: self.head,
                5: self.blob,
                6: self.key,
            }
        )

    @classmethod
    def decode(cls, raw: bytes) -> "Disclosure":
        """Read a disclosure; `verify` says whether it is true. Raises MalformedError."""
        fields = as_map(cbor.decode(raw), "a disclosure")
        version(fields, "a disclosure")
        if fields.keys() != set(range(7)):
            raise MalformedError("a disclosure has other parts than its seven")
        blob, key = fields.get(5), fields.get(6)
        return cls(
            as_bytes(fields.get(1), "body"),
            as_bytes(fields.get(2), "link", 32),
            [as_bytes(item, "H(body)", 32) for item in as_array(fields.get(3), "following")],
            as_bytes(fields.get(4), "head"),
            None if blob is None else as_bytes(blob, "blob"),
            None if key is None else as_bytes(key, "key", 32),
        )

    def verify(self, signer: VerifyKey, terminal: bytes | None = None) -> tuple[Body, Badge | None]:
        """The record as it stands in the chain, and who tapped if that is disclosed.

        What a record says that was carried over, `carried_body` tells of it. `signer` is the key of
        `terminal`, which is its own thumbprint unless a key record has replaced it. Raises
        MalformedError, SignatureError, LinkError, SealError.
        """
        head = chain.verify_head(self.head, signer)
        if head.terminal != (terminal or signer.thumbprint):
            raise SignatureError("the head speaks for another terminal than the one that signed")
        body = Body.decode(self.body)
        if (body.terminal, body.epoch) != (head.terminal, head.epoch):
            raise LinkError("the head belongs to another terminal or epoch than the record")
        if body.seq + len(self.following) != head.seq:
            raise LinkError(f"record {body.seq} is not {len(self.following)} before the head")
        link = chain.next_link(self.link, self.body)
        for body_hash in self.following:
            link = chain.next_link_by_hash(link, body_hash)
        if link != head.link:
            raise LinkError(f"record {body.seq} is not in the chain that the head signs")
        meant = carried_body(body) if body.kind == Kind.SALVAGED else body
        return body, self._open(meant)

    def _open(self, body: Body) -> Badge | None:
        if self.blob is None:
            if self.key is not None:
                raise SealError(f"record {body.seq}: a key is shown, and no blob for it to open")
            return None
        ref = body.blob_ref
        if ref is None or blob_hash(self.blob) != ref.blob_hash:
            raise SealError(f"record {body.seq} names another blob than the one shown")
        if self.key is None:
            return None
        place = Place(body.terminal, body.epoch, body.seq, ref.seal_id)
        return open_disclosed(self.blob, self.key, place)
