/*
 * The physical limit of fan-out: the same bytes in the same writes to as many sockets, by a program that does nothing else.
 * One `send` per socket and tick; a tick begins when every socket has taken the last.
 *
 *   limit PORT CONNECTIONS
 *
 * Prints {"listening":true}, then {"live":true} when all are connected, and answers each line {"bytes":N,"ms":T} of standard
 * input with {"ticks":T,"bytes":B,"waits":W}.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int listen_on(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int at = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(at, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(at, (struct sockaddr *)&address, sizeof address) < 0 || listen(at, 4096) < 0) {
    perror("listen");
    exit(1);
  }
  return at;
}

/* Sends what `left` says to each socket and answers how many bytes are still to go. */
static size_t send_round(const int *sockets, size_t *left, int count, const char *bytes, size_t size) {
  size_t missing = 0;
  for (int i = 0; i < count; i++) {
    if (left[i] == 0) continue;
    ssize_t sent = send(sockets[i], bytes + (size - left[i]), left[i], MSG_NOSIGNAL);
    if (sent > 0) left[i] -= (size_t)sent;
    else if (errno != EAGAIN) exit(2);
    missing += left[i];
  }
  return missing;
}

int main(int arguments, char **argument) {
  if (arguments < 3) return 2;
  int listening = listen_on(atoi(argument[1])), count = atoi(argument[2]), on = 1;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  printf("{\"listening\":true}\n");
  fflush(stdout);
  int *sockets = calloc((size_t)count, sizeof *sockets);
  size_t *left = calloc((size_t)count, sizeof *left);
  for (int i = 0; i < count; i++) {
    sockets[i] = accept(listening, NULL, NULL);
    setsockopt(sockets[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(sockets[i], F_SETFL, O_NONBLOCK);
  }
  printf("{\"live\":true}\n");
  fflush(stdout);
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL) {
    unsigned long size, ms, ticks = 0, waits = 0;
    if (sscanf(line, "{\"bytes\":%lu,\"ms\":%lu", &size, &ms) != 2) return 2;
    char *bytes = malloc(size);
    memset(bytes, 'x', size);
    for (double end = seconds() + (double)ms / 1e3; seconds() < end; ticks++) {
      for (int i = 0; i < count; i++) left[i] = size;
      while (send_round(sockets, left, count, bytes, size) > 0) {
        waits++;
        poll(NULL, 0, 1);
      }
    }
    printf("{\"ticks\":%lu,\"bytes\":%lu,\"waits\":%lu}\n", ticks, ticks * size * (unsigned long)count, waits);
    fflush(stdout);
    free(bytes);
  }
  return 0;
}
