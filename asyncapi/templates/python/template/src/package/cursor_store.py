"""Where the position of a subscription is kept."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Protocol


class CursorStore(Protocol):
    """
    `save` is called with the cursor of an event once the application is done with it, which is when it asks for the next
    one. What is kept where the effect of events is kept, in one transaction with it, is delivered exactly once: then take
    each event's cursor from the event instead.
    """

    async def load(self) -> str | None: ...

    async def save(self, cursor: str) -> None: ...


class MemoryCursorStore:
    """Lives as long as the process: enough to go on where a connection broke."""

    def __init__(self, cursor: str | None = None) -> None:
        self.cursor = cursor

    async def load(self) -> str | None:
        return self.cursor

    async def save(self, cursor: str) -> None:
        self.cursor = cursor


class FileCursorStore:
    """A file that always holds one whole cursor: it is written beside and renamed."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    async def load(self) -> str | None:
        return await asyncio.to_thread(self._read)

    async def save(self, cursor: str) -> None:
        await asyncio.to_thread(self._write, cursor)

    def _read(self) -> str | None:
        try:
            return self.path.read_text().strip() or None
        except FileNotFoundError:
            return None

    def _write(self, cursor: str) -> None:
        beside = self.path.with_name(f"{self.path.name}.next")
        beside.write_text(cursor)
        beside.replace(self.path)
