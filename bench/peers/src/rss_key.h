/* The key of the published RSS verification suite, which ours takes in its benches too. */
#ifndef RSS_KEY_H
#define RSS_KEY_H

#include <rte_thash.h>
#include <stdint.h>

#define KEY_BYTES 40

static const uint8_t rss_key[KEY_BYTES] __attribute__((aligned(8))) = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

#ifdef RTE_THASH_GFNI_DEFINED
#define HAVE_GFNI 1
static uint64_t rss_matrices[KEY_BYTES];
#else
#define HAVE_GFNI 0
#endif

static inline uint32_t toeplitz_gfni(const uint8_t *bytes, int length)
{
#ifdef RTE_THASH_GFNI_DEFINED
	return rte_thash_gfni(rss_matrices, bytes, length);
#else
	(void)bytes;
	return (uint32_t)length;
#endif
}

static void prepare_gfni(void)
{
#ifdef RTE_THASH_GFNI_DEFINED
	rte_thash_complete_matrix(rss_matrices, rss_key, KEY_BYTES);
#endif
}

#endif
