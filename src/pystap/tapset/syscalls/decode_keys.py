"""Keys and keyrings (linux/keyctl.h)."""

from __future__ import annotations

from . import Decoder, Memory, address
from .decode_basic import quoted
from .names import MASK_32, Flags, Names, signed, values

key_option = Names("""
KEYCTL_GET_KEYRING_ID=0 KEYCTL_JOIN_SESSION_KEYRING=1 KEYCTL_UPDATE=2 KEYCTL_REVOKE=3 KEYCTL_CHOWN=4 KEYCTL_SETPERM=5
KEYCTL_DESCRIBE=6 KEYCTL_CLEAR=7 KEYCTL_LINK=8 KEYCTL_UNLINK=9 KEYCTL_SEARCH=0xa KEYCTL_READ=0xb
KEYCTL_INSTANTIATE=0xc KEYCTL_NEGATE=0xd KEYCTL_SET_REQKEY_KEYRING=0xe KEYCTL_SET_TIMEOUT=0xf
KEYCTL_ASSUME_AUTHORITY=0x10 KEYCTL_GET_SECURITY=0x11 KEYCTL_SESSION_TO_PARENT=0x12 KEYCTL_REJECT=0x13
KEYCTL_INSTANTIATE_IOV=0x14 KEYCTL_INVALIDATE=0x15 KEYCTL_GET_PERSISTENT=0x16 KEYCTL_DH_COMPUTE=0x17
KEYCTL_PKEY_QUERY=0x18 KEYCTL_PKEY_ENCRYPT=0x19 KEYCTL_PKEY_DECRYPT=0x1a KEYCTL_PKEY_SIGN=0x1b KEYCTL_PKEY_VERIFY=0x1c
KEYCTL_RESTRICT_KEYRING=0x1d KEYCTL_MOVE=0x1e KEYCTL_CAPABILITIES=0x1f KEYCTL_WATCH_KEY=0x20
""")
_KEYRINGS = Names("""
KEY_SPEC_THREAD_KEYRING=-1 KEY_SPEC_PROCESS_KEYRING=-2 KEY_SPEC_SESSION_KEYRING=-3 KEY_SPEC_USER_KEYRING=-4
KEY_SPEC_USER_SESSION_KEYRING=-5 KEY_SPEC_GROUP_KEYRING=-6 KEY_SPEC_REQKEY_AUTH_KEY=-7 KEY_SPEC_REQUESTOR_KEYRING=-8
""")
_REQUEST = Names("""
KEY_REQKEY_DEFL_NO_CHANGE=-1 KEY_REQKEY_DEFL_DEFAULT=0 KEY_REQKEY_DEFL_THREAD_KEYRING KEY_REQKEY_DEFL_PROCESS_KEYRING
KEY_REQKEY_DEFL_SESSION_KEYRING KEY_REQKEY_DEFL_USER_KEYRING KEY_REQKEY_DEFL_USER_SESSION_KEYRING
KEY_REQKEY_DEFL_GROUP_KEYRING KEY_REQKEY_DEFL_REQUESTOR_KEYRING
""")


def keyring(value: int) -> str:
    """Return the serial number of a key; the negative ones stand for keyrings of the caller."""
    number = signed(value)
    return _KEYRINGS[number & MASK_32] if -8 <= number < 0 else str(number)


_PERMISSION = Flags(
    " ".join(
        f"KEY_{who}_{what}={1 << shift + bit:#x}"
        for who, shift in (("POS", 24), ("USR", 16), ("GRP", 8), ("OTH", 0))
        for bit, what in enumerate(("VIEW", "READ", "WRITE", "SEARCH", "LINK", "SETATTR"))
    )
)
KEY_ARGUMENTS = {
    0: "ki", 1: "s", 2: "kau", 3: "k", 4: "kii", 5: "kp", 6: "kau", 7: "k", 8: "kk", 9: "kk", 10: "kssk", 11: "kau",
    12: "kauk", 13: "kuk", 14: "r", 15: "ku", 16: "k", 17: "kau", 18: "", 19: "kuuk", 20: "kauk", 21: "k", 22: "ik",
    23: "aaua", 24: "kisa", 25: "asaa", 26: "asaa", 27: "asaa", 28: "asaa", 29: "kss", 30: "kkku", 31: "au", 32: "kii",
}  # fmt: skip
"""What the arguments of each option are: a key, a text, an address, a number with or without sign, a permission, a
default keyring (keyctl(2))."""


def _key_argument(index: int, value: int, option: int, data: bytes | None) -> str | None:
    """Return argument `index` of keyctl behind the option, counted from 0; None where the option takes fewer."""
    kinds = KEY_ARGUMENTS.get(option & MASK_32, "aaaa")
    if index >= len(kinds):
        return None
    match kinds[index]:
        case "k":
            return keyring(value)
        case "s":
            return address(value) if data is None else quoted(data)
        case "i":
            return str(signed(value))
        case "u":
            return str(value & 0xFFFF_FFFF_FFFF_FFFF)
        case "p":
            return _PERMISSION[value]
        case "r":
            return _REQUEST[value & MASK_32]
    return address(value)


def _argument(index: int) -> Decoder:
    def show(value: int, option: int, data: bytes | None) -> str | None:
        return _key_argument(index, value, option, data)

    return Decoder(f"key_argument_{index + 2}", show, (Memory("text", 64),))


DECODERS = (*values(key_option=key_option, keyring=keyring), *(_argument(index) for index in range(4)))
