"""Values that an answer gives, and their prints: enough to recognise a value, not to read it.

A value is a number, a text, a tensor, or a list, tuple or dict of values. Its print is its shape
and, for each number, a hash of the multiple of a small step that is nearest to it. A number is
recognised within one step, and never farther than two.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from vaecourse.classroom.records import Print
from vaecourse.errors import CourseError

NOUGHT = 1e-9  # numbers that are all smaller are 0, and what is left of them is rounding
LONGEST = 2000  # numbers that one answer may give for one input
DIGITS = 8  # of a hash: a wrong value passes once in four thousand million


class Leaf(NamedTuple):
    """A part of a value: where it stands, its shape, and its numbers or its text."""

    place: str  # "", "[0]", "['kl']" and so on
    shape: tuple[int, ...] | None  # None for a text
    numbers: tuple[float | str, ...]


def leaves(value: Any) -> list[Leaf]:
    """The parts of a value, in order; numbers in a list are one part, as in a tensor.

    Raises CourseError for what is no value, and for more than `LONGEST` numbers.
    """
    found = list(_leaves(value, ""))
    count = sum(len(leaf.numbers) for leaf in found)
    if count > LONGEST:
        raise CourseError(f"expected at most {LONGEST} numbers, got {count}")
    return found


def printed(leaf: Leaf, salt: str, rtol: float) -> Print:
    """The print of a leaf; its step is a power of ten, at most `rtol` of its largest number."""
    if leaf.shape is None:
        return Print(leaf.place, None, 0.0, _hash(salt, leaf.place, 0, leaf.numbers[0]))
    step = step_of(leaf, rtol)
    hashes = (_hash(salt, leaf.place, i, n) for i, n in enumerate(_multiples(leaf, step)))
    return Print(leaf.place, leaf.shape, step, "".join(hashes))


def step_of(leaf: Leaf, rtol: float) -> float:
    """The power of ten that is at most `rtol` of a part's largest finite number."""
    finite = [abs(n) for n in leaf.numbers if isinstance(n, float) and math.isfinite(n)]
    largest = max(finite, default=0.0)
    if largest < NOUGHT:
        largest = 1.0
    return 10.0 ** math.floor(math.log10(rtol * largest))


def same_form(given: Sequence[Leaf], prints: Sequence[Print]) -> bool:
    """Whether the parts and their shapes are those of the prints."""
    return [(g.place, g.shape) for g in given] == [(p.place, p.shape) for p in prints]


def recognised(given: Sequence[Leaf], prints: Sequence[Print], salt: str) -> list[bool]:
    """For each number, whether it is the one that was printed; the forms are the same."""
    return [
        right
        for leaf, seen in zip(given, prints, strict=True)
        for right in _recognised(leaf, seen, salt)
    ]


def form(parts: Sequence[Leaf | Print]) -> str:
    """The shape of a value in words: "a tensor (4, 3)", "a text", "2 values: …"."""
    words = [_word(part.place, part.shape) for part in parts]
    return words[0] if len(words) == 1 else f"{len(words)} values: {', '.join(words)}"


# -- parts -------------------------------------------------------------------------------------


def _leaves(value: Any, place: str) -> Iterator[Leaf]:
    if isinstance(value, str):
        yield Leaf(place, None, (value,))
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            yield from _leaves(value[key], f"{place}[{str(key)!r}]")
    elif (array := _array(value)) is not None:
        yield Leaf(place, array.shape, tuple(float(number) for number in array.flat))
    elif isinstance(value, list | tuple):
        for index, part in enumerate(value):
            yield from _leaves(part, f"{place}[{index}]")
    else:
        where = f" at {place}" if place else ""
        raise CourseError(f"expected a number, a text or a tensor{where}, got {_kind(value)}")


def _array(value: Any) -> np.ndarray | None:
    """Numbers as an array in float64, or None for what holds other things."""
    if isinstance(value, torch.Tensor):
        if value.is_complex():
            return None
        return value.detach().cpu().double().numpy()
    if isinstance(value, list | tuple):
        value = [p.item() if isinstance(p, torch.Tensor) and p.ndim == 0 else p for p in value]
        if any(isinstance(part, torch.Tensor) for part in value):
            return None
    try:
        array = np.asarray(value)
    except (ValueError, TypeError, RuntimeError):  # rows of different lengths
        return None
    return array.astype(float) if array.dtype.kind in "biuf" else None


def _kind(value: Any) -> str:
    return "nothing (None)" if value is None else type(value).__name__


def _word(place: str, shape: tuple[int, ...] | None) -> str:
    what = "a text" if shape is None else f"a tensor {tuple(shape)}" if shape else "a number"
    return f"{place}: {what}" if place else what


# -- prints ------------------------------------------------------------------------------------


def _recognised(leaf: Leaf, seen: Print, salt: str) -> Iterator[bool]:
    if leaf.shape is None:
        yield _hash(salt, leaf.place, 0, leaf.numbers[0]) == seen.hashes
        return
    for index, multiple in enumerate(_multiples(leaf, seen.step)):
        wanted = seen.hashes[DIGITS * index : DIGITS * (index + 1)]
        near = [multiple + off for off in (0, -1, 1)] if isinstance(multiple, int) else [multiple]
        yield any(_hash(salt, leaf.place, index, candidate) == wanted for candidate in near)


def _multiples(leaf: Leaf, step: float) -> list[int | str]:
    return [round(n / step) if math.isfinite(n) else str(n) for n in map(float, leaf.numbers)]


def _hash(salt: str, place: str, index: int, value: int | float | str) -> str:
    text = f"{salt}|{place}|{index}|{value}"
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:DIGITS]
