"""The plain loop that one writes for want of a tool: packets per queue by Toeplitz of addresses and ports or SPI, with dpkt."""
import sys

import dpkt

KEY = bytes.fromhex("6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
QUEUES = 8


def tables():
    """The hash of each byte at each place of the input."""
    key = int.from_bytes(KEY, "big")
    bits = 8 * len(KEY)
    result = []
    for place in range(36):
        row = []
        for byte in range(256):
            h = 0
            for bit in range(8):
                if byte >> (7 - bit) & 1:
                    h ^= key >> (bits - 32 - 8 * place - bit) & 0xFFFFFFFF
            row.append(h)
        result.append(row)
    return result


TABLES = tables()
counts = [0] * QUEUES
packets = 0
with open(sys.argv[1], "rb") as file:
    for _, frame in dpkt.pcapng.Reader(file):
        packets += 1
        ip = dpkt.ethernet.Ethernet(frame).data
        h = 0
        if isinstance(ip, dpkt.ip.IP):
            data = ip.src + ip.dst
            if ip.p in (dpkt.ip.IP_PROTO_TCP, dpkt.ip.IP_PROTO_UDP):
                data += ip.data.sport.to_bytes(2, "big") + ip.data.dport.to_bytes(2, "big")
            elif ip.p == dpkt.ip.IP_PROTO_ESP:
                data += bytes(ip.data)[:4]
            for place, byte in enumerate(data):
                h ^= TABLES[place][byte]
        counts[(h & 127) % QUEUES] += 1
print(packets, counts)
