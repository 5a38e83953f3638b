"""
Runs a generated client: the first argument is its module, the second its options as JSON, the third how many events to take. Writes a JSON
object a line for whatever happens; a line on stdin closes the stream.
"""

import asyncio
import importlib
import json
import sys
import threading


def tell(**what: object) -> None:
    print(json.dumps(what), flush=True)


async def main() -> None:
    client = importlib.import_module(sys.argv[1])
    options, count = json.loads(sys.argv[2]), int(sys.argv[3])
    if "store" in options:
        options["store"] = client.FileCursorStore(options["store"])
    stream = client.subscribe(
        **options,
        on_ready=lambda ready: tell(ready=ready.heartbeat),
        on_lost=lambda lost: tell(lost=str(lost.error), attempt=lost.attempt),
    )
    loop = asyncio.get_running_loop()

    def listen() -> None:
        if sys.stdin.readline() != "":
            asyncio.run_coroutine_threadsafe(stream.close(), loop)

    threading.Thread(target=listen, daemon=True).start()
    try:
        async with stream:
            seen = 0
            async for event in stream:
                tell(event=event)
                seen += 1
                if seen == count:
                    break
        tell(end=seen)
    except client.SluiceError as error:
        tell(error=type(error).__name__, code=error.code, retry=error.retry)
    except client.StreamConnectionError as error:
        tell(error=type(error).__name__, status=error.status)


asyncio.run(main())
