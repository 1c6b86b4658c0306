/* Bytes on their way to the peer: buffers, and HTTP's framing of whole and streamed bodies. */
#include "vendor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void append(buffer *to, const char *data, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = 2 * (to->length + length);
    to->data = realloc(to->data, to->capacity);
    if (!to->data) abort();
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}

void append_text(buffer *to, const char *text) { append(to, text, strlen(text)); }

void write_json(connection *c, const char *body, int length) {
  char head[128];
  append(&c->out, head,
         (size_t)sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n", length));
  append(&c->out, body, (size_t)length);
}

void write_piece(connection *c, const char *data, int length) {
  char size[16];
  append(&c->out, size, (size_t)sprintf(size, "%x\r\n", length));
  append(&c->out, data, (size_t)length);
  append_text(&c->out, "\r\n");
}

int fill_content(char *at, int bytes) {
  static const char words[] = "The quick brown fox jumps over the lazy dog. ";
  for (int i = 0; i < bytes; i++) at[i] = words[i % ((int)sizeof words - 1)];
  return bytes;
}
