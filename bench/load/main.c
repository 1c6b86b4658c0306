/* A load generator that costs little enough to share a machine with what it measures.
 *
 *     load -p PORT -b BODY_FILE [-P PATH] [-H 'Name: value']... [-c CONNECTIONS] [-m STREAMS] [-g] [-d SECONDS] [-r RATE]
 *
 * Posts the body to 127.0.0.1 and prints one JSON object. The protocol is HTTP/1.1; with -g it is gRPC, BODY_FILE then
 * holds the request message, and -m requests are under way at once on each connection. Without -r the loop is closed:
 * whoever is answered asks again. With -r the loop is open: requests fall due at that rate per second whatever the
 * server does, and latency counts from the time a request was due, so that a server that stalls is not forgiven.
 *
 * A chunk of a stream is counted where an answer holds '~' and 19 digits, the time of its writing as the mock vendor
 * puts it there; its delay is the time of its reading less that. Answers still under way when the time is up are waited
 * for. A request counts as answered where its status is 200 (grpc-status 0) and its answer came to its end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "run.h"

enum { BODY_MAX = 1 << 20, HEADERS_MAX = 16 };

load_options options = {.connections = 16, .streams = 1, .seconds = 3, .path = "/v1/chat/completions"};

static connection *make_connections(void) {
  connection *all = calloc((size_t)options.connections, sizeof *all);
  if (!all) abort();
  for (int i = 0; i < options.connections; i++) {
    all[i].exchanges_count = options.streams;
    if (!(all[i].exchanges = calloc((size_t)options.streams, sizeof(exchange)))) abort();
    for (int j = 0; j < options.streams; j++) all[i].exchanges[j].on = &all[i];
  }
  return all;
}

int main(int count, char **arguments) {
  const protocol *wire = &http1;
  for (int letter; (letter = getopt(count, arguments, "p:P:b:c:m:d:r:H:g")) > 0;) switch (letter) {
      case 'p': options.port = atoi(optarg); break;
      case 'P': options.path = optarg; break;
      case 'b': options.body_file = optarg; break;
      case 'c': options.connections = atoi(optarg); break;
      case 'm': options.streams = atoi(optarg); break;
      case 'd': options.seconds = atof(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'g': wire = &grpc; break;
      case 'H':
        if (options.headers_count == HEADERS_MAX) return 2;
        options.headers[options.headers_count++] = optarg;
        break;
      default: return 2;
    }
  if (!options.port || !options.body_file || options.connections < 1 || options.streams < 1) {
    fprintf(stderr, "load: -p PORT and -b BODY_FILE are needed, and at least one connection and stream\n");
    return 2;
  }
  if (wire == &http1 && options.streams > 1) {
    fprintf(stderr, "load: a connection of HTTP/1.1 carries one request at a time\n");
    return 2;
  }
  FILE *file = fopen(options.body_file, "r");
  if (!file) fail(options.body_file);
  static char body[BODY_MAX];
  size_t length = fread(body, 1, sizeof body, file);
  fclose(file);
  wire->prepare(body, length);
  uint64_t started = now();
  run(make_connections(), wire);
  print_measured((double)(now() - started) / 1e9);
}
