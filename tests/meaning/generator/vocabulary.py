"""The numbers, texts, operators and functions that generated programs are made of."""

from __future__ import annotations

INTERESTING = (
    0, 1, -1, 2, 3, 7, 10, 63, 64, 65, 100, 255, 256, 4096, -2, -7, 1 << 31, (1 << 31) - 1, -(1 << 31), 1 << 32,
    (1 << 32) - 1, (1 << 63) - 1, -(1 << 63), -(1 << 63) + 1, 0x0102030405060708, -1000000007,
)  # fmt: skip
TEXTS = (
    "", "a", "b", "ab", "abc", "hello", "Hello, world", "0", "42", "-17", "0x1fz", "077", "12345678", "a b\\tc",
    "\\n", "%d %s", "\\\"quoted\\\"", "\\\\", "\\377\\200", "zzzzzzzzzzzzzzzz", "abcdefghijklmnopqrstuvwxyz0123456789",
    "the quick brown fox jumps over the lazy dog, and the dog does not mind in the least",
)  # fmt: skip
PATTERNS = ("a", "^a", "b$", "[a-c]+", "x*", "l+o", "(a|b)c", "[0-9]", "^$", "wor.d")
KEYS = ("long", "string", "long, long", "string, long", "long, string", "string, string")
ARITHMETIC = ("+", "-", "*", "&", "|", "^", "/", "%", "<<", ">>", ">>>")
COMPARISON = ("==", "!=", "<", ">", "<=", ">=")
UPDATES = ("+=", "-=", "*=", "&=", "|=", "^=", "/=", "%=", "<<=", ">>=", ">>>=")
ONE_LONG = (
    "htons", "htonl", "htonll", "ntohs", "ntohl", "ntohll", "big_endian2", "big_endian4", "big_endian8",
    "little_endian2", "little_endian4", "little_endian8", "MAJOR", "MINOR", "usrdev2kerndev", "WIFEXITED",
    "WEXITSTATUS", "WTERMSIG", "cputime_to_msecs", "cputime_to_usecs", "errno_p",
)  # fmt: skip
LONG_TO_TEXT = (
    "errno_str", "signal_str", "ip_ntop", "sock_fam_num2str", "sock_prot_num2str", "sock_state_num2str",
    "sock_type_num2str",
)  # fmt: skip
LONG_TO_TEXT_USER = (
    "bytes_to_string", "pages_to_string", "msecs_to_string", "usecs_to_string", "nsecs_to_string",
    "sa_flags_str", "msg_flags_num2str", "sa_handler_str",
)  # fmt: skip
CONVERSIONS = ("%d", "%s", "%x", "%u", "%i", "%c")
RICH_CONVERSIONS = (
    "%5d", "%-5d|", "%05d", "%+d", "% d", "%.3d", "%8.3d", "%#x", "%X", "%#X", "%o", "%#o", "%p", "%12s", "%-12s|",
    "%.2s", "%8.3s", "%2c", "%#c", "%016x", "%1b", "%2b", "%4b", "%8b",
)  # fmt: skip
