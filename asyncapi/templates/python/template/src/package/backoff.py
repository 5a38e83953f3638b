"""How long to wait before an attempt."""

from __future__ import annotations

import random


class Backoff:
    """Exponential, with full jitter, so that many clients do not come back in step."""

    def __init__(self, min_delay: float, max_delay: float) -> None:
        self.attempt = 0
        """Attempts since something arrived."""
        self._min = min_delay
        self._max = max_delay

    def reset(self) -> None:
        self.attempt = 0

    def next(self, retry: str | None, after: float | None) -> float:
        """In seconds. `now` is at once, but only once in a row; `after` is what the gateway asked for, and a little more."""
        self.attempt += 1
        if retry == "now" and self.attempt == 1:
            return 0.0
        spread = random.random() * min(self._max, self._min * 2.0 ** min(self.attempt - 1, 20))
        return spread if retry != "later" or after is None else after + min(spread, after / 10)
