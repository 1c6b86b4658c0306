/* What was measured: counts, and every single time, of which quantiles are printed. */
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct measured measured;

static struct {
  float *values; /* milliseconds */
  size_t count, capacity;
} samples[KINDS];

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

void fail(const char *what) {
  perror(what);
  exit(2);
}

void record(kind kind, uint64_t nanoseconds) {
  if (samples[kind].count == samples[kind].capacity) {
    samples[kind].capacity = samples[kind].capacity ? 2 * samples[kind].capacity : 65536;
    samples[kind].values = realloc(samples[kind].values, samples[kind].capacity * sizeof(float));
    if (!samples[kind].values) abort();
  }
  samples[kind].values[samples[kind].count++] = (float)((double)nanoseconds / 1e6);
}

static int ascending(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void print_quantiles(const char *name, kind kind) {
  static const struct { const char *name; double share; } quantiles[] = {{"p50", .5}, {"p99", .99}, {"max", 1}};
  size_t count = samples[kind].count;
  printf(", \"%s\": ", name);
  if (!count) {
    printf("null");
    return;
  }
  qsort(samples[kind].values, count, sizeof(float), ascending);
  for (int i = 0; i < 3; i++) {
    size_t at = (size_t)((double)(count - 1) * quantiles[i].share);
    printf("%s\"%s\": %.4f", i ? ", " : "{", quantiles[i].name, (double)samples[kind].values[at]);
  }
  printf("}");
}

void print_measured(double seconds) {
  printf("{\"answered\": %ld, \"failed\": %ld, \"last_failure\": %ld, \"unfinished\": %ld, \"seconds\": %.4f, \"chunks\": %ld",
         measured.answered, measured.failed, measured.last_failure, measured.in_flight, seconds, measured.chunks);
  print_quantiles("latency_ms", LATENCY);
  print_quantiles("first_chunk_ms", FIRST_CHUNK);
  print_quantiles("delay_ms", DELAY);
  printf("}\n");
}
