/* Toeplitz over packed tuples: toeplitz gfni12|gfni36|softrss12|softrss36|table12|table36 INPUT
 *
 *   gfni      rte_thash_gfni
 *   softrss   rte_softrss_be, its words in the host's order as it wants them, made before
 *   table     plain C: a table of 256 words for each place of a byte
 */
#include "serve.h"

#include "rss_key.h"

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_version.h>

static const uint8_t *tuples;
static uint32_t *words;
static unsigned count;
static int length;
static uint8_t key_words[KEY_BYTES] __attribute__((aligned(8)));
static uint32_t table[KEY_BYTES - 4][256];

static void fill_table(void)
{
	for (unsigned place = 0; place < KEY_BYTES - 4; place++) {
		uint64_t window = 0;

		for (unsigned k = 0; k < 5; k++)
			window = window << 8 | rss_key[place + k];
		for (unsigned value = 0; value < 256; value++)
			for (unsigned bit = 0; bit < 8; bit++)
				if (value >> bit & 1)
					table[place][value] ^= (uint32_t)(window >> (bit + 1));
	}
}

static inline uint32_t by_table(const uint8_t *tuple, int bytes)
{
	/* four chains, so that the loads do not wait for each other */
	uint32_t part[4] = { 0, 0, 0, 0 };

#pragma GCC unroll 36
	for (int i = 0; i < bytes; i++)
		part[i & 3] ^= table[i][tuple[i]];
	return part[0] ^ part[1] ^ part[2] ^ part[3];
}

/* Lengths are constants in each, as they are in ours. */
#define RUN(NAME, BYTES, HASH)                                                              \
	static void NAME##BYTES(void)                                                       \
	{                                                                                   \
		uint32_t sum = 0;                                                           \
		for (unsigned i = 0; i < count; i++) {                                      \
			const uint8_t *tuple = tuples + (size_t)i * BYTES;                  \
			uint32_t *word = words + (size_t)i * (BYTES / 4);                   \
			(void)tuple;                                                        \
			(void)word;                                                         \
			sum ^= HASH;                                                        \
		}                                                                           \
		kept = sum;                                                                 \
	}

RUN(gfni, 12, toeplitz_gfni(tuple, 12))
RUN(gfni, 36, toeplitz_gfni(tuple, 36))
RUN(softrss, 12, rte_softrss_be(word, 3, key_words))
RUN(softrss, 36, rte_softrss_be(word, 9, key_words))
RUN(table, 12, by_table(tuple, 12))
RUN(table, 36, by_table(tuple, 36))

static const struct {
	const char *name;
	void (*run)(void);
	int bytes;
} cases[] = {
	{ "gfni12", gfni12, 12 },	{ "gfni36", gfni36, 36 },   { "softrss12", softrss12, 12 },
	{ "softrss36", softrss36, 36 }, { "table12", table12, 12 }, { "table36", table36, 36 },
};

int main(int argc, char **argv)
{
	static char version[64];
	unsigned n, chosen = 0;

	if (argc != 3)
		fail("usage: toeplitz CASE INPUT");
	while (chosen < RTE_DIM(cases) && strcmp(cases[chosen].name, argv[1]) != 0)
		chosen++;
	if (chosen == RTE_DIM(cases))
		fail("there is no case %s", argv[1]);
	if (!HAVE_GFNI && strncmp(argv[1], "gfni", 4) == 0)
		cannot("this processor has no GFNI with AVX-512");

	const struct record *records = read_records(argv[2], &n);

	length = cases[chosen].bytes;
	tuples = records[0].bytes;
	count = records[0].length / (unsigned)length;
	words = malloc((size_t)count * (size_t)length);
	for (unsigned i = 0; i < count * (unsigned)length / 4; i++) {
		uint32_t word;

		memcpy(&word, tuples + 4 * i, 4);
		words[i] = rte_be_to_cpu_32(word);
	}
	rte_convert_rss_key((const uint32_t *)(const void *)rss_key, (uint32_t *)(void *)key_words, KEY_BYTES);
	prepare_gfni();
	fill_table();
	cases[chosen].run();
	snprintf(version, sizeof(version), "%s", strncmp(argv[1], "table", 5) == 0 ? "plain C" : rte_version());
	serve(&(struct work){
		.items = count, .run = cases[chosen].run, .check = (uint32_t)kept, .version = version });
	return 0;
}
