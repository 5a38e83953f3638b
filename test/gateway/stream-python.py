# Publishes with the CloudEvents SDK in both modes of HTTP, and reads what a stream or page told, a line each, with the same SDK.
import json
import sys
import urllib.request

from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

url, key, event_type = sys.argv[1:4]

for seq, write in ((9000, to_structured_event), (9001, to_binary_event)):
    attributes = {"type": event_type, "source": "/python", "datacontenttype": "application/json"}
    message = write(CloudEvent(attributes, {"id": f"py-{seq}", "seq": seq, "region": "eu"}))
    headers = {**message.headers, "X-API-Key": key}
    with urllib.request.urlopen(urllib.request.Request(url, message.body, headers, method="POST")) as answer:
        print(json.dumps({"status": answer.status}))

for line in sys.stdin:
    event = from_http_event(HTTPMessage({"content-type": "application/cloudevents+json"}, line.encode()))
    print(json.dumps({
        "id": event.get_id(),
        "source": event.get_source(),
        "type": event.get_type(),
        "time": event.get_time().isoformat(timespec="milliseconds"),
        "cursor": event.get_extension("cursor"),
        "data": event.get_data(),
    }))
