/* DPDK without hugepages, devices and files of its own, on whatever processors this process may use. */
#ifndef EAL_H
#define EAL_H

#include "serve.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_version.h>
#include <sched.h>
#include <unistd.h>

static char runtime_folder[256];

/* The environment leaves its empty folder behind. */
static void remove_runtime_folder(void)
{
	rmdir(runtime_folder);
}

/* vdev: a crypto device to make, or NULL. */
static void start_eal(const char *program, const char *vdev)
{
	static char lcores[4096] = "0@(", prefix[32], vdev_option[64];
	char *args[16];
	int n = 0;
	cpu_set_t cpus;

	/* One lcore that is tied to no processor in particular: ours is not either. */
	CPU_ZERO(&cpus);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	for (int cpu = 0, first = 1; cpu < CPU_SETSIZE && cpu < RTE_MAX_LCORE; cpu++)
		if (CPU_ISSET(cpu, &cpus)) {
			snprintf(lcores + strlen(lcores), 16, first ? "%d" : ",%d", cpu);
			first = 0;
		}
	strcat(lcores, ")");
	snprintf(prefix, sizeof(prefix), "peer%ld", (long)getpid());
	args[n++] = strdup(program);
	args[n++] = strdup("--no-huge");
	args[n++] = strdup("--no-pci");
	args[n++] = strdup("--no-shconf");
	args[n++] = strdup("--no-telemetry");
	args[n++] = strdup("--log-level=error");
	args[n++] = strdup("-m256");
	args[n++] = strdup("--lcores");
	args[n++] = lcores;
	args[n++] = strdup("--file-prefix");
	args[n++] = prefix;
	if (vdev != NULL) {
		snprintf(vdev_option, sizeof(vdev_option), "--vdev=%s", vdev);
		args[n++] = vdev_option;
	}
	if (rte_eal_init(n, args) < 0)
		cannot("DPDK's environment did not start");
	snprintf(runtime_folder, sizeof(runtime_folder), "%s", rte_eal_get_runtime_dir());
	atexit(remove_runtime_folder);
}

/* An mbuf for each record from `from` on, every `step`th, with its bytes. */
__attribute__((unused)) static struct rte_mbuf **make_mbufs(const struct record *records, unsigned from, unsigned step,
	unsigned count)
{
	struct rte_mempool *pool =
		rte_pktmbuf_pool_create("frames", count + 64, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct rte_mbuf **mbufs = calloc(count, sizeof(*mbufs));

	if (pool == NULL || mbufs == NULL || rte_pktmbuf_alloc_bulk(pool, mbufs, count) != 0)
		fail("no mbufs: %s", rte_strerror(rte_errno));
	for (unsigned i = 0; i < count; i++) {
		const struct record *record = &records[from + i * step];
		char *data = rte_pktmbuf_append(mbufs[i], (uint16_t)record->length);

		if (data == NULL)
			fail("record %u is too long for an mbuf", from + i * step);
		memcpy(data, record->bytes, record->length);
	}
	return mbufs;
}

#endif
