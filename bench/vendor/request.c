/* Reads requests off a connection, and begins the answers that they ask for. */
#include "vendor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void write_models(connection *c) {
  static const char body[] =
      "{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}";
  write_json(c, body, (int)sizeof body - 1);
}

static int option(const char *model, char letter, int otherwise) {
  for (const char *at = model; (at = strchr(at, '-')); at++)
    if (at[1] == letter && at[2] >= '0' && at[2] <= '9') return atoi(at + 2);
  return otherwise;
}

static void begin_answer(connection *c, const char *path, const char *body, size_t length) {
  c->format = strncmp(path, "/v1/messages", 12) ? &openai : &anthropic;
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

bool read_requests(connection *c) {
  while (!c->answering && c->in.length) {
    char *head_end = memmem(c->in.data, c->in.length, "\r\n\r\n", 4);
    if (!head_end) return c->in.length < REQUEST_MAX;
    size_t head = (size_t)(head_end - c->in.data) + 4, length = 0, used = head;
    bool chunked = false;
    const char *space = memchr(c->in.data, ' ', head), *path = space ? space + 1 : c->in.data;
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
      if (taken) begin_answer(c, path, body, length);
      free(body);
      if (!taken) return c->in.length < REQUEST_MAX;
      used += taken;
    } else {
      if (c->in.length < head + length) return c->in.length < REQUEST_MAX;
      used += length;
      if (c->in.data[0] == 'P') begin_answer(c, path, c->in.data + head, length);
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
