"""Matching a probe point against the forms that a probe kind has, with SystemTap's words for what does not fit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..diagnostics import semantic_error, similar
from ..program.extension import PointPart


def form_of(part: PointPart) -> str:
    """Return a component as a form shows it: `s(number)`, `function(string)`, `return`."""
    if part.argument is None:
        return part.name
    return f"{part.name}({'string' if isinstance(part.argument, str) else 'number'})"


def match_form(parts: Sequence[PointPart], forms: Iterable[str]) -> str:
    """Return the form that the point has; raises ScriptError at the first component that fits none."""
    forms = forms if isinstance(forms, Collection) else tuple(forms)
    whole = ".".join(map(form_of, parts))
    if whole in forms:
        return whole
    wanted = [form.split(".") for form in forms]
    for depth, part in enumerate(parts):
        fitting = [form for form in wanted if len(form) > depth and form[depth] == form_of(part)]
        if not fitting:
            choices = sorted({form[depth].split("(")[0] for form in wanted if len(form) > depth})
            complete = any(len(form) == depth for form in wanted)
            if complete or not choices:
                semantic_error("invalid suffix for probe", part.span, f"identifier '{part.name}'")
            _mismatch(part, choices)
        wanted = fitting
    _mismatch(parts[-1], sorted({form[len(parts)].split("(")[0] for form in wanted}))
    raise AssertionError("unreachable")


def _mismatch(part: PointPart, choices: Sequence[str]) -> None:
    hint = similar(part.name, choices) or (f" (similar: {', '.join(choices[:5])})" if choices else "")
    semantic_error(f"probe point mismatch{hint}", part.span, f"identifier '{part.name}'")


def names_after(parts: Sequence[PointPart], forms: Iterable[str]) -> list[str]:
    """Return the component names that may follow `parts`."""
    names: dict[str, None] = {}
    for form in forms:
        components = form.split(".")
        if len(components) > len(parts) and all(
            component == form_of(part) for component, part in zip(components, parts, strict=False)
        ):
            names[components[len(parts)].split("(")[0]] = None
    return list(names)
