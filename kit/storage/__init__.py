"""Workspaces in object stores: addresses, their copies on this machine, and folders that appear whole or not at all."""

from kit.storage.address import Address, is_address
from kit.storage.mirror import Mirrored, mirrored, name_below, open_mirror, shown
from kit.storage.note import fetch_note, keep_note
from kit.storage.room import room_for_copies
from kit.storage.sealed_folder import FolderHead, SealedFolder, sealed_folder

__all__ = [
    "Address",
    "FolderHead",
    "Mirrored",
    "SealedFolder",
    "fetch_note",
    "is_address",
    "keep_note",
    "mirrored",
    "name_below",
    "open_mirror",
    "room_for_copies",
    "sealed_folder",
    "shown",
]
