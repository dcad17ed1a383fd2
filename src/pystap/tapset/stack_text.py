"""The user side of functions on stacks and symbols: numbers of stacks and addresses made into text.

Apart from their rows, so that a start from the cache imports this alone.
"""

from __future__ import annotations

from ..lean import Callable, Iterable, Sequence
from ..program.fault_messages import RuntimeFault
from .services import Places, Services, SymbolPlace

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


Finder = Callable[[int], SymbolPlace | None]


def caller_place(find: Finder, address: int, index: int) -> SymbolPlace | None:
    """Return what lies at an address of a stack: all but the innermost are return addresses, which may be the first of
    the next function where a call never returns."""
    if not index or not address:
        return find(address)
    found = find(address - 1)
    return (found[0], found[1] + 1, found[2], found[3]) if found is not None and found[0] else find(address)


def full_lines(find: Finder, addresses: Sequence[int]) -> str:
    """Return " 0xffffffff81234567 : vfs_read+0x10/0x340 [kernel]" for each address."""
    return "".join(
        f" {hexadecimal(address)} : {place_text(address, caller_place(find, address, index))}\n"
        for index, address in enumerate(addresses)
    )


def symbol_lines(find: Finder, addresses: Sequence[int], with_size: bool = False, with_module: bool = True) -> str:
    """Return "vfs_read+0x10 [kernel]" for each address."""
    return "".join(
        place_text(address, caller_place(find, address, index), with_size, with_module) + "\n"
        for index, address in enumerate(addresses)
    )


def source_lines(find: Finder, line_of: Callable[[int], tuple[str, int] | None], addresses: Sequence[int]) -> str:
    """Return the full lines with " at FILE:LINE" where debug information tells."""
    lines = []
    for index, address in enumerate(addresses):
        line = line_of(address - (index > 0))
        where = f" at {line[0]}:{line[1]}" if line is not None else ""
        place, bracket, module = place_text(address, caller_place(find, address, index)).partition(" [")
        lines.append(f" {hexadecimal(address)} : {place}{where}{bracket}{module}\n")
    return "".join(lines)


def signed(address: int) -> int:
    return address - (1 << 64) if address >> 63 else address


def element(addresses: Sequence[int], level: int) -> int:
    return signed(addresses[level]) if 0 <= level < len(addresses) else 0


# ------------------------------------------------------------------------------------ the kernel's addresses


def print_addresses(rt: Services, text: str) -> None:
    rt.write(full_lines(rt.kernel_symbol, addresses_of(text)))


def simple_text(rt: Services, text: str) -> str:
    return symbol_lines(rt.kernel_symbol, addresses_of(text))[: rt.max_string]


def full_text(rt: Services, text: str) -> str:
    """Return a line of symdata() for each address."""
    return symbol_lines(rt.kernel_symbol, addresses_of(text), with_size=True)[: rt.max_string]


def stack_hex(rt: Services, stack: int) -> str:
    return joined(rt.kernel_stack(stack))[: rt.max_string]


def stack_text(rt: Services, stack: int) -> str:
    return symbol_lines(rt.kernel_symbol, rt.kernel_stack(stack))[: rt.max_string]


def print_stack_number(rt: Services, stack: int) -> None:
    rt.write(full_lines(rt.kernel_symbol, rt.kernel_stack(stack)))


def print_stack_lines(rt: Services, stack: int) -> None:
    """Print a stack with files and lines where the kernel's debuginfo is at hand."""
    rt.write(source_lines(rt.kernel_symbol, rt.kernel_line, rt.kernel_stack(stack)))


def stack_element(rt: Services, stack: int, level: int) -> int:
    return element(rt.kernel_stack(stack), level)


def stack_callers(rt: Services, stack: int, count: int) -> str:
    return joined(first(list(rt.kernel_stack(stack)), count))[: rt.max_string]


def task_hex(rt: Services, pid: int) -> str:
    return joined(rt.task_stack(pid))[: rt.max_string]


def function_entry(rt: Services, stack: int) -> int:
    """Return where the innermost function of a stack begins: the entry probe's own function."""
    addresses = rt.kernel_stack(stack)
    found = caller_place(rt.kernel_symbol, addresses[0], 1) if addresses else None
    return signed(addresses[0] - found[1]) if found is not None else 0


def stack_caller(rt: Services, stack: int) -> str:
    address = stack_element(rt, stack, 1) & WORD
    found = caller_place(rt.kernel_symbol, address, 1) if address else None
    return f"{found[0] if found is not None and found[0] else hexadecimal(address)} {hexadecimal(address)}"


# -------------------------------------------------------------------------------------- addresses of processes


def _finder(places: Places | None) -> Finder:
    return places.place if places is not None else lambda address: None


def user_hex(rt: Services, stack: int) -> str:
    return joined(rt.user_stack(stack)[0])[: rt.max_string]


def user_text(rt: Services, stack: int) -> str:
    addresses, places = rt.user_stack(stack)
    return symbol_lines(_finder(places), addresses)[: rt.max_string]


def user_brief(rt: Services, stack: int) -> str:
    addresses, places = rt.user_stack(stack)
    return symbol_lines(_finder(places), addresses, with_module=False)[: rt.max_string]


def print_user_stack(rt: Services, stack: int) -> None:
    addresses, places = rt.user_stack(stack)
    rt.write(full_lines(_finder(places), addresses))


def print_user_brief(rt: Services, stack: int) -> None:
    rt.write(user_brief(rt, stack))


def print_user_lines(rt: Services, stack: int) -> None:
    addresses, places = rt.user_stack(stack)
    rt.write(source_lines(_finder(places), places.line if places is not None else lambda address: None, addresses))


def user_element(rt: Services, stack: int, level: int) -> int:
    return element(rt.user_stack(stack)[0], level)


def user_callers(rt: Services, stack: int, count: int) -> str:
    return joined(first(list(rt.user_stack(stack)[0]), count))[: rt.max_string]


def print_user_addresses(rt: Services, space: int, text: str) -> None:
    rt.write(full_lines(_finder(rt.address_space(space)), addresses_of(text)))


def user_simple_text(rt: Services, space: int, text: str) -> str:
    return symbol_lines(_finder(rt.address_space(space)), addresses_of(text))[: rt.max_string]


def user_full_text(rt: Services, space: int, text: str) -> str:
    return symbol_lines(_finder(rt.address_space(space)), addresses_of(text), with_size=True)[: rt.max_string]


def user_name(rt: Services, space: int, address: int) -> str:
    found = _finder(rt.address_space(space))(address & WORD)
    return found[0][: rt.max_string] if found is not None and found[0] else hexadecimal(address)


def user_data(rt: Services, space: int, address: int) -> str:
    return place_text(address, _finder(rt.address_space(space))(address & WORD))[: rt.max_string]


def user_module(rt: Services, space: int, address: int) -> str:
    """Return the name of the file that an address lies in, without its folder."""
    found = _finder(rt.address_space(space))(address & WORD)
    if found is None or not found[3]:
        raise RuntimeFault(f"No user-space module found for address {hexadecimal(address)}")
    return found[3].rpartition("/")[2]


def _line(rt: Services, space: int, address: int) -> tuple[str, int] | None:
    places = rt.address_space(space)
    return places.line(address & WORD) if places is not None else None


def user_build_id(rt: Services, space: int, address: int) -> str:
    places = rt.address_space(space)
    return places.build_id(address & WORD) if places is not None else ""


def user_module_address(rt: Services, space: int, address: int) -> int:
    places = rt.address_space(space)
    found = places.address_in_file(address & WORD) if places is not None else None
    return found if found is not None else 0


def user_file(rt: Services, space: int, address: int) -> str:
    line = _line(rt, space, address)
    return line[0] if line is not None else hexadecimal(address)


def user_line(rt: Services, space: int, address: int) -> str:
    line = _line(rt, space, address)
    return str(line[1]) if line is not None else hexadecimal(address)


def user_file_line(rt: Services, space: int, address: int) -> str:
    line = _line(rt, space, address)
    return f"{line[0]}:{line[1]}" if line is not None else hexadecimal(address)
