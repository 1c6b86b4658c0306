/* HTTP/1.1: one exchange at a time on each connection, bodies framed by length, by chunks or by the end. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_MAX = 16384 };

typedef enum { SIZE_LINE, CHUNK, CHUNK_END, TRAILER_START, TRAILER } framing;

typedef struct {
  bool in_body;
  char head[HEAD_MAX];
  size_t head_length;
  int status;
  bool chunked, closes;
  int64_t body_left; /* without chunks; -1 until the peer closes */
  framing framing;
  size_t chunk_left;
} answer;

static char *request_bytes;
static size_t request_length;

static void prepare(const char *body, size_t length) {
  char headers[8192] = "";
  for (int i = 0; i < options.headers_count; i++) {
    size_t used = strlen(headers);
    snprintf(headers + used, sizeof headers - used, "%s\r\n", options.headers[i]);
  }
  int head = asprintf(&request_bytes,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n%s\r\n",
                      options.path, options.port, length, headers);
  if (head < 0 || !(request_bytes = realloc(request_bytes, (size_t)head + length))) abort();
  memcpy(request_bytes + head, body, length);
  request_length = (size_t)head + length;
}

static void opened(connection *c) {
  if (!c->state && !(c->state = calloc(1, sizeof(answer)))) abort();
}

static void request(exchange *e) {
  answer *a = e->on->state;
  a->in_body = false;
  a->head_length = 0;
  output(e->on, request_bytes, request_length);
}

/* Takes the head out of the data; returns the bytes used, of which the last may belong to the head's middle. */
static size_t read_head(answer *a, const char *data, size_t length) {
  size_t room = HEAD_MAX - 1 - a->head_length, before = a->head_length;
  size_t taken = length < room ? length : room;
  memcpy(a->head + before, data, taken);
  a->head_length += taken;
  a->head[a->head_length] = 0;
  char *end = strstr(a->head, "\r\n\r\n");
  if (!end) return length;
  end[2] = 0;
  a->status = atoi(a->head + strlen("HTTP/1.1 "));
  a->chunked = a->closes = false;
  a->body_left = -1;
  for (char *line = strchr(a->head, '\n'); line && *++line; line = strchr(line, '\n')) {
    if (!strncasecmp(line, "content-length:", 15)) a->body_left = atol(line + 15);
    if (!strncasecmp(line, "transfer-encoding:", 18)) a->chunked = true;
    if (!strncasecmp(line, "connection: close", 17)) a->closes = true;
  }
  a->in_body = true;
  a->framing = SIZE_LINE;
  a->chunk_left = 0;
  return (size_t)(end + 4 - a->head) - before;
}

/* Takes bytes of a chunked body; tells whether it ended. */
static bool read_chunked(exchange *e, answer *a, const char *data, size_t length) {
  for (size_t at = 0; at < length;) switch (a->framing) {
      case SIZE_LINE: {
        char byte = data[at++], lower = (char)(byte | 32);
        if (byte >= '0' && byte <= '9') a->chunk_left = 16 * a->chunk_left + (size_t)(byte - '0');
        else if (lower >= 'a' && lower <= 'f') a->chunk_left = 16 * a->chunk_left + (size_t)(lower - 'a') + 10;
        else if (byte == '\n') a->framing = a->chunk_left ? CHUNK : TRAILER_START;
        break;
      }
      case CHUNK: {
        size_t part = length - at < a->chunk_left ? length - at : a->chunk_left;
        exchange_read(e, data + at, part);
        at += part;
        if (!(a->chunk_left -= part)) a->framing = CHUNK_END;
        break;
      }
      case CHUNK_END: if (data[at++] == '\n') a->framing = SIZE_LINE; break;
      case TRAILER_START: {
        char byte = data[at++];
        if (byte == '\n') return true;
        if (byte != '\r') a->framing = TRAILER;
        break;
      }
      case TRAILER: if (data[at++] == '\n') a->framing = TRAILER_START; break;
    }
  return false;
}

/* Reads what came, which may end the answer; nothing follows it, since requests are never pipelined. */
static bool received(connection *c, const char *data, size_t length) {
  exchange *e = c->exchanges;
  answer *a = c->state;
  if (!e->busy) return false;
  size_t at = a->in_body ? 0 : read_head(a, data, length);
  if (!a->in_body) return true;
  bool ended;
  if (a->chunked) {
    ended = read_chunked(e, a, data + at, length - at);
  } else {
    exchange_read(e, data + at, length - at);
    if (a->body_left >= 0) a->body_left -= (int64_t)(length - at);
    ended = a->body_left == 0;
  }
  if (ended && a->closes) {
    exchange_done(e, a->status == 200, a->status);
    return false;
  }
  if (ended) exchange_done(e, a->status == 200, a->status);
  return true;
}

static bool ended(connection *c) {
  answer *a = c->state;
  return a->in_body && !a->chunked && a->body_left < 0 && a->status == 200;
}

const protocol http1 = {prepare, opened, request, received, ended};
