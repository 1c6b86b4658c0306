/* The run: requests fall due, connections take them, and what comes back is counted. */
#include "load.h"

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

#include "run.h"

enum { EVENTS = 256, MARK_DIGITS = 19, PATIENCE_SECONDS = 15, HOPELESS = 200 };

static const protocol *wire;
static int poller;
static uint64_t ends;
static exchange *idle;
static struct {
  uint64_t *times;
  size_t first, count, capacity;
} overdue; /* open loop: due, but no exchange was idle */

/* ---- the connection's output ---- */

void output(connection *c, const void *data, size_t length) {
  if (c->out.length + length > c->out.capacity) {
    c->out.capacity = 2 * (c->out.length + length);
    c->out.data = realloc(c->out.data, c->out.capacity);
    if (!c->out.data) abort();
  }
  if (length) memcpy(c->out.data + c->out.length, data, length);
  c->out.length += length;
}

/* Sends what it can; the rest goes when the socket is writable again. */
static bool flush(connection *c) {
  while (c->out.sent < c->out.length) {
    ssize_t sent = send(c->fd, c->out.data + c->out.sent, c->out.length - c->out.sent, MSG_NOSIGNAL);
    if (sent < 0) return errno == EAGAIN;
    c->out.sent += (size_t)sent;
  }
  c->out.length = c->out.sent = 0;
  return true;
}

static void dial(connection *c) {
  int on = 1;
  c->connected = false;
  c->out.length = c->out.sent = 0;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)options.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) fail("connect");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

/* ---- exchanges ---- */

static void begin(exchange *e, uint64_t due) {
  e->due = due;
  e->busy = true;
  e->seen_chunk = false;
  e->mark_digits = -1;
  measured.in_flight++;
  wire->request(e);
}

/* Gives an exchange that has nothing to do its next request, if there is one. */
static void go_on(exchange *e) {
  uint64_t time = now();
  if (options.rate > 0 && overdue.first < overdue.count) {
    begin(e, overdue.times[overdue.first++]);
  } else if (options.rate <= 0 && time < ends) {
    begin(e, time);
  } else {
    e->idle = true;
    e->next_idle = idle;
    idle = e;
  }
}

static void give_work(connection *c) {
  for (int i = 0; i < c->exchanges_count; i++)
    if (!c->exchanges[i].busy && !c->exchanges[i].idle) go_on(&c->exchanges[i]);
}

static void hang_up(connection *c, bool as_expected) {
  for (exchange **place = &idle; *place;)
    if ((*place)->on == c) {
      (*place)->idle = false;
      *place = (*place)->next_idle;
    } else place = &(*place)->next_idle;
  for (int i = 0; i < c->exchanges_count; i++)
    if (c->exchanges[i].busy) exchange_done(&c->exchanges[i], as_expected, as_expected ? 200 : 0);
  close(c->fd);
  c->fd = -1;
  if (now() < ends) dial(c);
}

void exchange_done(exchange *e, bool succeeded, int status) {
  e->busy = false;
  measured.in_flight--;
  if (succeeded) {
    measured.answered++;
    record(LATENCY, now() - e->due);
    return;
  }
  measured.failed++;
  measured.last_failure = status;
  if (measured.failed > HOPELESS && !measured.answered) {
    fprintf(stderr, "load: nothing but failures; the last: status %d\n", status);
    exit(3);
  }
}

void exchange_read(exchange *e, const char *data, size_t length) {
  const char *end = data + length;
  uint64_t time = 0;
  while (data < end) {
    if (e->mark_digits < 0) {
      data = memchr(data, '~', (size_t)(end - data));
      if (!data) return;
      data++;
      e->mark_digits = 0;
      e->mark = 0;
    }
    for (; data < end && e->mark_digits < MARK_DIGITS && *data >= '0' && *data <= '9'; e->mark_digits++)
      e->mark = e->mark * 10 + (uint64_t)(*data++ - '0');
    if (e->mark_digits == MARK_DIGITS) {
      if (!time) time = now();
      measured.chunks++;
      record(DELAY, time - e->mark);
      if (!e->seen_chunk) record(FIRST_CHUNK, time - e->due);
      e->seen_chunk = true;
      e->mark_digits = -1;
    } else if (data < end) {
      e->mark_digits = -1;
    }
  }
}

static void fall_due(uint64_t time) {
  if (idle) {
    exchange *e = idle;
    idle = e->next_idle;
    e->idle = false;
    begin(e, time);
    if (!flush(e->on)) hang_up(e->on, false);
    return;
  }
  if (overdue.count == overdue.capacity) {
    overdue.capacity = overdue.capacity ? 2 * overdue.capacity : 4096;
    overdue.times = realloc(overdue.times, overdue.capacity * sizeof *overdue.times);
    if (!overdue.times) abort();
  }
  overdue.times[overdue.count++] = time;
}

/* ---- events ---- */

static void read_all(connection *c) {
  static char data[262144];
  for (int fd = c->fd; c->fd == fd;) {
    ssize_t length = recv(fd, data, sizeof data, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length <= 0) {
      hang_up(c, length == 0 && wire->ended(c));
    } else if (!wire->received(c, data, (size_t)length)) {
      hang_up(c, false);
    } else {
      give_work(c);
      if (!flush(c)) hang_up(c, false);
    }
  }
}

static void handle(connection *c, uint32_t events) {
  if (events & EPOLLOUT && !(events & EPOLLERR)) {
    if (!c->connected) {
      c->connected = true;
      wire->opened(c);
      give_work(c);
    }
    if (!flush(c)) {
      hang_up(c, false);
      return;
    }
  }
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_all(c);
}

void run(connection *all, const protocol *protocol) {
  wire = protocol;
  poller = epoll_create1(0);
  uint64_t started = now(), gap = options.rate > 0 ? (uint64_t)(1e9 / options.rate) : 0, due = started + gap;
  ends = started + (uint64_t)(options.seconds * 1e9);
  for (int i = 0; i < options.connections; i++) dial(&all[i]);
  for (;;) {
    uint64_t time = now();
    for (; gap && due <= time && due < ends; due += gap) fall_due(due);
    bool more = gap ? due < ends || overdue.first < overdue.count : time < ends;
    if ((!more && !measured.in_flight) || time > ends + PATIENCE_SECONDS * 1000000000ull) return;
    uint64_t wait = 50000000;
    if (gap && due < ends && due - time < wait) wait = due - time;
    struct timespec timeout = {0, (long)wait};
    struct epoll_event ready[EVENTS];
    int events = epoll_pwait2(poller, ready, EVENTS, &timeout, NULL);
    for (int i = 0; i < events; i++) {
      connection *c = ready[i].data.ptr;
      if (c->fd >= 0) handle(c, ready[i].events);
    }
  }
}
