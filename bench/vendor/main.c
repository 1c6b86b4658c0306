/* A model vendor that costs next to nothing, so that a benchmark measures what stands before it.
 *
 *     vendor [-p PORT]        PORT 0, the default, lets the kernel choose; the port is printed on the first line
 *
 * Listens on 127.0.0.1, one thread. A POST to /v1/messages is answered in Anthropic's format, any other in OpenAI's, as
 * a stream where the body says "stream": true; any GET is a list of one model. The model's name says how to behave; it
 * may hold any of:
 *
 *     -nN  chunks in a stream (64)          -iN  milliseconds between chunks (0)
 *     -cN  bytes of unary content (300)     -fN  milliseconds before the first byte (0)
 *
 * Each streamed content begins with '~' and 19 digits: CLOCK_MONOTONIC in nanoseconds at its writing. Whoever reads it
 * on the same machine knows how long that chunk was under way, whatever framing it arrived in.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vendor.h"

enum { BACKLOG_MAX = 256 << 10, EVENTS = 512 };

static int poller;
static connection *connections;

static void watch_output(connection *c, bool on) {
  if (c->watches_output == on) return;
  c->watches_output = on;
  struct epoll_event event = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

bool flush(connection *c) {
  while (c->out_sent < c->out.length) {
    ssize_t sent = send(c->fd, c->out.data + c->out_sent, c->out.length - c->out_sent, MSG_NOSIGNAL);
    if (sent < 0) {
      watch_output(c, true);
      return errno == EAGAIN;
    }
    c->out_sent += (size_t)sent;
  }
  c->out.length = c->out_sent = 0;
  watch_output(c, false);
  return true;
}

/* Writes the next part of the answer, which is due. Each token is a write of its own, as vendors do it. */
static bool step(connection *c) {
  if (c->out.length - c->out_sent > BACKLOG_MAX) return flush(c); /* a slow reader: go on when it has read */
  if (!c->streaming) {
    c->format->completion(c);
    c->answering = false;
  } else {
    if (!c->chunks_written) {
      append_text(&c->out,
                  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                  "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
      c->format->stream_start(c);
    }
    if (c->chunks_written < c->chunks) {
      c->format->token(c);
      c->chunks_written++;
    }
    if (c->chunks_written >= c->chunks) {
      c->format->stream_end(c);
      append_text(&c->out, "0\r\n\r\n");
      c->answering = false;
    }
  }
  if (!flush(c)) return false;
  if (!c->answering) return read_requests(c);
  if (c->gap) c->due = (c->due ? c->due : now()) + c->gap;
  return true;
}

static void accept_all(int listener) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection *c = calloc(1, sizeof *c);
    if (!c) abort();
    c->fd = fd;
    c->next = connections;
    if (connections) connections->previous = c;
    connections = c;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
}

static void drop(connection *c) {
  if (c->previous) c->previous->next = c->next;
  else connections = c->next;
  if (c->next) c->next->previous = c->previous;
  close(c->fd);
  free(c->in.data);
  free(c->out.data);
  free(c);
}

static bool handle(connection *c, uint32_t events) {
  if (events & EPOLLOUT && !flush(c)) return false;
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return true;
  char data[65536];
  ssize_t length = recv(c->fd, data, sizeof data, 0);
  if (length <= 0) return length < 0 && errno == EAGAIN;
  append(&c->in, data, (size_t)length);
  return read_requests(c);
}

/* Steps every answer that is due; returns nanoseconds until the next one is, UINT64_MAX where none waits. */
static uint64_t step_all(void) {
  uint64_t time = now(), wait = UINT64_MAX;
  for (connection *c = connections, *next; c; c = next) {
    next = c->next;
    bool blocked = c->out.length - c->out_sent > BACKLOG_MAX;
    if (c->answering && !blocked && c->due <= time && !step(c)) {
      drop(c);
      continue;
    }
    if (!c->answering || c->out.length - c->out_sent > BACKLOG_MAX) continue;
    uint64_t left = c->due > time ? c->due - time : 0;
    if (left < wait) wait = left;
  }
  return wait;
}

static int listen_on(uint16_t port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096) ||
      getsockname(listener, (struct sockaddr *)&address, &size)) {
    perror("vendor");
    exit(1);
  }
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(int count, char **arguments) {
  int port = 0;
  for (int letter; (letter = getopt(count, arguments, "p:")) > 0;) {
    if (letter != 'p') return 2;
    port = atoi(optarg);
  }
  int listener = listen_on((uint16_t)port);
  poller = epoll_create1(0);
  struct epoll_event ready[EVENTS], listening = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
  for (;;) {
    uint64_t wait = step_all();
    struct timespec timeout = {(time_t)(wait / 1000000000u), (long)(wait % 1000000000u)};
    int events = epoll_pwait2(poller, ready, EVENTS, wait == UINT64_MAX ? NULL : &timeout, NULL);
    for (int i = 0; i < events; i++) {
      connection *c = ready[i].data.ptr;
      if (!c) accept_all(listener);
      else if (!handle(c, ready[i].events)) drop(c);
    }
  }
}
