/*
 * The receiving side of the benches: many graphql-transport-ws connections in one process on one core, lean enough that the
 * server stays the one that is measured. It counts every data frame and byte of each connection and, where asked, looks inside.
 *
 *   client PORT CONNECTIONS SUBSCRIPTIONS PLACED QUERY [KEY]
 *
 * PLACED: `ready` waits for the server's ready pong of every subscription, `sent` for nothing after the subscribes, `stream` takes
 * QUERY for the path of a stream of CloudEvents and waits for sluice.ready, `raw` is no protocol at all: connect and count bytes. Prints {"live":true} once that is done, then answers each line of standard input,
 * a JSON object, with a line:
 *
 *   {"do":"watch","verifyFrom":A,"verifyTo":B,"latencyFrom":C,"latencyTo":D}   look into the frames of those connections
 *   {"do":"reset"}                                           counters back to nothing
 *   {"do":"stat","from":A,"to":B}                            the counters, of the connections A to B
 *   {"do":"await","frames":N,"bytes":M,"ms":T,"from":A,"to":B}   the same once they have so many, or after T ms
 *   {"do":"pause","from":A,"to":B}   {"do":"resume",...}     stops or resumes reading
 *   {"do":"samples"}                                         keep each latency with the event's sequence number ...
 *   {"do":"dump","path":P}                                   ... and write them: u32 partition, u32 sequence, u32 microseconds
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "watch.h"

#define BUFFER (8u << 20)
#define IN_FLIGHT 64
#define STDIN_TAG UINT32_MAX

enum stage { UPGRADING, GREETING, LIVE, GONE };

struct connection {
  int fd;
  enum stage stage;
  bool paused;
  uint64_t frames, bytes;
  uint8_t *rest; /* bytes of a frame whose end has not come yet */
  size_t rest_length, rest_room;
};

static struct connection *connections;
static uint32_t count;
static int port, loop;
static const char *placed, *query, *key;
static bool streams;
static uint8_t *buffer;

static uint64_t errors, closed, controls, ready;
static uint32_t opened, in_flight, live;
static bool told;

struct wait {
  bool pending;
  uint32_t from, to;
  uint64_t frames, bytes, until;
};
static struct wait waiting;

/* Small messages of the client; the socket's buffer has room for them. */
static void push(int fd, const uint8_t *bytes, size_t length) {
  while (length > 0) {
    ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return;
    if (sent < 0) {
      usleep(50);
      continue;
    }
    bytes += sent;
    length -= (size_t)sent;
  }
}

/* One masked frame; the mask is zero, so the payload goes as it is. */
static void push_frame(int fd, uint8_t opcode, const void *payload, size_t length) {
  static uint8_t frame[70000];
  size_t at = 0;
  if (length > 65535) die("message too long");
  frame[at++] = 0x80 | opcode;
  if (length < 126) {
    frame[at++] = (uint8_t)(0x80 | length);
  } else {
    frame[at++] = 0x80 | 126;
    frame[at++] = (uint8_t)(length >> 8);
    frame[at++] = (uint8_t)length;
  }
  memset(frame + at, 0, 4);
  memcpy(frame + at + 4, payload, length);
  push(fd, frame, at + 4 + length);
}

static void open_next(void) {
  uint32_t index = opened++;
  struct connection *it = &connections[index];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  it->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (it->fd < 0) die("socket");
  if (connect(it->fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
  int on = 1;
  setsockopt(it->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(it->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  epoll_ctl(loop, EPOLL_CTL_ADD, it->fd, &event);
  if (!strcmp(placed, "raw")) {
    it->stage = LIVE;
    live++;
    return;
  }
  in_flight++;
  char request[2048];
  int length = snprintf(request, sizeof request,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Key: c2x1aWNlLWxvYWQtMDEyMw==\r\nSec-WebSocket-Version: 13\r\n"
                        "%s\r\n",
                        streams ? query : "/graphql", port, streams ? "" : "Sec-WebSocket-Protocol: graphql-transport-ws\r\n");
  if (length >= (int)sizeof request) die("path too long");
  push(it->fd, (uint8_t *)request, (size_t)length);
}

static void greet(struct connection *it) {
  char message[512];
  int length = key ? snprintf(message, sizeof message, "{\"type\":\"connection_init\",\"payload\":{\"apiKey\":\"%s\"}}", key)
                   : snprintf(message, sizeof message, "{\"type\":\"connection_init\"}");
  push_frame(it->fd, 1, message, (size_t)length);
  it->stage = GREETING;
}

static void subscribe(uint32_t index) {
  static char message[65536];
  char id[ID_LENGTH + 1];
  for (uint32_t n = 0; n < subscriptions; n++) {
    write_id(id, index, n);
    int length = snprintf(message, sizeof message, "{\"id\":\"%s\",\"type\":\"subscribe\",\"payload\":{\"query\":\"%s\"}}", id, query);
    push_frame(connections[index].fd, 1, message, (size_t)length);
  }
  connections[index].stage = LIVE;
  in_flight--;
  live++;
}

static void message(uint32_t index, const uint8_t *text, size_t length) {
  struct connection *it = &connections[index];
  static const char next[] = "\",\"type\":\"next\"";
  if (streams) {
    if (memmem(text, length, "\"type\":\"sluice.", 15) == NULL) {
      it->frames++;
      it->bytes += length;
      if (within(verified, index) || within(timed, index)) inspect(index, text, length, false);
    } else if (memmem(text, length, "\"sluice.error\"", 14)) {
      errors++;
      complain("the server said", index, text, length);
    } else {
      controls++;
      if (memmem(text, length, "\"sluice.ready\"", 14)) ready++;
    }
    return;
  }
  if (it->stage == LIVE && length > 7 + ID_LENGTH + sizeof next && memcmp(text + 7 + ID_LENGTH, next, sizeof next - 1) == 0) {
    it->frames++;
    it->bytes += length;
    if (within(verified, index) || within(timed, index)) inspect(index, text, length, true);
    return;
  }
  if (it->stage == GREETING && memmem(text, length, "\"connection_ack\"", 16)) return subscribe(index);
  if (memmem(text, length, "\"type\":\"error\"", 14) || memmem(text, length, "\"type\":\"complete\"", 17)) {
    errors++;
    complain("the server said", index, text, length);
    return;
  }
  controls++;
  if (memmem(text, length, "\"ready\"", 7)) ready++;
}

static void gone(uint32_t index, const char *why) {
  struct connection *it = &connections[index];
  if (it->stage == GONE) return;
  if (it->stage != LIVE) complain(why, index, (const uint8_t *)"", 0);
  it->stage = GONE;
  closed++;
  epoll_ctl(loop, EPOLL_CTL_DEL, it->fd, NULL);
  close(it->fd);
}

/* Takes whole frames off the front and answers how many bytes those were. */
static size_t frames_of(uint32_t index, uint8_t *bytes, size_t length) {
  size_t at = 0;
  while (length - at >= 2) {
    uint64_t size = bytes[at + 1] & 127;
    size_t head = size == 126 ? 4 : size == 127 ? 10 : 2;
    if (length - at < head) break;
    if (head > 2) {
      size = 0;
      for (size_t i = 2; i < head; i++) size = size << 8 | bytes[at + i];
    }
    if (length - at < head + size) break;
    uint8_t opcode = bytes[at] & 15, *payload = bytes + at + head;
    if ((bytes[at] & 0xf0) != 0x80 || (bytes[at + 1] & 0x80) || (opcode != 1 && opcode < 8)) {
      torn++;
      complain("no frame of a server", index, bytes + at, 40);
    } else if (opcode == 1) {
      message(index, payload, size);
    } else if (opcode == 9) {
      push_frame(connections[index].fd, 10, payload, size);
    } else if (opcode == 8) {
      complain("the server closes", index, payload + 2, size < 2 ? 0 : size - 2);
      gone(index, "closed");
      return length;
    }
    at += head + size;
  }
  return at;
}

static void readable(uint32_t index) {
  struct connection *it = &connections[index];
  size_t had = it->rest_length;
  if (had > 0) memcpy(buffer, it->rest, had);
  ssize_t got = recv(it->fd, buffer + had, BUFFER - had, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return gone(index, "the connection ended early");
  if (!strcmp(placed, "raw")) {
    it->bytes += (uint64_t)got;
    return;
  }
  size_t length = had + (size_t)got, used = 0;
  if (it->stage == UPGRADING) {
    uint8_t *end = memmem(buffer, length, "\r\n\r\n", 4);
    if (end != NULL) {
      if (memcmp(buffer, "HTTP/1.1 101", 12) != 0) {
        fprintf(stderr, "no upgrade: %.*s\n", (int)length, buffer);
        exit(1);
      }
      used = (size_t)(end - buffer) + 4;
      if (!streams) greet(it);
      else {
        it->stage = LIVE;
        in_flight--;
        live++;
      }
    }
  }
  if (it->stage != UPGRADING) used += frames_of(index, buffer + used, length - used);
  if (it->stage == GONE) return;
  it->rest_length = length - used;
  if (it->rest_length == BUFFER) die("a message is larger than the buffer");
  if (it->rest_length > it->rest_room) {
    it->rest_room = it->rest_length * 2;
    it->rest = realloc(it->rest, it->rest_room);
    if (it->rest == NULL) die("rest");
  }
  if (it->rest_length > 0) memcpy(it->rest, buffer + used, it->rest_length);
}

static uint64_t number(const char *line, const char *name, uint64_t otherwise) {
  char quoted[40];
  snprintf(quoted, sizeof quoted, "\"%s\":", name);
  const char *at = strstr(line, quoted);
  return at == NULL ? otherwise : strtoull(at + strlen(quoted), NULL, 10);
}

static void tell(uint32_t from, uint32_t to, bool met) {
  uint64_t frames = 0, bytes = 0, least = UINT64_MAX, most = 0, least_bytes = UINT64_MAX, most_bytes = 0;
  for (uint32_t i = from; i < to; i++) {
    struct connection *it = &connections[i];
    frames += it->frames;
    bytes += it->bytes;
    if (it->frames < least) least = it->frames;
    if (it->frames > most) most = it->frames;
    if (it->bytes < least_bytes) least_bytes = it->bytes;
    if (it->bytes > most_bytes) most_bytes = it->bytes;
  }
  printf("{\"met\":%s,\"frames\":%lu,\"bytes\":%lu,\"least\":%lu,\"most\":%lu,\"leastBytes\":%lu,\"mostBytes\":%lu,"
         "\"gaps\":%lu,\"duplicates\":%lu,\"wrong\":%lu,\"torn\":%lu,\"errors\":%lu,\"closed\":%lu,\"controls\":%lu,\"ready\":%lu,"
         "\"measured\":%lu,\"p50\":%lu,\"p99\":%lu,\"slowest\":%lu}\n",
         met ? "true" : "false", frames, bytes, least, most, least_bytes, most_bytes, gaps, duplicates, wrong, torn, errors, closed,
         controls, ready, measured, measured ? percentile(0.5) : 0, measured ? percentile(0.99) : 0, slowest);
  fflush(stdout);
}

static void acknowledge(void) {
  printf("{\"done\":true}\n");
  fflush(stdout);
}

static void read_on(uint32_t index, bool on) {
  struct connection *it = &connections[index];
  if (it->stage == GONE || it->paused == !on) return;
  it->paused = !on;
  struct epoll_event event = {.events = on ? EPOLLIN : 0, .data.u32 = index};
  epoll_ctl(loop, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, it->fd, &event);
}

static void reset(void) {
  for (uint32_t i = 0; i < count; i++) connections[i].frames = connections[i].bytes = 0;
  controls = 0;
  forget();
}

static void command(const char *line) {
  uint32_t from = (uint32_t)number(line, "from", 0), to = (uint32_t)number(line, "to", count);
  if (to > count) to = count;
  if (strstr(line, "\"do\":\"stat\"")) return tell(from, to, true);
  if (strstr(line, "\"do\":\"await\"")) {
    uint64_t until = nanoseconds() + number(line, "ms", 10000) * 1000000u;
    waiting = (struct wait){true, from, to, number(line, "frames", 0), number(line, "bytes", 0), until};
    return;
  }
  if (strstr(line, "\"do\":\"watch\"")) {
    struct range verify = {(uint32_t)number(line, "verifyFrom", 0), (uint32_t)number(line, "verifyTo", 0)};
    struct range time = {(uint32_t)number(line, "latencyFrom", 0), (uint32_t)number(line, "latencyTo", 0)};
    watch(verify, time, count);
  } else if (strstr(line, "\"do\":\"reset\"")) {
    reset();
  } else if (strstr(line, "\"do\":\"samples\"")) {
    keep_samples();
  } else if (strstr(line, "\"do\":\"dump\"")) {
    dump(line);
  } else if (strstr(line, "\"do\":\"pause\"") || strstr(line, "\"do\":\"resume\"")) {
    bool on = strstr(line, "\"do\":\"resume\"") != NULL;
    for (uint32_t i = from; i < to; i++) read_on(i, on);
  } else {
    fprintf(stderr, "no such command: %s\n", line);
    exit(2);
  }
  acknowledge();
}

static void commands(void) {
  static char line[8192];
  static size_t length;
  ssize_t got = read(0, line + length, sizeof line - 1 - length);
  if (got == 0) exit(0);
  if (got < 0) return;
  length += (size_t)got;
  line[length] = 0;
  char *start = line, *end;
  while ((end = strchr(start, '\n')) != NULL) {
    *end = 0;
    command(start);
    start = end + 1;
  }
  length -= (size_t)(start - line);
  memmove(line, start, length);
}

static void look_at_wait(void) {
  if (!waiting.pending) return;
  uint64_t frames = 0, bytes = 0;
  for (uint32_t i = waiting.from; i < waiting.to; i++) {
    frames += connections[i].frames;
    bytes += connections[i].bytes;
  }
  bool met = frames >= waiting.frames && bytes >= waiting.bytes;
  if (!met && nanoseconds() < waiting.until) return;
  waiting.pending = false;
  tell(waiting.from, waiting.to, met);
}

static bool all_placed(void) {
  if (live < count) return false;
  return (strcmp(placed, "ready") != 0 && !streams) || ready >= (uint64_t)count * subscriptions;
}

int main(int arguments, char **argument) {
  if (arguments < 6) return 2;
  port = atoi(argument[1]);
  count = (uint32_t)atoi(argument[2]);
  subscriptions = (uint32_t)atoi(argument[3]);
  placed = argument[4];
  query = argument[5];
  streams = !strcmp(placed, "stream");
  key = arguments > 6 ? argument[6] : NULL;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  connections = calloc(count, sizeof *connections);
  buffer = malloc(BUFFER);
  last_seen = calloc((size_t)count * subscriptions * PARTITIONS, sizeof *last_seen);
  if (connections == NULL || buffer == NULL || last_seen == NULL) die("memory");
  loop = epoll_create1(0);
  fcntl(0, F_SETFL, O_NONBLOCK);
  struct epoll_event standard = {.events = EPOLLIN, .data.u32 = STDIN_TAG}, events[512];
  epoll_ctl(loop, EPOLL_CTL_ADD, 0, &standard);
  for (;;) {
    while (opened < count && in_flight < IN_FLIGHT) open_next();
    if (!told && all_placed()) {
      told = true;
      printf("{\"live\":true}\n");
      fflush(stdout);
    }
    int happened = epoll_wait(loop, events, 512, waiting.pending ? 20 : 1000);
    for (int i = 0; i < happened; i++) {
      if (events[i].data.u32 == STDIN_TAG) commands();
      else readable(events[i].data.u32);
    }
    look_at_wait();
  }
}
