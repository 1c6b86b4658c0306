/* gRPC over HTTP/2 without encryption: many exchanges on each connection, each answer judged by its grpc-status.
 *
 * Just as much HTTP/2 as a caller needs that announces a header table of size 0: no header of an answer can then refer
 * to an earlier one, and grpc-status can be found by its bytes. Requests must fit one frame.
 */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAME_HEAD = 9, FRAME_MAX = 16384, WINDOW_MAX = 0x7fffffff, WINDOW_FIRST = 65535, WINDOW_LOW = 1 << 29 };
enum { DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4, PADDED = 8 };

typedef struct {
  unsigned char head[FRAME_HEAD], payload[FRAME_MAX];
  size_t head_length, payload_length;
  uint32_t next_stream, read_since_update;
  int64_t send_window;
} session;

static unsigned char *header_block;
static char *message;
static size_t header_length, message_length;

static void put_length(unsigned char *at, size_t length) {
  at[0] = (unsigned char)(length >> 16);
  at[1] = (unsigned char)(length >> 8);
  at[2] = (unsigned char)length;
}

static void put_number(unsigned char *at, uint32_t number) {
  at[0] = (unsigned char)(number >> 24);
  put_length(at + 1, number & 0xffffff);
}

static uint32_t get_number(const unsigned char *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void frame(connection *c, int type, int flags, uint32_t stream, const void *payload, size_t length) {
  unsigned char head[FRAME_HEAD];
  put_length(head, length);
  head[3] = (unsigned char)type;
  head[4] = (unsigned char)flags;
  put_number(head + 5, stream);
  output(c, head, sizeof head);
  output(c, payload, length);
}

/* Appends a header that enters no table, both parts as they are. */
static void put_header(const char *name, size_t name_length, const char *value) {
  size_t value_length = strlen(value);
  if (name_length > 126 || value_length > 126) fail("load: a header's name and value have at most 126 bytes each");
  header_block = realloc(header_block, header_length + name_length + value_length + 3);
  if (!header_block) abort();
  unsigned char *at = header_block + header_length;
  *at++ = 0;
  *at++ = (unsigned char)name_length;
  for (size_t i = 0; i < name_length; i++) *at++ = (unsigned char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 32 : name[i]);
  *at++ = (unsigned char)value_length;
  memcpy(at, value, value_length);
  header_length += name_length + value_length + 3;
}

static void prepare(const char *body, size_t length) {
  char authority[32];
  snprintf(authority, sizeof authority, "127.0.0.1:%d", options.port);
  put_header(":method", 7, "POST");
  put_header(":scheme", 7, "http");
  put_header(":path", 5, options.path);
  put_header(":authority", 10, authority);
  put_header("content-type", 12, "application/grpc");
  put_header("te", 2, "trailers");
  for (int i = 0; i < options.headers_count; i++) {
    const char *colon = strstr(options.headers[i], ": ");
    if (!colon) fail("load: a header is written as 'Name: value'");
    put_header(options.headers[i], (size_t)(colon - options.headers[i]), colon + 2);
  }
  message_length = length + 5;
  if (message_length > FRAME_MAX) fail("load: a gRPC request must fit one frame");
  if (!(message = calloc(1, message_length))) abort();
  put_number((unsigned char *)message + 1, (uint32_t)length);
  memcpy(message + 5, body, length);
}

static void opened(connection *c) {
  static const unsigned char settings[] = {
      0, 1, 0, 0, 0, 0,            /* header table size 0 */
      0, 2, 0, 0, 0, 0,            /* no pushes */
      0, 4, 0x7f, 0xff, 0xff, 0xff /* window of each stream */
  };
  free(c->state);
  session *s = calloc(1, sizeof *s);
  if (!s) abort();
  s->next_stream = 1;
  s->send_window = WINDOW_FIRST;
  c->state = s;
  output(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
  frame(c, SETTINGS, 0, 0, settings, sizeof settings);
  unsigned char more[4];
  put_number(more, WINDOW_MAX - WINDOW_FIRST);
  frame(c, WINDOW_UPDATE, 0, 0, more, sizeof more);
}

static void request(exchange *e) {
  session *s = e->on->state;
  s->send_window -= (int64_t)message_length;
  if (s->send_window < 0) fail("load: the server took in too little at once");
  e->stream = s->next_stream;
  s->next_stream += 2;
  frame(e->on, HEADERS, END_HEADERS, e->stream, header_block, header_length);
  frame(e->on, DATA, END_STREAM, e->stream, message, message_length);
}

static exchange *exchange_of(connection *c, uint32_t stream) {
  for (int i = 0; i < c->exchanges_count; i++)
    if (c->exchanges[i].busy && c->exchanges[i].stream == stream) return &c->exchanges[i];
  return NULL; /* an answer's end may cross a late frame of it */
}

/* Whether a header block holds `grpc-status: 0`, each part of it plain or in Huffman's code. */
static bool is_ok(const unsigned char *block, size_t length) {
  static const char coded_name[] = "\x88\x9a\xca\xc8\xb2\x12\x34\xda\x8f", plain_name[] = "\x0bgrpc-status";
  const unsigned char *name = memmem(block, length, coded_name, sizeof coded_name - 1);
  size_t name_length = sizeof coded_name - 1;
  if (!name) {
    name = memmem(block, length, plain_name, sizeof plain_name - 1);
    name_length = sizeof plain_name - 1;
  }
  if (!name || (size_t)(name - block) + name_length + 2 > length) return false;
  const unsigned char *value = name + name_length;
  return !memcmp(value, "\x01\x30", 2) || !memcmp(value, "\x81\x07", 2);
}

/* Takes a whole frame that is not DATA; false where the connection ends with it. */
static bool take_frame(connection *c, session *s, int type, int flags, uint32_t stream) {
  exchange *e = exchange_of(c, stream);
  switch (type) {
    case HEADERS:
      if (!(flags & END_HEADERS) || flags & PADDED) fail("load: headers in several frames are not read");
      if (e && flags & END_STREAM) exchange_done(e, is_ok(s->payload, s->payload_length), 0);
      return true;
    case RST_STREAM:
      if (e) exchange_done(e, false, 0);
      return true;
    case SETTINGS:
      if (!(flags & ACK)) frame(c, SETTINGS, ACK, 0, NULL, 0);
      return true;
    case PING:
      if (!(flags & ACK)) frame(c, PING, ACK, 0, s->payload, s->payload_length);
      return true;
    case WINDOW_UPDATE:
      if (!stream && s->payload_length == 4) s->send_window += get_number(s->payload);
      return true;
    case GOAWAY: return false;
    default: return type != CONTINUATION;
  }
}

static bool received(connection *c, const char *data, size_t length) {
  session *s = c->state;
  while (length) {
    if (s->head_length < FRAME_HEAD) {
      size_t part = FRAME_HEAD - s->head_length < length ? FRAME_HEAD - s->head_length : length;
      memcpy(s->head + s->head_length, data, part);
      s->head_length += part;
      data += part;
      length -= part;
      s->payload_length = 0;
      if (s->head_length < FRAME_HEAD) return true;
    }
    size_t size = (size_t)s->head[0] << 16 | (size_t)s->head[1] << 8 | s->head[2];
    int type = s->head[3], flags = s->head[4];
    uint32_t stream = get_number(s->head + 5);
    if (size > FRAME_MAX || (type == DATA && flags & PADDED)) return false;
    size_t part = size - s->payload_length < length ? size - s->payload_length : length;
    if (type == DATA) {
      exchange *e = exchange_of(c, stream);
      if (e) exchange_read(e, data, part);
      s->read_since_update += (uint32_t)part;
    } else {
      memcpy(s->payload + s->payload_length, data, part);
    }
    s->payload_length += part;
    data += part;
    length -= part;
    if (s->payload_length < size) return true;
    s->head_length = 0;
    if (type != DATA && !take_frame(c, s, type, flags, stream)) return false;
    if (s->read_since_update > WINDOW_LOW) {
      unsigned char more[4];
      put_number(more, s->read_since_update);
      frame(c, WINDOW_UPDATE, 0, 0, more, sizeof more);
      s->read_since_update = 0;
    }
  }
  return true;
}

static bool ended(connection *c) {
  (void)c;
  return false;
}

const protocol grpc = {prepare, opened, request, received, ended};
