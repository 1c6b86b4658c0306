/* Answers as Anthropic's messages have them. */
#include <stdio.h>
#include <stdlib.h>

#include "vendor.h"

#define MESSAGE_HEAD "{\"id\":\"msg_mock0123456789\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"%s\",\"content\":["

static void completion(connection *c) {
  char *body = malloc((size_t)c->content_bytes + 1024);
  if (!body) abort();
  int length = sprintf(body, MESSAGE_HEAD "{\"type\":\"text\",\"text\":\"", c->model);
  length += fill_content(body + length, c->content_bytes);
  length += sprintf(body + length,
                    "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
                    "\"usage\":{\"input_tokens\":12,\"output_tokens\":60}}");
  write_json(c, body, length);
  free(body);
}

static void stream_start(connection *c) {
  char event[1024];
  write_piece(c, event,
              sprintf(event,
                      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":" MESSAGE_HEAD
                      "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,\"output_tokens\":1}}}\n\n",
                      c->model));
  write_piece(c, event,
              sprintf(event, "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
                             "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"));
  write_piece(c, event, sprintf(event, "event: ping\ndata: {\"type\":\"ping\"}\n\n"));
}

static void token(connection *c) {
  char event[1024];
  write_piece(c, event,
              sprintf(event,
                      "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                      "\"delta\":{\"type\":\"text_delta\",\"text\":\"~%019llutok \"}}\n\n",
                      (unsigned long long)now()));
}

static void stream_end(connection *c) {
  char event[1024];
  write_piece(c, event,
              sprintf(event, "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"));
  write_piece(c, event,
              sprintf(event,
                      "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
                      "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}}\n\n",
                      c->chunks));
  write_piece(c, event, sprintf(event, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
}

const format anthropic = {completion, stream_start, token, stream_end};
