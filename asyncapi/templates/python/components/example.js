export function exampleOf({ product }) {
  return `"""Prints events until Ctrl-C; started again, it goes on where it was. Needs: pip install ., and a key in SLUICE_API_KEY."""

import asyncio
import os
import sys

from ${product.replaceAll('-', '_')}_client import DEFAULT_URL, FileCursorStore, SluiceError, subscribe


async def main() -> int:
    stream = subscribe(
        url=os.environ.get("SLUICE_URL", DEFAULT_URL),
        api_key=os.environ.get("SLUICE_API_KEY", ""),
        since="PT15M",
        store=FileCursorStore("${product}.cursor"),
        on_ready=lambda ready: print("connected", file=sys.stderr),
        on_lost=lambda lost: print(f"{lost.error} Again in {lost.delay:.1f} s.", file=sys.stderr),
    )
    try:
        async with stream:
            async for event in stream:
                print(event["subject"], event["data"], flush=True)
    except SluiceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(0)
`;
}
