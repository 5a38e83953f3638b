import { errorClass } from '../../shared/facts.js';
import { docOf, quoted } from './text.js';

const HEAD = `"""The errors of the gateway's catalogue: a class for each code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class SluiceError(Exception):
    """What the gateway says went wrong. A code that this client does not know is a plain SluiceError."""

    def __init__(self, details: Mapping[str, Any], cursor: str | None = None) -> None:
        self.code: str = details["code"]
        self.message: str = details["message"]
        self.retry: str = details["retry"]
        """now: at once; later: with back-off; changed, never: not before the request or the access has changed."""
        self.cursor: str | None = cursor
        """Where to resume: right after the last event that was sent."""
        self.retry_after_ms: int | None = details.get("retryAfterMs")
        self.details: Mapping[str, Any] = details
        super().__init__(f"{self.code}: {self.message}")


class StreamConnectionError(Exception):
    """The connection could not be made, or broke."""

    def __init__(self, message: str, status: int | None = None) -> None:
        self.status = status
        """Of the HTTP answer, where there was one."""
        super().__init__(message)
`;

const EXPIRED = `
    @property
    def resume(self) -> str | None:
        """A cursor that continues at the first position still held."""
        resume: str | None = self.details.get("resume")
        return resume
`;

const TAIL = `

def error_of(details: Mapping[str, Any], cursor: str | None = None) -> SluiceError:
    """The error of its code's class."""
    return CLASSES.get(details["code"], SluiceError)(details, cursor)
`;

export function errorsOf(catalogue) {
  const codes = Object.keys(catalogue);
  const classes = codes.map((code) => {
    const more = code === 'CURSOR_EXPIRED' ? EXPIRED : '';
    return `\n\nclass ${errorClass(code)}(SluiceError):\n${docOf(catalogue[code].text)}${more}`;
  });
  const table = codes.map((code) => `    "${code}": ${errorClass(code)},\n`).join('');
  const retries = codes.map((code) => `    "${code}": ${quoted(catalogue[code].retry)},\n`).join('');
  return `${HEAD}${classes.join('')}\n\nCLASSES: Mapping[str, type[SluiceError]] = {\n${table}}\n\n# For a connection that was closed with a code and nothing else.\nRETRIES: Mapping[str, str] = {\n${retries}}\n${TAIL}`;
}
