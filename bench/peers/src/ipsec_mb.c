/* What intel-ipsec-mb itself needs to open packets, by its direct calls: ipsec_mb gcm256 INPUT */
#include "esp_input.h"

#include <intel-ipsec-mb.h>

static struct esp_input input;
static IMB_MGR *manager;
static struct gcm_key_data key __attribute__((aligned(64)));
static uint8_t *opened;
static unsigned stride;

/* Without a branch on the first byte that differs. */
static bool equal_tags(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, ICV_BYTES);
	memcpy(y, b, ICV_BYTES);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static bool open_packet(unsigned i)
{
	const struct sealed packet = sealed_of(&input, i);
	struct gcm_context_data context;
	uint8_t nonce[12], tag[ICV_BYTES];

	memcpy(nonce, input.secret.bytes + 32, 4);
	memcpy(nonce + 4, packet.iv, IV_BYTES);
	IMB_AES256_GCM_DEC(manager, &key, &context, opened + (size_t)i * stride, packet.text, packet.length, nonce, packet.aad,
		ESP_HEADER, tag, ICV_BYTES);
	return equal_tags(tag, packet.icv);
}

static void run(void)
{
	for (unsigned i = 0; i < input.count; i++)
		if (!open_packet(i))
			fail("packet %u is not authentic", i);
}

int main(int argc, char **argv)
{
	static char version[64];
	IMB_ARCH arch;

	if (argc != 3 || strcmp(argv[1], "gcm256") != 0)
		fail("usage: ipsec_mb gcm256 INPUT");
	input = read_esp_input(argv[2]);
	if (input.secret.length != 36)
		fail("the key has %u bytes", input.secret.length);
	manager = alloc_mb_mgr(0);
	if (manager == NULL)
		cannot("intel-ipsec-mb did not start");
	init_mb_mgr_auto(manager, &arch);
	IMB_AES256_GCM_PRE(manager, input.secret.bytes, &key);
	stride = 2048;
	opened = aligned_alloc(64, (size_t)input.count * stride);

	uint8_t *damaged = input.pairs[0].bytes + ESP_AT + ESP_HEADER + IV_BYTES;

	*damaged ^= 1;
	if (open_packet(0))
		fail("a damaged packet passed as authentic");
	*damaged ^= 1;
	run();
	for (unsigned i = 0; i < input.count; i++)
		check_payload(&input, i, opened + (size_t)i * stride);
	snprintf(version, sizeof(version), "intel-ipsec-mb %s", imb_get_version_str());
	serve(&(struct work){ .items = input.count, .run = run, .check = payload_bytes(&input), .version = version });
	free_mb_mgr(manager);
	return 0;
}
