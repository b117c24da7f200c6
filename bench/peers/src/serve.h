/* What all peers share: the input that the runner has written, and repeats on request.
 *
 *     PROGRAM CASE INPUT
 *
 * The program prepares, checks its own results, prints one line of JSON with "ready", and then measures one repeat for each
 * line of its standard input (a number: seconds of timed work), answering with one line of JSON. It ends with its input.
 * So the runner can let ours and theirs take turns, and neither pays its start-up more than once.
 */
#ifndef SERVE_H
#define SERVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* Exit status of a case that this machine cannot run; the reason was printed. */
#define CANNOT 77

struct record {
	uint8_t *bytes;
	uint32_t length;
};

struct work {
	/* Of one round: packets, tuples. */
	uint64_t items;
	/* Untimed, before each round: puts back what it changes. May be NULL. */
	void (*prepare)(void);
	/* Timed. */
	void (*run)(void);
	/* A number that ours makes of the same input too. */
	uint32_t check;
	/* Library and its version. */
	const char *version;
};

/* Results go here, so that no compiler finds out that nobody reads them. */
static volatile uint64_t kept;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

__attribute__((noreturn, unused)) static void cannot(const char *reason)
{
	printf("{\"skipped\":\"%s\"}\n", reason);
	exit(CANNOT);
}

/* A file of records: 32 bits of length, little endian, then as many bytes. Each record is copied to a line of its own. */
static struct record *read_records(const char *path, unsigned *count)
{
	FILE *file = fopen(path, "rb");
	struct record *records = NULL;
	uint32_t length;

	if (file == NULL)
		fail("%s cannot be read", path);
	for (*count = 0; fread(&length, sizeof(length), 1, file) == 1; ++*count) {
		records = realloc(records, (*count + 1) * sizeof(*records));
		/* room behind the last byte: vector code may read a whole register */
		uint8_t *bytes = aligned_alloc(64, ((size_t)length + 64 + 63) & ~(size_t)63);

		if (records == NULL || bytes == NULL || (length > 0 && fread(bytes, length, 1, file) != 1))
			fail("%s breaks off", path);
		records[*count] = (struct record){ bytes, length };
	}
	fclose(file);
	return records;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return 1e9 * (double)t.tv_sec + (double)t.tv_nsec;
}

/* How often the kernel gave the processor to somebody else. */
static long switched(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

/* As bench/harness.ts does it: disturbed rounds are thrown away, unless nearly all are. */
static void repeat(const struct work *work, double seconds)
{
	double wanted = 1e9 * seconds, spent = 0, lost = 0;
	uint64_t rounds = 0, dropped = 0;

	do {
		if (work->prepare != NULL)
			work->prepare();
		long before = switched();
		double from = now_ns();

		work->run();
		double ns = now_ns() - from;

		if (switched() != before && lost < 4 * wanted) {
			lost += ns;
			dropped++;
		} else {
			spent += ns;
			rounds++;
		}
	} while (spent < wanted);
	printf("{\"ns\":%.4f,\"items\":%llu,\"dropped\":%llu}\n", spent / (double)(rounds * work->items),
		(unsigned long long)(rounds * work->items), (unsigned long long)dropped);
	fflush(stdout);
}

static void serve(const struct work *work)
{
	char line[64];

	printf("{\"ready\":true,\"version\":\"%s\",\"check\":%lu}\n", work->version, (unsigned long)work->check);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin) != NULL)
		repeat(work, strtod(line, NULL));
}

#endif
