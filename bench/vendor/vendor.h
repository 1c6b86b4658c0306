/* What the parts of the mock vendor share: connections with the answer under way, and the formats of answers. */
#ifndef VENDOR_H
#define VENDOR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MODEL_MAX = 96, REQUEST_MAX = 8 << 20 };

typedef struct {
  char *data;
  size_t length, capacity;
} buffer;

struct connection;

/* A vendor's format. Each function appends to the connection's output. */
typedef struct {
  void (*completion)(struct connection *);
  void (*stream_start)(struct connection *); /* what comes before the first token */
  void (*token)(struct connection *);
  void (*stream_end)(struct connection *);
} format;

extern const format openai, anthropic;

typedef struct connection {
  int fd;
  buffer in, out;
  size_t out_sent;
  bool watches_output;
  /* The answer under way. */
  const format *format;
  bool answering, streaming;
  char model[MODEL_MAX];
  int chunks, chunks_written, content_bytes;
  uint64_t gap, due; /* nanoseconds; due is 0 where the next step waits for nothing */
  struct connection *previous, *next; /* among all connections */
} connection;

/* output.c */
uint64_t now(void);
void append(buffer *, const char *data, size_t length);
void append_text(buffer *, const char *text);
void write_json(connection *, const char *body, int length);
void write_piece(connection *, const char *data, int length); /* of a stream: a chunk of HTTP's chunked encoding */
int fill_content(char *at, int bytes);                        /* writes so much prose, returns how much */

/* request.c */
bool read_requests(connection *); /* takes requests up to one to be answered in steps; false where they are nonsense */

/* main.c */
bool flush(connection *); /* sends what it can; false where the peer is gone */

#endif
