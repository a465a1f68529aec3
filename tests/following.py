"""Doing what a page says: its files are written, its changes made, its commands given."""

import re
from pathlib import Path
from typing import NamedTuple

CHANGE = ("+", "-", " ")


class Block(NamedTuple):
    """A block of code on a page, and the last file that was named before it."""

    language: str
    text: str
    file: str
    is_whole: bool  # the file is written by it, and not only spoken of


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        before = text[: match.start()]
        files = re.findall(r"`([\w./]+/[\w.]+\.\w+)`", before)
        last = files[-1] if files else ""
        is_whole = before.rstrip().casefold().endswith(f"write `{last}`:")
        found.append(Block(match[1], match[2], last, is_whole))
    return found


def follow(page: Path, root: Path) -> None:
    """Write and change the files below `root` as a page says; ValueError where that fails."""
    for block in blocks(page):
        file = root / block.file
        if block.language == "diff":
            file.write_text(changed(file.read_text("utf-8"), block), encoding="utf-8")
        elif block.is_whole:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")


def changed(text: str, block: Block) -> str:
    """A file's text with a change made in it."""
    lines = block.text.splitlines()
    old, new = ("\n".join(x[1:] for x in lines if x[0] != sign) for sign in "+-")
    if old and text.count(old) != 1:
        raise ValueError(f"{block.file} has {text.count(old)} times, and not once:\n{old}")
    return text.replace(old, new) if old else text.rstrip("\n") + "\n" + new + "\n"


def commands(page: Path) -> list[str]:
    """What a page has its reader type into a terminal, a line each."""
    return [
        line
        for block in blocks(page)
        if block.language == "bash"
        for line in block.text.splitlines()
    ]
