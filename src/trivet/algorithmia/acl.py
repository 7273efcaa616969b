"""Who may read a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from trivet.algorithmia.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Acl", "AclInner", "AclType", "ReadAcl"]


class AclInner:
    """One of the three kinds of readers.

    Args:
        pseudonym: its name here.
        acl_string: its name on the wire; None for nobody else.
    """

    def __init__(self, pseudonym: str, acl_string: str | None) -> None:
        self.pseudonym = pseudonym
        self.acl_string = acl_string

    def __repr__(self) -> str:
        return f"AclType(pseudonym={self.pseudonym},acl_string={self.acl_string})"


class AclType:
    """The kinds of readers."""

    public: ClassVar[AclInner] = AclInner("public", "user://*")
    """Every account."""
    my_algos: ClassVar[AclInner] = AclInner("my_algos", "algo://.my/*")
    """The owner, and the owner's algorithms, whoever calls them."""
    private: ClassVar[AclInner] = AclInner("private", None)
    """The owner."""
    default: ClassVar[AclInner] = my_algos
    types: ClassVar[tuple[AclInner, ...]] = (public, my_algos, private)

    @staticmethod
    def from_acl_response(acl_list: Sequence[str]) -> AclInner:
        """The kind that an answer names.

        Raises:
            InputError: it is none of them; also a `ValueError`.
        """
        if not acl_list:
            return AclType.private
        for kind in AclType.types:
            if kind.acl_string == acl_list[0]:
                return kind
        raise InputError(f"Invalid acl string {acl_list[0]}")


class Acl:
    """What a collection permits.

    Args:
        read_acl: who may read it.
    """

    def __init__(self, read_acl: AclInner) -> None:
        self.read_acl = read_acl

    @staticmethod
    def from_acl_response(acl_response: Mapping[str, Sequence[str]]) -> Acl:
        """What an answer says.

        Raises:
            InputError: it does not say who may read; also a `ValueError`.
        """
        if "read" not in acl_response:
            raise InputError("Response does not contain read ACL")
        return Acl(AclType.from_acl_response(acl_response["read"]))

    def to_api_param(self) -> dict[str, list[str]]:
        """The same, as it is sent."""
        readers = self.read_acl.acl_string
        return {"read": [] if readers is None else [readers]}


class ReadAcl:
    """What `create` and `update_permissions` of a directory take."""

    public: ClassVar[Acl] = Acl(AclType.public)
    private: ClassVar[Acl] = Acl(AclType.private)
    my_algos: ClassVar[Acl] = Acl(AclType.my_algos)
