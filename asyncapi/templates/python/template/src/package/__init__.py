"""A client of one data product: typed events, an iterator that goes on where it broke off."""

from .client import DEFAULT_URL as DEFAULT_URL
from .client import subscribe as subscribe
from .cursor_store import CursorStore as CursorStore
from .cursor_store import FileCursorStore as FileCursorStore
from .cursor_store import MemoryCursorStore as MemoryCursorStore
from .errors import *
from .models import *
from .stream import EventStream as EventStream
from .stream import Gap as Gap
from .stream import Lost as Lost
from .stream import Notice as Notice
from .stream import Ready as Ready
