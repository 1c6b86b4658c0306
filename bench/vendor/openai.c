/* Answers as OpenAI's chat completions have them. */
#include <stdio.h>
#include <stdlib.h>

#include "vendor.h"

#define CHUNK_HEAD \
  "data: {\"id\":\"chatcmpl-mock0123456789\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"%s\","

static void completion(connection *c) {
  char *body = malloc((size_t)c->content_bytes + 1024);
  if (!body) abort();
  int length = sprintf(body,
                       "{\"id\":\"chatcmpl-mock0123456789\",\"object\":\"chat.completion\",\"created\":1700000000,"
                       "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
                       c->model);
  length += fill_content(body + length, c->content_bytes);
  length += sprintf(body + length,
                    "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                    "\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":60,\"total_tokens\":72}}");
  write_json(c, body, length);
  free(body);
}

static void stream_start(connection *c) { (void)c; }

static void token(connection *c) {
  char event[1024];
  write_piece(c, event,
              sprintf(event,
                      CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"~%019llutok \"},"
                                 "\"finish_reason\":null}]}\n\n",
                      c->model, c->chunks_written ? "" : "\"role\":\"assistant\",", (unsigned long long)now()));
}

static void stream_end(connection *c) {
  char event[1024];
  write_piece(c, event,
              sprintf(event, CHUNK_HEAD "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n", c->model));
  write_piece(c, event,
              sprintf(event,
                      CHUNK_HEAD "\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":%d,"
                                 "\"total_tokens\":%d}}\n\n",
                      c->model, c->chunks, c->chunks + 12));
  write_piece(c, "data: [DONE]\n\n", 14);
}

const format openai = {completion, stream_start, token, stream_end};
