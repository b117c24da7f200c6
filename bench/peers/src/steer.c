/* Frame to queue: steer gfni|gfni_ring|softrss|softrss_ring INPUT
 *
 * rte_net_get_ptype, Toeplitz over addresses and ports where they lie in the frame, a table of 128 entries, 4 queues. With _ring the
 * mbuf then goes through its queue's rte_ring: 32 at a time into one ring, and out of it again in the same thread.
 */
#include "eal.h"
#include "rss_key.h"

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_net.h>
#include <rte_ring.h>

#define QUEUES 4
#define BURST 32
#define ENTRIES 128
#define LAYERS (RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK)

static struct rte_mbuf **mbufs;
static unsigned count;
static struct rte_ring *rings[QUEUES];
static uint8_t entries[ENTRIES];
static uint8_t key_words[KEY_BYTES] __attribute__((aligned(8)));

static __rte_always_inline uint32_t toeplitz(const uint8_t *bytes, unsigned length, bool gfni)
{
	uint32_t words[9];

	if (gfni)
		return toeplitz_gfni(bytes, (int)length);
	for (unsigned i = 0; i < length / 4; i++) {
		memcpy(&words[i], bytes + 4 * i, 4);
		words[i] = rte_be_to_cpu_32(words[i]);
	}
	return rte_softrss_be(words, length / 4, key_words);
}

/* Addresses and ports are neighbours in the frame unless options or extension headers come between. */
static __rte_always_inline unsigned queue_of(struct rte_mbuf *mbuf, bool gfni)
{
	struct rte_net_hdr_lens lengths;
	uint32_t type = rte_net_get_ptype(mbuf, &lengths, LAYERS);
	uint32_t l4 = type & RTE_PTYPE_L4_MASK;
	bool six = RTE_ETH_IS_IPV6_HDR(type), ports = l4 == RTE_PTYPE_L4_TCP || l4 == RTE_PTYPE_L4_UDP;
	unsigned header = six ? sizeof(struct rte_ipv6_hdr) : sizeof(struct rte_ipv4_hdr);
	unsigned addresses = six ? 32 : 8, before = six ? 8 : 12;
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(mbuf, const uint8_t *, lengths.l2_len);
	uint8_t tuple[36];

	mbuf->packet_type = type;
	if (!six && !RTE_ETH_IS_IPV4_HDR(type)) {
		mbuf->hash.rss = 0;
	} else if (!ports) {
		mbuf->hash.rss = toeplitz(l3 + before, addresses, gfni);
	} else if (likely(lengths.l3_len == header)) {
		mbuf->hash.rss = six ? toeplitz(l3 + before, 36, gfni) : toeplitz(l3 + before, 12, gfni);
	} else {
		memcpy(tuple, l3 + before, addresses);
		memcpy(tuple + addresses, l3 + lengths.l3_len, 4);
		mbuf->hash.rss = toeplitz(tuple, addresses + 4, gfni);
	}
	return entries[mbuf->hash.rss % ENTRIES];
}

static __rte_always_inline void to_queue_number(bool gfni)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += queue_of(mbufs[i], gfni);
	kept = sum;
}

/* Puts what waits for a queue into its ring and takes it out. */
static __rte_always_inline uint64_t through_ring(unsigned queue, struct rte_mbuf **waiting, unsigned n)
{
	void *out[BURST];

	if (rte_ring_sp_enqueue_bulk(rings[queue], (void **)waiting, n, NULL) != n ||
		rte_ring_sc_dequeue_bulk(rings[queue], out, n, NULL) != n)
		fail("a ring is full or empty");
	return (uintptr_t)out[0] + (uintptr_t)out[n - 1];
}

static __rte_always_inline void to_ring(bool gfni)
{
	struct rte_mbuf *waiting[QUEUES][BURST];
	unsigned have[QUEUES] = { 0 };
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned queue = queue_of(mbufs[i], gfni);

		waiting[queue][have[queue]++] = mbufs[i];
		if (have[queue] == BURST) {
			sum += through_ring(queue, waiting[queue], BURST);
			have[queue] = 0;
		}
	}
	for (unsigned queue = 0; queue < QUEUES; queue++)
		if (have[queue] > 0)
			sum += through_ring(queue, waiting[queue], have[queue]);
	kept = sum;
}

static void gfni(void) { to_queue_number(true); }
static void gfni_ring(void) { to_ring(true); }
static void softrss(void) { to_queue_number(false); }
static void softrss_ring(void) { to_ring(false); }

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = { { "gfni", gfni }, { "gfni_ring", gfni_ring }, { "softrss", softrss },
		{ "softrss_ring", softrss_ring } };
	unsigned chosen = 0;
	uint32_t sum = 0;

	if (argc != 3)
		fail("usage: steer CASE INPUT");
	while (chosen < RTE_DIM(cases) && strcmp(cases[chosen].name, argv[1]) != 0)
		chosen++;
	if (chosen == RTE_DIM(cases))
		fail("there is no case %s", argv[1]);
	if (!HAVE_GFNI && strncmp(argv[1], "gfni", 4) == 0)
		cannot("this processor has no GFNI with AVX-512");
	start_eal(argv[0], NULL);
	const struct record *records = read_records(argv[2], &count);

	mbufs = make_mbufs(records, 0, 1, count);
	for (unsigned queue = 0; queue < QUEUES; queue++) {
		char name[8];

		snprintf(name, sizeof(name), "ring%u", queue);
		rings[queue] = rte_ring_create(name, 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (rings[queue] == NULL)
			fail("no ring: %s", rte_strerror(rte_errno));
	}
	for (unsigned i = 0; i < ENTRIES; i++)
		entries[i] = i % QUEUES;
	rte_convert_rss_key((const uint32_t *)(const void *)rss_key, (uint32_t *)(void *)key_words, KEY_BYTES);
	prepare_gfni();
	cases[chosen].run();
	for (unsigned i = 0; i < count; i++)
		sum += mbufs[i]->hash.rss;
	serve(&(struct work){ .items = count, .run = cases[chosen].run, .check = sum, .version = rte_version() });
	rte_eal_cleanup();
	return 0;
}
