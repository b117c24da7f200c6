/* ESP input by librte_ipsec over a crypto device, 32 packets at a time: esp DEVICE-TRANSFORM INPUT
 *
 * Transport mode over IPv4, replay window of 1024. From frame to opened frame: prepare, enqueue, dequeue, group, process. Frames,
 * mbufs and the SA's window are put back untimed.
 */
#include "eal.h"
#include "esp_input.h"

#include <netinet/in.h>
#include <rte_cryptodev.h>
#include <rte_ipsec.h>
#include <rte_malloc.h>

#define BURST 32u
#define WINDOW 1024
/* Where the crypto device finds the nonce: behind the operation, where librte_ipsec writes it. */
#define NONCE_AT (sizeof(struct rte_crypto_op) + sizeof(struct rte_crypto_sym_op))

static const struct transform {
	const char *name, *device;
	/* RTE_CRYPTO_AEAD_*; 0: NULL without ICV */
	int aead;
	uint16_t key, nonce, salt;
} transforms[] = {
	{ "aesni_mb-gcm256", "crypto_aesni_mb", RTE_CRYPTO_AEAD_AES_GCM, 32, 12, 4 },
	{ "aesni_mb-ccm128", "crypto_aesni_mb", RTE_CRYPTO_AEAD_AES_CCM, 16, 11, 3 },
	{ "aesni_mb-chacha20poly1305", "crypto_aesni_mb", RTE_CRYPTO_AEAD_CHACHA20_POLY1305, 32, 12, 4 },
	{ "openssl-gcm256", "crypto_openssl", RTE_CRYPTO_AEAD_AES_GCM, 32, 12, 4 },
	{ "null-null", "crypto_null", 0, 0, 0, 0 },
};

static struct esp_input input;
static const struct transform *transform;
static uint8_t device;
static struct rte_mbuf **mbufs, **work_list;
static struct rte_crypto_op *ops[BURST];
static struct rte_ipsec_session session;
static struct rte_ipsec_sa_prm parameters;
static struct rte_crypto_sym_xform chain[2];
static uint32_t sa_bytes;
static unsigned authentic;

static void prepare(void)
{
	for (unsigned i = 0; i < input.count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		const struct record frame = input.pairs[2 * i];

		mbuf->data_off = RTE_PKTMBUF_HEADROOM;
		mbuf->data_len = (uint16_t)frame.length;
		mbuf->pkt_len = frame.length;
		mbuf->nb_segs = 1;
		mbuf->next = NULL;
		mbuf->ol_flags = 0;
		mbuf->packet_type = RTE_PTYPE_L2_ETHER | RTE_PTYPE_L3_IPV4 | RTE_PTYPE_TUNNEL_ESP;
		mbuf->tx_offload = 0;
		mbuf->l2_len = L2_BYTES;
		mbuf->l3_len = L3_BYTES;
		memcpy(rte_pktmbuf_mtod(mbuf, void *), frame.bytes, frame.length);
		work_list[i] = mbuf;
	}
	if (rte_ipsec_sa_init(session.sa, &parameters, sa_bytes) < 0)
		fail("the SA cannot be set up again");
}

static void run(void)
{
	struct rte_crypto_op *done[BURST];
	struct rte_mbuf *opened[BURST];
	struct rte_ipsec_group groups[BURST];
	unsigned good = 0;

	for (unsigned i = 0; i < input.count; i += BURST) {
		uint16_t n = (uint16_t)RTE_MIN(BURST, input.count - i);
		uint16_t ready = rte_ipsec_pkt_crypto_prepare(&session, work_list + i, ops, n);
		uint16_t back = 0;

		if (rte_cryptodev_enqueue_burst(device, 0, ops, ready) != ready)
			fail("the crypto device did not take a burst");
		while (back < ready)
			back += rte_cryptodev_dequeue_burst(device, 0, done + back, ready - back);
		uint16_t n_groups =
			rte_ipsec_pkt_crypto_group((const struct rte_crypto_op **)(uintptr_t)done, opened, groups, back);

		for (uint16_t g = 0; g < n_groups; g++)
			good += rte_ipsec_pkt_process(groups[g].id.ptr, groups[g].m, (uint16_t)groups[g].cnt);
	}
	authentic = good;
}

static void start_device(void)
{
	int id = rte_cryptodev_get_dev_id(transform->device);
	struct rte_cryptodev_config config = { .nb_queue_pairs = 1, .ff_disable = RTE_CRYPTODEV_FF_SECURITY };
	struct rte_cryptodev_qp_conf queue = { .nb_descriptors = 1024 };

	if (id < 0)
		cannot("this crypto device of DPDK is not installed");
	device = (uint8_t)id;
	config.socket_id = rte_socket_id() == (unsigned)SOCKET_ID_ANY ? 0 : (int)rte_socket_id();
	queue.mp_session = rte_cryptodev_sym_session_pool_create("sessions", 16,
		rte_cryptodev_sym_get_private_session_size(device), 0, 0, SOCKET_ID_ANY);
	if (queue.mp_session == NULL || rte_cryptodev_configure(device, &config) < 0 ||
		rte_cryptodev_queue_pair_setup(device, 0, &queue, config.socket_id) < 0 || rte_cryptodev_start(device) < 0)
		cannot("this crypto device of DPDK did not start");

	struct rte_mempool *op_pool =
		rte_crypto_op_pool_create("ops", RTE_CRYPTO_OP_TYPE_SYMMETRIC, 128, 0, 16, SOCKET_ID_ANY);

	if (op_pool == NULL || rte_crypto_op_bulk_alloc(op_pool, RTE_CRYPTO_OP_TYPE_SYMMETRIC, ops, BURST) != BURST)
		fail("no crypto operations: %s", rte_strerror(rte_errno));
	session.crypto.dev_id = device;
	session.crypto.ses = rte_cryptodev_sym_session_create(device, chain, queue.mp_session);
	if (session.crypto.ses == NULL)
		cannot("this crypto device of DPDK does not have the transform");
}

static void describe_transform(void)
{
	if (transform->aead != 0) {
		chain[0].type = RTE_CRYPTO_SYM_XFORM_AEAD;
		chain[0].aead.op = RTE_CRYPTO_AEAD_OP_DECRYPT;
		chain[0].aead.algo = (enum rte_crypto_aead_algorithm)transform->aead;
		chain[0].aead.key.data = input.secret.bytes;
		chain[0].aead.key.length = transform->key;
		chain[0].aead.iv.offset = NONCE_AT;
		chain[0].aead.iv.length = transform->nonce;
		chain[0].aead.digest_length = ICV_BYTES;
		chain[0].aead.aad_length = ESP_HEADER;
	} else {
		/* inbound: authentication first */
		chain[0].type = RTE_CRYPTO_SYM_XFORM_AUTH;
		chain[0].auth.op = RTE_CRYPTO_AUTH_OP_VERIFY;
		chain[0].auth.algo = RTE_CRYPTO_AUTH_NULL;
		chain[0].next = &chain[1];
		chain[1].type = RTE_CRYPTO_SYM_XFORM_CIPHER;
		chain[1].cipher.op = RTE_CRYPTO_CIPHER_OP_DECRYPT;
		chain[1].cipher.algo = RTE_CRYPTO_CIPHER_NULL;
		chain[1].cipher.iv.offset = NONCE_AT;
	}
}

static void start_sa(void)
{
	struct rte_security_ipsec_xform *ipsec = &parameters.ipsec_xform;
	uint32_t spi;
	int bytes;

	memcpy(&spi, input.pairs[0].bytes + ESP_AT, 4);
	ipsec->spi = rte_be_to_cpu_32(spi);
	if (transform->salt > 0)
		memcpy(&ipsec->salt, input.secret.bytes + transform->key, transform->salt);
	ipsec->direction = RTE_SECURITY_IPSEC_SA_DIR_INGRESS;
	ipsec->proto = RTE_SECURITY_IPSEC_SA_PROTO_ESP;
	ipsec->mode = RTE_SECURITY_IPSEC_SA_MODE_TRANSPORT;
	ipsec->replay_win_sz = WINDOW;
	/* what the header in front of ESP is: IPv4 */
	parameters.trs.proto = IPPROTO_IPIP;
	parameters.crypto_xform = chain;
	bytes = rte_ipsec_sa_size(&parameters);
	if (bytes < 0)
		fail("librte_ipsec does not take the SA");
	sa_bytes = (uint32_t)bytes;
	session.type = RTE_SECURITY_ACTION_TYPE_NONE;
	session.sa = rte_zmalloc(NULL, sa_bytes, RTE_CACHE_LINE_SIZE);
	if (session.sa == NULL || rte_ipsec_sa_init(session.sa, &parameters, sa_bytes) < 0 ||
		rte_ipsec_session_prepare(&session) != 0)
		fail("librte_ipsec does not take the SA");
}

static void check(void)
{
	prepare();
	run();
	if (authentic != input.count)
		fail("%u of %u packets are authentic", authentic, input.count);
	for (unsigned i = 0; i < input.count; i++) {
		if (mbufs[i]->pkt_len != ESP_AT + input.pairs[2 * i + 1].length)
			fail("packet %u came out with %u bytes", i, mbufs[i]->pkt_len);
		check_payload(&input, i, rte_pktmbuf_mtod_offset(mbufs[i], const uint8_t *, ESP_AT));
	}
	if (transform->aead == 0)
		return;
	uint8_t *damaged = input.pairs[0].bytes + ESP_AT + ESP_HEADER + IV_BYTES;

	*damaged ^= 1;
	prepare();
	run();
	*damaged ^= 1;
	if (authentic != input.count - 1)
		fail("a damaged packet passed as authentic");
}

int main(int argc, char **argv)
{
	if (argc != 3)
		fail("usage: esp CASE INPUT");
	for (unsigned i = 0; i < RTE_DIM(transforms); i++)
		if (strcmp(transforms[i].name, argv[1]) == 0)
			transform = &transforms[i];
	if (transform == NULL)
		fail("there is no case %s", argv[1]);
	input = read_esp_input(argv[2]);
	if (input.secret.length != transform->key + transform->salt)
		fail("key and salt have %u bytes", input.secret.length);
	start_eal(argv[0], transform->device);
	describe_transform();
	start_device();
	start_sa();
	mbufs = make_mbufs(input.pairs, 0, 2, input.count);
	work_list = calloc(input.count, sizeof(*work_list));
	check();
	serve(&(struct work){ .items = input.count,
		.prepare = prepare,
		.run = run,
		.check = payload_bytes(&input),
		.version = rte_version() });
	rte_cryptodev_stop(device);
	rte_eal_cleanup();
	return 0;
}
