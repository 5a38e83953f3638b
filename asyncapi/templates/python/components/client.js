import { quoted } from './text.js';

export function clientOf({ title, url, eventName, template, hasDeletes }) {
  const about = `Events of ${title}. Topics are ${template}.`.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  const deletes = hasDeletes ? '\n\n    `op` tells what happened; where it is "DELETE", `data` is None.' : '';
  return `"""The stream of one data product."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack, overload

from .models import ${eventName}
from .stream import EventStream, StreamOptions

DEFAULT_URL = ${quoted(url)}


@overload
def subscribe(*, url: str = ..., fields: None = None, **options: Unpack[StreamOptions]) -> EventStream[${eventName}]: ...


@overload
def subscribe(
    *, url: str = ..., fields: Sequence[str], **options: Unpack[StreamOptions]
) -> EventStream[dict[str, Any]]: ...


def subscribe(
    *, url: str = DEFAULT_URL, fields: Sequence[str] | None = None, **options: Unpack[StreamOptions]
) -> EventStream[Any]:
    """
    ${about}

    Connects when the first event is asked for, and goes on until it is closed or an error that another attempt would not
    mend. With \`fields\`, what was not asked for is not there, also where it is required otherwise.${deletes}
    """
    return EventStream(url, fields, options)
`;
}
