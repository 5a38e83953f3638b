"""What a stream is asked for, as the URL has it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit


def url_of(base: str, fields: Sequence[str] | None, options: Mapping[str, Any], position: str | None) -> str:
    """`position`: where to go on, in the place of where to begin."""
    where = options.get("where")
    asked: dict[str, Any] = {
        "topic": options.get("topic"),
        "where": None if where is None else json.dumps(where),
        "fields": None if fields is None else ",".join(fields),
        "onLag": options.get("on_lag"),
        "heartbeat": options.get("heartbeat"),
    }
    if position is not None:
        asked["after"] = position
    else:
        asked |= {"after": options.get("after"), "since": _since(options.get("since")), "last": options.get("last")}
    parts = urlsplit(base)
    query = parse_qsl(parts.query) + [(name, str(value)) for name, value in asked.items() if value is not None]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _since(since: datetime | timedelta | str | None) -> str | None:
    if isinstance(since, datetime):
        return since.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(since, timedelta):
        # Finer than milliseconds a gateway does not take.
        return f"PT{since.total_seconds():.3f}S"
    return since
