/* Packets of one SA: record 0 is its key and salt, then come pairs of a frame (Ethernet, IPv4, ESP) and the payload in it. */
#ifndef ESP_INPUT_H
#define ESP_INPUT_H

#include "serve.h"

#define L2_BYTES 14
#define L3_BYTES 20
#define ESP_AT (L2_BYTES + L3_BYTES)
#define ESP_HEADER 8
#define IV_BYTES 8
#define ICV_BYTES 16

struct esp_input {
	struct record secret;
	/* frame i at [2 i], its payload at [2 i + 1] */
	const struct record *pairs;
	unsigned count;
};

static struct esp_input read_esp_input(const char *path)
{
	unsigned n;
	const struct record *records = read_records(path, &n);

	if (n < 3 || n % 2 == 0)
		fail("%s holds no packets of an SA", path);
	return (struct esp_input){ records[0], records + 1, (n - 1) / 2 };
}

/* The AEAD's part of packet i. */
struct sealed {
	const uint8_t *aad, *iv, *text, *icv;
	unsigned length;
};

__attribute__((unused)) static struct sealed sealed_of(const struct esp_input *input, unsigned i)
{
	const struct record frame = input->pairs[2 * i];
	const uint8_t *esp = frame.bytes + ESP_AT;

	return (struct sealed){ .aad = esp,
		.iv = esp + ESP_HEADER,
		.text = esp + ESP_HEADER + IV_BYTES,
		.icv = frame.bytes + frame.length - ICV_BYTES,
		.length = frame.length - ESP_AT - ESP_HEADER - IV_BYTES - ICV_BYTES };
}

/* Stops unless packet i was opened to what went into it. */
static void check_payload(const struct esp_input *input, unsigned i, const uint8_t *opened)
{
	const struct record payload = input->pairs[2 * i + 1];

	if (memcmp(opened, payload.bytes, payload.length) != 0)
		fail("packet %u was not opened to its payload", i);
}

/* Bytes of all payloads. */
static uint32_t payload_bytes(const struct esp_input *input)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < input->count; i++)
		sum += input->pairs[2 * i + 1].length;
	return sum;
}

#endif
