/**
 * Events as CloudEvents 1.0 in structured JSON: what the stream door sends and history lists. The function that writes one is
 * generated like every serialiser; those who are shown the same fields share it, whatever they match.
 */
import type { Contract } from '../contract/index.ts';
import { eventTypeOf, partitionSource } from '../surface/index.ts';
import { type Part, render, type Serialise, Source } from './generator.ts';
import type { Selection } from './selection.ts';

/** `selection` is of the data. Long and decimal stay strings, maps are objects. */
export function compileCloudEvent(contract: Contract, selection: Selection): Serialise {
  const source = new Source(contract, 'object');
  const data = source.data(selection);
  const parts: Part[] = [
    { text: '{"specversion":"1.0","id":' },
    // An offset comes again once a Kafka topic was made anew: the incarnation tells the two apart.
    { code: 'quote(incarnation + "-" + event.partition + "-" + event.offset)' },
    { text: `,"source":${JSON.stringify(partitionSource(contract.product)).slice(0, -1)}` },
    { code: 'event.partition' },
    { text: `","type":${JSON.stringify(eventTypeOf(contract))}` },
    { code: '(event.topic === "" ? "" : ",\\"subject\\":" + quote(event.topic))' },
    { text: ',"time":' },
    { code: 'instant(event.time)' },
    { code: `((key = ${source.key()}) ? ",\\"partitionkey\\":" + quote(key) : "")` },
    { text: ',"sequence":"' },
    { code: 'String(event.offset).padStart(19, "0")' },
    { text: '"' },
    { code: '(event.traceparent === null ? "" : ",\\"traceparent\\":" + quote(event.traceparent))' },
    // A product without deletes has nothing to tell apart.
    ...(contract.deletes ? [{ text: ',"op":"' }, { code: 'event.op' }, { text: '"' }] : []),
    { text: ',"cursor":"' },
    { code: 'cursor' },
    { text: '","datacontenttype":"application/json","data":' },
    { code: `(event === last ? text : (text = ${data}(last = event)))` },
    { text: '}' },
  ];
  // Views that differ in what they match ask for the same event one after the other: its data is written once.
  source.declare('last = null, text = ""');
  return source.finish(`function (event, cursor, incarnation) { let key; return ${render(parts)}; }`) as Serialise;
}
