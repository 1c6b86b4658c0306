/* A model vendor that costs next to nothing, so that a benchmark measures what stands before it.
 *
 *     mock_vendor [-p PORT]        PORT 0, the default, lets the kernel choose; the port is printed on the first line
 *
 * Listens on 127.0.0.1, one thread. Any POST is a chat completion in OpenAI's format, streamed where the body says
 * "stream": true; any GET is a list of one model. The model's name says how to behave, "mock" followed by any of:
 *
 *     -nN  chunks in a stream (64)          -iN  milliseconds between chunks (0)
 *     -cN  bytes of unary content (300)     -fN  milliseconds before the first byte (0)
 *
 * Each streamed content begins with '~' and 19 digits: CLOCK_MONOTONIC in nanoseconds at its writing. Whoever reads it
 * on the same machine knows how long that chunk was under way, whatever framing it arrived in.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MODEL_MAX = 96, REQUEST_MAX = 8 << 20, BACKLOG_MAX = 256 << 10, EVENTS = 512 };

typedef struct {
  char *data;
  size_t length, capacity;
} buffer;

typedef struct connection {
  int fd;
  buffer in, out;
  size_t out_sent;
  bool watches_output;
  /* The answer under way. */
  bool answering, streaming;
  char model[MODEL_MAX];
  int chunks, chunks_written, content_bytes;
  uint64_t gap, due; /* nanoseconds; due is 0 where the next step waits for nothing */
  struct connection *previous, *next; /* among all connections */
} connection;

static int poller;
static connection *connections;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void append(buffer *to, const char *data, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = 2 * (to->length + length);
    to->data = realloc(to->data, to->capacity);
    if (!to->data) abort();
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

static void append_text(buffer *to, const char *text) { append(to, text, strlen(text)); }

static void append_chunk(buffer *to, const char *data, int length) {
  char size[16];
  append(to, size, (size_t)sprintf(size, "%x\r\n", length));
  append(to, data, (size_t)length);
  append_text(to, "\r\n");
}

static void watch_output(connection *c, bool on) {
  if (c->watches_output == on) return;
  c->watches_output = on;
  struct epoll_event event = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

/* Sends what it can; false where the peer is gone. */
static bool flush(connection *c) {
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

/* ---- answers ---- */

#define CHUNK_HEAD \
  "data: {\"id\":\"chatcmpl-mock0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"%s\","

static void write_json(connection *c, const char *body, int length) {
  char head[128];
  append(&c->out, head,
         (size_t)sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n", length));
  append(&c->out, body, (size_t)length);
}

static void write_models(connection *c) {
  static const char body[] =
      "{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}";
  write_json(c, body, (int)sizeof body - 1);
}

static void write_completion(connection *c) {
  static const char words[] = "The quick brown fox jumps over the lazy dog. ";
  char *body = malloc((size_t)c->content_bytes + 1024);
  if (!body) abort();
  int length = sprintf(body,
                       "{\"id\":\"chatcmpl-mock0123456789\",\"object\":\"chat.completion\",\"created\":1700000000,"
                       "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
                       c->model);
  for (int i = 0; i < c->content_bytes; i++) body[length++] = words[i % ((int)sizeof words - 1)];
  length += sprintf(body + length,
                    "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                    "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":60,\"total_tokens\":72}}");
  write_json(c, body, length);
  free(body);
}

static void write_stream_head(connection *c) {
  append_text(&c->out,
              "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
              "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
}

static void write_token(connection *c) {
  char event[1024];
  int length = sprintf(event,
                       CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"~%019llutok \"},"
                                  "\"finish_reason\":null}]}\n\n",
                       c->model, c->chunks_written ? "" : "\"role\":\"assistant\",", (unsigned long long)now());
  append_chunk(&c->out, event, length);
  c->chunks_written++;
}

static void write_stream_end(connection *c) {
  char event[1024];
  append_chunk(&c->out, event,
               sprintf(event, CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", c->model));
  append_chunk(&c->out, event,
               sprintf(event,
                       CHUNK_HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":%d,"
                                  "\"total_tokens\":%d}}\n\n",
                       c->model, c->chunks, c->chunks + 12));
  append_chunk(&c->out, "data: [DONE]\n\n", 14);
  append_text(&c->out, "0\r\n\r\n");
}

static bool read_requests(connection *c);

/* Writes the next part of the answer, which is due. Each chunk is a write of its own, as vendors do it. */
static bool step(connection *c) {
  if (c->out.length - c->out_sent > BACKLOG_MAX) return flush(c); /* a slow reader: go on when it has read */
  if (!c->streaming) {
    write_completion(c);
    c->answering = false;
  } else {
    if (!c->chunks_written) write_stream_head(c);
    if (c->chunks_written < c->chunks) write_token(c);
    if (c->chunks_written >= c->chunks) {
      write_stream_end(c);
      c->answering = false;
    }
  }
  if (!flush(c)) return false;
  if (!c->answering) return read_requests(c);
  if (c->gap) c->due = (c->due ? c->due : now()) + c->gap;
  return true;
}

/* ---- requests ---- */

static int option(const char *model, char letter, int otherwise) {
  for (const char *at = model; (at = strchr(at, '-')); at++)
    if (at[1] == letter && at[2] >= '0' && at[2] <= '9') return atoi(at + 2);
  return otherwise;
}

static void begin_answer(connection *c, const char *body, size_t length) {
  const char *end = body + length;
  strcpy(c->model, "mock");
  const char *key = memmem(body, length, "\"model\"", 7);
  const char *open = key ? memchr(key + 7, '"', (size_t)(end - key - 7)) : NULL;
  const char *close = open ? memchr(open + 1, '"', (size_t)(end - open - 1)) : NULL;
  if (close && close - open - 1 < MODEL_MAX) {
    memcpy(c->model, open + 1, (size_t)(close - open - 1));
    c->model[close - open - 1] = 0;
  }
  const char *stream = memmem(body, length, "\"stream\"", 8);
  if (stream)
    for (stream += 8; stream < end && (*stream == ':' || *stream == ' ');) stream++;
  c->streaming = stream && stream < end && *stream == 't';
  c->chunks = option(c->model, 'n', 64);
  c->content_bytes = option(c->model, 'c', 300);
  c->gap = (uint64_t)option(c->model, 'i', 0) * 1000000u;
  int first = option(c->model, 'f', 0);
  c->due = first ? now() + (uint64_t)first * 1000000u : 0;
  c->chunks_written = 0;
  c->answering = true;
}

/* Joins the chunks of a chunked body in place; returns the bytes that it took on the wire, 0 where more must come. */
static size_t join_chunks(char *body, size_t available, size_t *length) {
  size_t at = 0;
  for (*length = 0;;) {
    char *line_end = memmem(body + at, available - at, "\r\n", 2);
    if (!line_end) return 0;
    size_t size = strtoul(body + at, NULL, 16);
    at = (size_t)(line_end - body) + 2;
    if (at + size + 2 > available) return 0;
    memmove(body + *length, body + at, size);
    *length += size;
    at += size + 2;
    if (!size) return at;
  }
}

/* Takes requests out of the input until one of them must be answered in steps; false where the peer talks nonsense. */
static bool read_requests(connection *c) {
  while (!c->answering && c->in.length) {
    char *head_end = memmem(c->in.data, c->in.length, "\r\n\r\n", 4);
    if (!head_end) return c->in.length < REQUEST_MAX;
    size_t head = (size_t)(head_end - c->in.data) + 4, length = 0, used = head;
    bool chunked = false;
    for (char *line = memchr(c->in.data, '\n', head); line && line < head_end; line = memchr(line, '\n', (size_t)(head_end + 2 - line))) {
      line++;
      if (!strncasecmp(line, "content-length:", 15)) length = strtoul(line + 15, NULL, 10);
      if (!strncasecmp(line, "transfer-encoding:", 18)) chunked = true;
    }
    if (chunked) {
      /* Joining spoils the input, so it is done on a copy until all of it is there. */
      char *body = malloc(c->in.length - head + 1);
      if (!body) abort();
      memcpy(body, c->in.data + head, c->in.length - head);
      body[c->in.length - head] = 0;
      size_t taken = join_chunks(body, c->in.length - head, &length);
      if (taken) begin_answer(c, body, length);
      free(body);
      if (!taken) return c->in.length < REQUEST_MAX;
      used += taken;
    } else {
      if (c->in.length < head + length) return c->in.length < REQUEST_MAX;
      used += length;
      if (c->in.data[0] == 'P') begin_answer(c, c->in.data + head, length);
    }
    if (!c->answering) {
      write_models(c);
      if (!flush(c)) return false;
    }
    memmove(c->in.data, c->in.data + used, c->in.length - used);
    c->in.length -= used;
  }
  return true;
}

/* ---- connections ---- */

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
    perror("mock_vendor");
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
