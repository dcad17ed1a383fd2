"""The user side of functions on stacks and symbols: numbers of stacks and addresses made into text.

Apart from their rows, so that a start from the cache imports this alone.
"""

from __future__ import annotations

from ..lean import Iterable
from .services import Services, SymbolPlace

WORD = (1 << 64) - 1


def no_stack(rt: Services) -> int:
    """Return 0: a handler in user space interrupts nothing."""
    return 0


def hexadecimal(address: int) -> str:
    return f"0x{address & WORD:x}"


def addresses_of(text: str) -> list[int]:
    """Return the addresses in a text of hexadecimal numbers; what is no number ends them."""
    found: list[int] = []
    for word in text.split():
        try:
            found.append(int(word, 16) & WORD)
        except ValueError:
            break
    return found


def joined(addresses: Iterable[int]) -> str:
    return " ".join(map(hexadecimal, addresses))


def place_text(address: int, found: SymbolPlace | None, with_size: bool = True, with_module: bool = True) -> str:
    """Return "vfs_read+0x10/0x340 [kernel]", less where less is known or asked for."""
    if found is None:
        return hexadecimal(address)
    name, offset, size, module = found
    place = f"{name}+{offset:#x}" if name else f"{hexadecimal(address)}"
    if name and size and with_size:
        place += f"/{size:#x}"
    if not module or not with_module:
        return place
    inside = "" if name else f"+{offset:#x}" + (f"/{size:#x}" if size and with_size else "")
    return f"{place} [{module}{inside}]"


def first(addresses: list[int], count: int) -> list[int]:
    """Return the innermost address and `count` more; all for a negative count."""
    return addresses if count < 0 else addresses[: count + 1]


# ------------------------------------------------------------------------------------ the kernel's addresses


def kernel_line(rt: Services, address: int) -> str:
    return f" {hexadecimal(address)} : {place_text(address, rt.kernel_symbol(address))}\n"


def simple_line(rt: Services, address: int) -> str:
    return f"{place_text(address, rt.kernel_symbol(address), with_size=False)}\n"


def print_addresses(rt: Services, text: str) -> None:
    for address in addresses_of(text):
        rt.write(kernel_line(rt, address))


def simple_text(rt: Services, text: str) -> str:
    return "".join(simple_line(rt, address) for address in addresses_of(text))


def full_text(rt: Services, text: str) -> str:
    """Return a line of symdata() for each address."""
    lines = [place_text(address, rt.kernel_symbol(address)) + "\n" for address in addresses_of(text)]
    return "".join(lines)


# ------------------------------------------------------------------------------------------- stack numbers


def stack_hex(rt: Services, stack: int) -> str:
    return joined(rt.kernel_stack(stack))


def stack_text(rt: Services, stack: int) -> str:
    return "".join(simple_line(rt, address) for address in rt.kernel_stack(stack))


def print_stack_number(rt: Services, stack: int) -> None:
    for address in rt.kernel_stack(stack):
        rt.write(kernel_line(rt, address))


def print_stack_lines(rt: Services, stack: int) -> None:
    """Print a stack with files and lines where the kernel's debuginfo is at hand."""
    for address in rt.kernel_stack(stack):
        line = rt.kernel_line(address)
        where = f" at {line[0]}:{line[1]}" if line is not None else ""
        found = rt.kernel_symbol(address)
        text, bracket, module = place_text(address, found).rpartition(" [")
        rt.write(f" {hexadecimal(address)} : {text or module}{where}{bracket}{module if bracket else ''}\n")


def stack_element(rt: Services, stack: int, level: int) -> int:
    addresses = rt.kernel_stack(stack)
    return signed(addresses[level]) if 0 <= level < len(addresses) else 0


def signed(address: int) -> int:
    return address - (1 << 64) if address >> 63 else address


def stack_callers(rt: Services, stack: int, count: int) -> str:
    return joined(first(list(rt.kernel_stack(stack)), count))


def stack_caller(rt: Services, stack: int) -> str:
    address = stack_element(rt, stack, 1) & WORD
    found = rt.kernel_symbol(address) if address else None
    return f"{found[0] if found is not None and found[0] else hexadecimal(address)} {hexadecimal(address)}"
