"""What a store refuses, in the same words whichever store it is."""

from __future__ import annotations

from trivet.platform.core.errors import Conflict, CoreError


class StoreVersionError(CoreError):
    """The data were written by a newer Trivet than this one; nothing was touched."""

    code = "data_too_new"
    title = "The data folder belongs to a newer Trivet"
    default_hint = "Install that version of Trivet or a newer one, or choose another folder: --data DIR."


class StoreDamagedError(CoreError):
    """The database file is not one of ours, or no longer whole."""

    code = "data_damaged"
    title = "The database file is damaged"
    default_hint = (
        "Put back a backup of the data folder, or choose another folder: --data DIR. The file was left as it is."
    )


def owner_name_taken(name: str) -> Conflict:
    """Accounts and organizations share their names."""
    return Conflict(f"The name {name!r} is taken.", hint="Choose another; upper and lower case count as the same.")


def id_taken(noun: str, taken: str) -> Conflict:
    """An id that is in use."""
    return Conflict(f"The {noun} id {taken!r} is taken.", hint="Choose another, or leave it out to be given one.")


def endpoint_name_taken(full_name: str) -> Conflict:
    """An ``owner/name`` that is in use."""
    return Conflict(f"There is an endpoint {full_name!r} already.", hint="Choose another name; case does not count.")


def model_id_taken(model_id: int | None) -> Conflict:
    """An integer id that is in use."""
    return Conflict(f"The model id {model_id} is taken.", hint="Choose another, or leave it out to be given one.")


def title_taken(noun: str, name: str) -> Conflict:
    """The name of an image, a template or a credential that its owner has given already."""
    return Conflict(
        f"There is a {noun} {name!r} already.", hint="Choose another name, or change the one that is there."
    )


def number_taken(number: str) -> Conflict:
    """A version number that is in use."""
    return Conflict(
        f"There is a version {number} already, and versions never change.",
        hint="Deploy under a higher number, or leave it out to be given the next.",
    )


def missing(noun: str, name: str) -> Conflict:
    """Something that belongs to a thing which is not there."""
    return Conflict(f"There is no {noun} {name!r} for this to belong to; perhaps it has just been removed.")


READ_ONLY = "a read must not change anything; hand the unit of work to `write`"
"""What a unit of work is told that breaks the rule: a fault of the program, not of a caller."""
