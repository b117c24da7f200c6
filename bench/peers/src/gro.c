/* TCP over IPv4 merged by rte_gro_reassemble_burst, 64 packets a call: gro tcp4 INPUT
 *
 * Packet types and header lengths are known before, as ours has its dissection; what the call changes (headers and chains of mbufs)
 * is put back untimed. rte_gro verifies no checksum and makes none.
 */
#include "eal.h"

#include <rte_ether.h>
#include <rte_gro.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#define BURST 64
#define HEADERS (sizeof(struct rte_ether_hdr) + sizeof(struct rte_ipv4_hdr) + 32)

static struct record *records;
static unsigned count;
static struct rte_mbuf **mbufs, **work_list;
static uint32_t packets_out;

static void prepare(void)
{
	for (unsigned i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];

		mbuf->data_off = RTE_PKTMBUF_HEADROOM;
		mbuf->data_len = (uint16_t)records[i].length;
		mbuf->pkt_len = records[i].length;
		mbuf->nb_segs = 1;
		mbuf->next = NULL;
		mbuf->ol_flags = 0;
		mbuf->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_L4_TCP;
		mbuf->tx_offload = 0;
		mbuf->l2_len = sizeof(struct rte_ether_hdr);
		mbuf->l3_len = sizeof(struct rte_ipv4_hdr);
		mbuf->l4_len = 32;
		memcpy(rte_pktmbuf_mtod(mbuf, void *), records[i].bytes, HEADERS);
		work_list[i] = mbuf;
	}
}

static void run(void)
{
	const struct rte_gro_param param = { .gro_types = RTE_GRO_TCP_IPV4, .max_flow_num = 64, .max_item_per_flow = 64 };
	uint32_t out = 0;

	for (unsigned i = 0; i < count; i += BURST)
		out += rte_gro_reassemble_burst(work_list + i, BURST, &param);
	packets_out = out;
}

int main(int argc, char **argv)
{
	if (argc != 3 || strcmp(argv[1], "tcp4") != 0)
		fail("usage: gro tcp4 INPUT");
	start_eal(argv[0], NULL);
	records = read_records(argv[2], &count);
	if (count % BURST != 0)
		fail("%u frames are no whole bursts", count);
	mbufs = make_mbufs(records, 0, 1, count);
	work_list = calloc(count, sizeof(*work_list));
	prepare();
	run();
	serve(&(struct work){
		.items = count, .prepare = prepare, .run = run, .check = packets_out, .version = rte_version() });
	rte_eal_cleanup();
	return 0;
}
