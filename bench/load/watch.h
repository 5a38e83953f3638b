/*
 * Looking into messages, for the load client: whether each is whole, its subscription's own and the next of its partition, and
 * how old its event is. An event tells where it comes from by "orderId":"PP-NNNNNNNNN" (partition, sequence number within it)
 * and when it was made by "ts":"nanoseconds of the monotonic clock".
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ID_LENGTH 36
#define PARTITIONS 64
/* Latencies fall into 128 classes an octave: under 1 % apart. */
#define SUB_CLASSES 128
#define CLASSES (40 * SUB_CLASSES)

struct sample {
  uint32_t partition, sequence, micros;
};

struct range {
  uint32_t from, to;
};
static struct range verified, timed;
static uint64_t gaps, duplicates, wrong, torn;
static uint32_t subscriptions;
/* [connection][subscription][partition]: sequence number seen last */
static uint32_t *last_seen;
static uint64_t classes[CLASSES], measured, slowest;
static struct sample *samples;
static size_t sample_count, sample_room;

static uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint32_t *last_of(uint32_t connection) { return last_seen + (size_t)connection * subscriptions * PARTITIONS; }

/* As long as the UUIDs that clients use. */
static void write_id(char *into, uint32_t connection, uint32_t subscription) {
  snprintf(into, ID_LENGTH + 1, "%08x-0b1e-4c00-8a00-%012x", connection, subscription);
}

static uint32_t digits(const uint8_t *from, int length) {
  uint32_t value = 0;
  for (int i = 0; i < length; i++) value = value * 10 + (uint32_t)(from[i] - '0');
  return value;
}

static int class_of(uint64_t micros) {
  if (micros < SUB_CLASSES) return (int)micros;
  int shift = 63 - __builtin_clzll(micros) - 7;
  int at = (shift + 1) * SUB_CLASSES + (int)((micros >> shift) - SUB_CLASSES);
  return at < CLASSES ? at : CLASSES - 1;
}

static uint64_t micros_of(int at) {
  if (at < SUB_CLASSES) return (uint64_t)at;
  int shift = at / SUB_CLASSES - 1;
  return ((uint64_t)(at % SUB_CLASSES) + SUB_CLASSES) << shift;
}

static uint64_t percentile(double share) {
  uint64_t rank = (uint64_t)(share * (double)measured), seen = 0;
  for (int at = 0; at < CLASSES; at++) {
    seen += classes[at];
    if (seen > rank) return micros_of(at);
  }
  return slowest;
}

/* Braces and quotes close: what came is one whole object. */
static bool whole(const uint8_t *text, size_t length) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < length; i++) {
    uint8_t c = text[i];
    if (quoted) {
      if (c == '\\') i++;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{') {
      depth++;
    } else if (c == '}' && --depth == 0) {
      return i == length - 1;
    }
  }
  return false;
}

static void complain(const char *what, uint32_t index, const uint8_t *text, size_t length) {
  static int complaints;
  if (complaints++ < 5) fprintf(stderr, "%s on connection %u: %.*s\n", what, index, (int)(length > 400 ? 400 : length), text);
}

static bool within(struct range range, uint32_t index) { return index >= range.from && index < range.to; }

/* `named`: messages tell the id of their subscription. */
static void inspect(uint32_t index, const uint8_t *text, size_t length, bool named) {
  char id[ID_LENGTH + 1];
  const uint8_t *order = memmem(text, length, "\"orderId\":\"", 11);
  uint32_t partition = order ? digits(order + 11, 2) : 0, sequence = order ? digits(order + 14, 9) : 0;
  if (within(verified, index)) {
    char tail[13] = {0};
    memcpy(tail, text + 7 + 24, 12);
    unsigned long subscription = named ? strtoul(tail, NULL, 16) : 0;
    bool known = subscription < subscriptions;
    if (known && named) {
      write_id(id, index, (uint32_t)subscription);
      known = memcmp(id, text + 7, ID_LENGTH) == 0;
    }
    if (!known || order == NULL || partition >= PARTITIONS) {
      wrong++;
      complain("a wrong message", index, text, length);
    } else {
      if (!whole(text, length)) {
        torn++;
        complain("a torn message", index, text, length);
      }
      uint32_t *last = last_of(index) + subscription * PARTITIONS + partition;
      if (*last != 0 && sequence <= *last) duplicates++;
      else if (*last != 0 && sequence != *last + 1) gaps += sequence - *last - 1;
      if (sequence > *last) *last = sequence;
    }
  }
  if (within(timed, index)) {
    const uint8_t *made = memmem(text, length, "\"ts\":\"", 6);
    if (made == NULL) return;
    uint64_t now = nanoseconds(), then = strtoull((const char *)made + 6, NULL, 10);
    uint64_t micros = now > then ? (now - then) / 1000 : 0;
    classes[class_of(micros)]++;
    measured++;
    if (micros > slowest) slowest = micros;
    if (samples != NULL) {
      if (sample_count == sample_room) {
        sample_room *= 2;
        samples = realloc(samples, sample_room * sizeof *samples);
        if (samples == NULL) die("samples");
      }
      samples[sample_count++] = (struct sample){partition, sequence, (uint32_t)micros};
    }
  }
}

/* From now on these, of so many connections; who was not verified before starts anew. */
static void watch(struct range verify, struct range time, uint32_t connections) {
  for (uint32_t i = verify.from; i < verify.to && i < connections; i++)
    if (!within(verified, i)) memset(last_of(i), 0, sizeof(uint32_t) * PARTITIONS * subscriptions);
  verified = verify;
  timed = time;
}

static void forget(void) {
  gaps = duplicates = wrong = torn = measured = slowest = 0;
  sample_count = 0;
  memset(classes, 0, sizeof classes);
}

static void keep_samples(void) {
  if (samples == NULL) samples = malloc((sample_room = 1 << 20) * sizeof *samples);
  if (samples == NULL) die("samples");
}

static void dump(const char *line) {
  const char *at = strstr(line, "\"path\":\"");
  char path[1024] = {0};
  if (at == NULL || sscanf(at + 8, "%1023[^\"]", path) != 1) die("dump without a path");
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(samples, sizeof *samples, sample_count, file) != sample_count || fclose(file) != 0) die(path);
  sample_count = 0;
}
