/* An HTTP/1.1 load generator that costs little enough to share a machine with what it measures.
 *
 *     load -p PORT -b BODY_FILE [-P PATH] [-H 'Name: value']... [-c CONNECTIONS] [-d SECONDS] [-r RATE]
 *
 * Posts the body to 127.0.0.1 and prints one JSON object. Without -r the loop is closed: each connection asks again as
 * soon as it is answered. With -r the loop is open: requests fall due at that rate per second whatever the server does,
 * and latency counts from the time a request was due, so that a server that stalls is not forgiven.
 *
 * A chunk of a stream is counted where a body holds '~' and 19 digits, the time of its writing as mock_vendor puts it
 * there; its delay is the time of its reading less that. Answers still under way when the time is up are waited for.
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

enum { HEAD_MAX = 16384, EVENTS = 256, MARK_DIGITS = 19, PATIENCE_SECONDS = 15, HOPELESS = 200 };

typedef struct {
  float *values;
  size_t count, capacity;
} samples;

typedef enum { IDLE, CONNECTING, SENDING, READING_HEAD, READING_BODY } phase;
typedef enum { SIZE_LINE, CHUNK, CHUNK_END, TRAILER_START, TRAILER } framing;

typedef struct connection {
  int fd;
  phase phase;
  size_t sent;
  uint64_t due; /* latency counts from here */
  char head[HEAD_MAX];
  size_t head_length;
  int status;
  bool chunked, closes;
  int64_t body_left; /* without chunks; -1 until the peer closes */
  framing framing;
  size_t chunk_left;
  int mark_digits; /* read since a '~'; -1 outside a mark */
  uint64_t mark;
  bool seen_chunk;
  struct connection *next_idle;
} connection;

static struct {
  int port, connections;
  double seconds, rate;
  const char *path, *body_file;
} options = {.connections = 16, .seconds = 3, .path = "/v1/chat/completions"};

static char *request;
static size_t request_length;
static int poller;
static uint64_t ends;
static connection *idle;
static struct {
  uint64_t *times;
  size_t first, count, capacity;
} overdue; /* open loop: due, but no connection was idle */

static long answered, failed, last_failure, chunks, in_flight;
static samples latency, first_chunk, delay;

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void add(samples *to, uint64_t nanoseconds) {
  if (to->count == to->capacity) {
    to->capacity = to->capacity ? 2 * to->capacity : 65536;
    to->values = realloc(to->values, to->capacity * sizeof *to->values);
    if (!to->values) abort();
  }
  to->values[to->count++] = (float)((double)nanoseconds / 1e6);
}

static void fail(const char *what) {
  perror(what);
  exit(2);
}

/* ---- sending ---- */

static void finish(connection *c, bool whole);

static void send_request(connection *c) {
  c->phase = SENDING;
  while (c->sent < request_length) {
    ssize_t sent = send(c->fd, request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN) finish(c, false);
      return;
    }
    c->sent += (size_t)sent;
  }
  c->phase = READING_HEAD;
  c->head_length = 0;
  c->seen_chunk = false;
  c->mark_digits = -1;
}

static void begin(connection *c, uint64_t due) {
  c->due = due;
  c->sent = 0;
  in_flight++;
  send_request(c);
}

static void dial(connection *c) {
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)options.port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) fail("connect");
  c->phase = CONNECTING;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &event);
}

/* Gives an idle connection its next request, if there is one. */
static void go_on(connection *c) {
  c->phase = IDLE;
  if (options.rate > 0) {
    if (overdue.first < overdue.count) {
      begin(c, overdue.times[overdue.first++]);
      return;
    }
  } else {
    uint64_t time = now();
    if (time < ends) {
      begin(c, time);
      return;
    }
  }
  c->next_idle = idle;
  idle = c;
}

static void hang_up(connection *c) {
  connection **place = &idle;
  while (*place && *place != c) place = &(*place)->next_idle;
  if (*place) *place = c->next_idle; /* the server closed a connection that waited for work */
  close(c->fd);
  c->fd = -1;
  c->phase = IDLE;
  if (now() < ends) dial(c);
}

static void finish(connection *c, bool whole) {
  in_flight--;
  if (whole && c->status == 200) {
    answered++;
    add(&latency, now() - c->due);
  } else {
    failed++;
    last_failure = whole ? c->status : 0;
    if (failed > HOPELESS && !answered) {
      fprintf(stderr, "nothing but failures; the last: status %ld\n", last_failure);
      exit(3);
    }
  }
  if (whole && !c->closes) go_on(c);
  else hang_up(c);
}

static void fall_due(uint64_t time) {
  if (idle) {
    connection *c = idle;
    idle = c->next_idle;
    begin(c, time);
    return;
  }
  if (overdue.count == overdue.capacity) {
    overdue.capacity = overdue.capacity ? 2 * overdue.capacity : 4096;
    overdue.times = realloc(overdue.times, overdue.capacity * sizeof *overdue.times);
    if (!overdue.times) abort();
  }
  overdue.times[overdue.count++] = time;
}

/* ---- reading ---- */

static void read_payload(connection *c, const char *data, size_t length) {
  const char *end = data + length;
  uint64_t time = 0;
  while (data < end) {
    if (c->mark_digits < 0) {
      data = memchr(data, '~', (size_t)(end - data));
      if (!data) return;
      data++;
      c->mark_digits = 0;
      c->mark = 0;
    }
    for (; data < end && c->mark_digits < MARK_DIGITS && *data >= '0' && *data <= '9'; c->mark_digits++)
      c->mark = c->mark * 10 + (uint64_t)(*data++ - '0');
    if (c->mark_digits == MARK_DIGITS) {
      if (!time) time = now();
      chunks++;
      add(&delay, time - c->mark);
      if (!c->seen_chunk) add(&first_chunk, time - c->due);
      c->seen_chunk = true;
      c->mark_digits = -1;
    } else if (data < end) {
      c->mark_digits = -1;
    }
  }
}

/* Takes the head out of the data; returns the bytes used, of which the last may belong to the head's middle. */
static size_t read_head(connection *c, const char *data, size_t length) {
  size_t room = HEAD_MAX - 1 - c->head_length, before = c->head_length;
  size_t taken = length < room ? length : room;
  memcpy(c->head + before, data, taken);
  c->head_length += taken;
  c->head[c->head_length] = 0;
  char *end = strstr(c->head, "\r\n\r\n");
  if (!end) return length;
  end[2] = 0;
  c->status = atoi(c->head + strlen("HTTP/1.1 "));
  c->chunked = c->closes = false;
  c->body_left = -1;
  for (char *line = strchr(c->head, '\n'); line && *++line; line = strchr(line, '\n')) {
    if (!strncasecmp(line, "content-length:", 15)) c->body_left = atol(line + 15);
    if (!strncasecmp(line, "transfer-encoding:", 18)) c->chunked = true;
    if (!strncasecmp(line, "connection: close", 17)) c->closes = true;
  }
  c->phase = READING_BODY;
  c->framing = SIZE_LINE;
  c->chunk_left = 0;
  return (size_t)(end + 4 - c->head) - before;
}

/* Takes bytes of a chunked body; tells whether it ended. */
static bool read_chunked(connection *c, const char *data, size_t length, size_t *at) {
  while (*at < length) switch (c->framing) {
      case SIZE_LINE: {
        char byte = data[(*at)++], lower = (char)(byte | 32);
        if (byte >= '0' && byte <= '9') c->chunk_left = 16 * c->chunk_left + (size_t)(byte - '0');
        else if (lower >= 'a' && lower <= 'f') c->chunk_left = 16 * c->chunk_left + (size_t)(lower - 'a') + 10;
        else if (byte == '\n') c->framing = c->chunk_left ? CHUNK : TRAILER_START;
        break;
      }
      case CHUNK: {
        size_t part = length - *at < c->chunk_left ? length - *at : c->chunk_left;
        read_payload(c, data + *at, part);
        *at += part;
        if (!(c->chunk_left -= part)) c->framing = CHUNK_END;
        break;
      }
      case CHUNK_END: if (data[(*at)++] == '\n') c->framing = SIZE_LINE; break;
      case TRAILER_START: {
        char byte = data[(*at)++];
        if (byte == '\n') return true;
        if (byte != '\r') c->framing = TRAILER;
        break;
      }
      case TRAILER: if (data[(*at)++] == '\n') c->framing = TRAILER_START; break;
    }
  return false;
}

/* Reads what came, which may end the answer; nothing follows it, since requests are never pipelined. */
static void read_answer(connection *c, const char *data, size_t length) {
  size_t at = c->phase == READING_HEAD ? read_head(c, data, length) : 0;
  if (c->phase != READING_BODY) return;
  bool ended;
  if (c->chunked) {
    ended = read_chunked(c, data, length, &at);
  } else {
    read_payload(c, data + at, length - at);
    if (c->body_left >= 0) c->body_left -= (int64_t)(length - at);
    ended = c->body_left == 0;
  }
  if (ended) finish(c, true);
}

static void read_all(connection *c) {
  static char data[262144];
  for (int fd = c->fd; c->fd == fd;) {
    ssize_t length = recv(fd, data, sizeof data, 0);
    if (length < 0 && errno == EAGAIN) return;
    if (length > 0) {
      read_answer(c, data, (size_t)length);
    } else if (c->phase == READING_BODY && !c->chunked && c->body_left < 0) {
      c->closes = true;
      finish(c, true);
    } else if (c->phase == SENDING || c->phase == READING_HEAD || c->phase == READING_BODY) {
      finish(c, false);
    } else {
      hang_up(c);
    }
  }
}

/* ---- the run ---- */

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void print_samples(const char *name, samples *of) {
  printf(", \"%s\": ", name);
  if (!of->count) printf("null");
  qsort(of->values, of->count, sizeof *of->values, ascending);
  const char *separator = "{";
  for (int i = 0; i < 3 && of->count; i++, separator = ", ") {
    static const struct { const char *name; double share; } quantiles[] = {{"p50", .5}, {"p99", .99}, {"max", 1}};
    size_t at = (size_t)((double)(of->count - 1) * quantiles[i].share);
    printf("%s\"%s\": %.4f", separator, quantiles[i].name, (double)of->values[at]);
  }
  if (of->count) printf("}");
}

static void build_request(const char *headers) {
  FILE *file = fopen(options.body_file, "r");
  if (!file) fail(options.body_file);
  static char body[1 << 20];
  size_t length = fread(body, 1, sizeof body, file);
  fclose(file);
  int head = asprintf(&request,
                      "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                      "Content-Length: %zu\r\n%s\r\n",
                      options.path, options.port, length, headers);
  if (head < 0 || !(request = realloc(request, (size_t)head + length))) abort();
  memcpy(request + head, body, length);
  request_length = (size_t)head + length;
}

static void run(connection *all) {
  uint64_t started = now(), gap = options.rate > 0 ? (uint64_t)(1e9 / options.rate) : 0, due = started + gap;
  ends = started + (uint64_t)(options.seconds * 1e9);
  for (int i = 0; i < options.connections; i++) dial(&all[i]);
  for (;;) {
    uint64_t time = now();
    for (; gap && due <= time && due < ends; due += gap) fall_due(due);
    bool more = gap ? due < ends || overdue.first < overdue.count : time < ends;
    if ((!more && !in_flight) || time > ends + PATIENCE_SECONDS * 1000000000ull) return;
    uint64_t wait = 50000000;
    if (gap && due < ends && due - time < wait) wait = due - time;
    struct timespec timeout = {0, (long)wait};
    struct epoll_event ready[EVENTS];
    int events = epoll_pwait2(poller, ready, EVENTS, &timeout, NULL);
    for (int i = 0; i < events; i++) {
      connection *c = ready[i].data.ptr;
      if (c->phase == CONNECTING && ready[i].events & EPOLLOUT && !(ready[i].events & EPOLLERR)) go_on(c);
      else if (c->phase == SENDING && ready[i].events & EPOLLOUT) send_request(c);
      if (c->fd >= 0 && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_all(c);
    }
  }
}

int main(int count, char **arguments) {
  char headers[4096] = "";
  for (int letter; (letter = getopt(count, arguments, "p:P:b:c:d:r:H:")) > 0;) switch (letter) {
      case 'p': options.port = atoi(optarg); break;
      case 'P': options.path = optarg; break;
      case 'b': options.body_file = optarg; break;
      case 'c': options.connections = atoi(optarg); break;
      case 'd': options.seconds = atof(optarg); break;
      case 'r': options.rate = atof(optarg); break;
      case 'H':
        if (strlen(headers) + strlen(optarg) + 3 > sizeof headers) return 2;
        strcat(strcat(headers, optarg), "\r\n");
        break;
      default: return 2;
    }
  if (!options.port || !options.body_file || options.connections < 1) {
    fprintf(stderr, "load: -p PORT and -b BODY_FILE are needed\n");
    return 2;
  }
  build_request(headers);
  poller = epoll_create1(0);
  connection *all = calloc((size_t)options.connections, sizeof *all);
  if (!all) abort();
  uint64_t started = now();
  run(all);
  double seconds = (double)(now() - started) / 1e9;
  printf("{\"answered\": %ld, \"failed\": %ld, \"last_failure\": %ld, \"unfinished\": %ld, \"seconds\": %.4f, \"chunks\": %ld",
         answered, failed, last_failure, in_flight, seconds, chunks);
  print_samples("latency_ms", &latency);
  print_samples("first_chunk_ms", &first_chunk);
  print_samples("delay_ms", &delay);
  printf("}\n");
}
