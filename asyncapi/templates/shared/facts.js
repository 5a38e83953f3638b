/** What a template needs to know of a product, out of its document for WebSockets; the document is JSON text. */

/** Messages about the stream itself, as the stream door names them. */
const CONTROL = ['sluice.ready', 'sluice.progress', 'sluice.gap', 'sluice.notice', 'sluice.error'];

/** {product, title, version, description, url, eventName, template, hasDeletes, document}: the last with no message but the event. */
export function factsOf(text) {
  const document = JSON.parse(text);
  const [name, channel] = Object.entries(document.channels).find(([, { address }]) => address === '/') ?? [];
  const server = Object.values(document.servers).find(({ protocol }) => protocol === 'ws' || protocol === 'wss');
  if (channel === undefined || server === undefined) throw new Error('The document describes no WebSocket stream.');
  const eventName = Object.values(channel.messages)
    .map(({ $ref }) => $ref.split('/').at(-1))
    .find((message) => !CONTROL.includes(typeOf(document, message)));
  return {
    product: document.info['x-sluice-product'] ?? name,
    // On one line, as names of packages' descriptions must be.
    title: wrapped(document.info.title, Number.POSITIVE_INFINITY).join(' ').trim(),
    version: document.info.version,
    description: document.info.description ?? '',
    url: `${server.protocol}://${server.host}${server.pathname ?? ''}`,
    eventName,
    template: channel['x-sluice-topic']?.template ?? channel.title,
    hasDeletes: document.components.schemas[eventName].properties.op !== undefined,
    document: restricted(document, name, eventName),
  };
}

function typeOf(document, message) {
  return document.components.schemas[message].properties.type.const;
}

/** The document with the event alone, so that models are made of nothing else. */
function restricted(document, channelName, eventName) {
  const message = { $ref: `#/components/messages/${eventName}` };
  const channel = { address: '/', messages: { event: message } };
  return {
    asyncapi: document.asyncapi,
    info: document.info,
    channels: { [channelName]: channel },
    operations: { receive: { action: 'receive', channel: { $ref: `#/channels/${channelName}` } } },
    components: {
      messages: { [eventName]: document.components.messages[eventName] },
      schemas: document.components.schemas,
    },
  };
}

/** `QUOTA_EXCEEDED` -> `QuotaExceededError`. */
export function errorClass(code) {
  const words = code.split('_').map((word) => word[0] + word.slice(1).toLowerCase());
  return `${words.join('')}Error`;
}

/** Text in lines of at most `width` characters, broken between words; line ends of the text stay, other control characters do not. */
export function wrapped(text, width) {
  const plain = text
    .replace(/\r\n?|[\u2028\u2029\u0085\u000b\u000c]/g, '\n')
    .replace(/[\u0000-\u0009\u000e-\u001f\u007f]/g, ' ');
  return plain.split('\n').flatMap((line) => {
    const lines = [];
    for (const word of line.split(' ')) {
      const last = lines.at(-1);
      if (last !== undefined && last.length + word.length < width) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
    return lines.map((one) => one.trimEnd());
  });
}
