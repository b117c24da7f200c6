/* What OpenSSL itself needs to open packets, in a loop around nothing else: evp gcm256|ccm128|chacha20poly1305 INPUT
 *
 * One context for all, which keeps its key; of each packet nonce, AAD, tag and text. Verified, or the program stops.
 */
#include "esp_input.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

static struct esp_input input;
static EVP_CIPHER_CTX *context;
static uint8_t *opened;
static unsigned stride, salt_bytes;
static bool ccm;

/* 1: authentic. */
static int open_packet(unsigned i)
{
	const struct sealed packet = sealed_of(&input, i);
	uint8_t nonce[12], *out = opened + (size_t)i * stride;
	int n;

	memcpy(nonce, input.secret.bytes + input.secret.length - salt_bytes, salt_bytes);
	memcpy(nonce + salt_bytes, packet.iv, IV_BYTES);
	if (ccm) {
		/* CCM wants tag and length before all else, and has verified when the text is there. */
		return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, ICV_BYTES, (void *)(uintptr_t)packet.icv) == 1 &&
			EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce) == 1 &&
			EVP_DecryptUpdate(context, NULL, &n, NULL, (int)packet.length) == 1 &&
			EVP_DecryptUpdate(context, NULL, &n, packet.aad, ESP_HEADER) == 1 &&
			EVP_DecryptUpdate(context, out, &n, packet.text, (int)packet.length) == 1;
	}
	return EVP_DecryptInit_ex(context, NULL, NULL, NULL, nonce) == 1 &&
		EVP_DecryptUpdate(context, NULL, &n, packet.aad, ESP_HEADER) == 1 &&
		EVP_DecryptUpdate(context, out, &n, packet.text, (int)packet.length) == 1 &&
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, ICV_BYTES, (void *)(uintptr_t)packet.icv) == 1 &&
		EVP_DecryptFinal_ex(context, out + n, &n) == 1;
}

static void run(void)
{
	for (unsigned i = 0; i < input.count; i++)
		if (!open_packet(i))
			fail("packet %u is not authentic", i);
}

static void start_context(const EVP_CIPHER *cipher)
{
	context = EVP_CIPHER_CTX_new();
	if (EVP_DecryptInit_ex(context, cipher, NULL, NULL, NULL) != 1 ||
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, (int)salt_bytes + IV_BYTES, NULL) != 1 ||
		(ccm && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, ICV_BYTES, NULL) != 1) ||
		EVP_DecryptInit_ex(context, NULL, NULL, input.secret.bytes, NULL) != 1)
		fail("OpenSSL does not take the key");
}

int main(int argc, char **argv)
{
	static char version[64];
	const EVP_CIPHER *cipher;

	if (argc != 3)
		fail("usage: evp CASE INPUT");
	ccm = strcmp(argv[1], "ccm128") == 0;
	salt_bytes = ccm ? 3 : 4;
	cipher = EVP_CIPHER_fetch(NULL, ccm ? "AES-128-CCM" : strcmp(argv[1], "gcm256") == 0 ? "AES-256-GCM" : "ChaCha20-Poly1305",
		NULL);
	if (cipher == NULL)
		cannot("this OpenSSL does not have the cipher");
	input = read_esp_input(argv[2]);
	stride = 2048;
	opened = aligned_alloc(64, (size_t)input.count * stride);
	start_context(cipher);

	/* A damaged packet is refused, or what is measured is not what it seems. */
	uint8_t *damaged = input.pairs[0].bytes + ESP_AT + ESP_HEADER + IV_BYTES;

	*damaged ^= 1;
	if (open_packet(0))
		fail("a damaged packet passed as authentic");
	*damaged ^= 1;
	EVP_CIPHER_CTX_free(context);
	start_context(cipher);
	run();
	for (unsigned i = 0; i < input.count; i++)
		check_payload(&input, i, opened + (size_t)i * stride);
	snprintf(version, sizeof(version), "OpenSSL %s", OpenSSL_version(OPENSSL_VERSION_STRING));
	serve(&(struct work){ .items = input.count, .run = run, .check = payload_bytes(&input), .version = version });
	return 0;
}
