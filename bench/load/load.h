/* What the parts of the load generator share: connections with the exchanges on them, and what was measured. */
#ifndef LOAD_H
#define LOAD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct connection connection;

/* A place for one request and its answer; taken again and again. A connection has one, or as many as it multiplexes. */
typedef struct exchange {
  connection *on;
  uint64_t due; /* latency counts from here */
  bool busy, idle; /* idle: in the list of those that wait for work */
  bool seen_chunk;
  int mark_digits; /* read since a '~'; -1 outside a mark */
  uint64_t mark;
  uint32_t stream; /* HTTP/2's number of it */
  struct exchange *next_idle;
} exchange;

struct connection {
  int fd;
  bool connected;
  struct { char *data; size_t length, sent, capacity; } out;
  int exchanges_count;
  exchange *exchanges;
  void *state; /* the protocol's own */
};

/* How requests and answers look on the wire. */
typedef struct {
  void (*prepare)(const char *body, size_t length); /* once, with what each request carries */
  void (*opened)(connection *);                     /* a connection is new; its state is NULL or an earlier one's */
  void (*request)(exchange *);                      /* appends the request to the connection's output */
  bool (*received)(connection *, const char *data, size_t length); /* false where the connection is of no more use */
  bool (*ended)(connection *); /* the peer closed; true where that is how the answer under way ends */
} protocol;

extern const protocol http1, grpc;

typedef struct {
  int port, connections, streams;
  double seconds, rate;
  const char *path, *body_file, *headers[16];
  int headers_count;
} load_options;

extern load_options options;

/* exchange.c */
void exchange_done(exchange *, bool succeeded, int status);
void exchange_read(exchange *, const char *data, size_t length); /* looks for the marks in an answer's body */
void output(connection *, const void *data, size_t length);

/* measured.c */
typedef enum { LATENCY, FIRST_CHUNK, DELAY, KINDS } kind;
extern struct measured { long answered, failed, last_failure, chunks, in_flight; } measured;
uint64_t now(void);
void record(kind, uint64_t nanoseconds);
void print_measured(double seconds);
__attribute__((noreturn)) void fail(const char *what);

#endif
