#!/usr/bin/python3
"""Writes ah.pcap, ah.sas.json and expected.json: AH by scapy 2.5 (Debian's python3-scapy), and with AES-GMAC, which scapy
does not know, by python-cryptography over what scapy says counts as zero. Writes the same bytes each time it runs."""
import hashlib
import json
import struct

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import IP, UDP, IPOption_RR, IPOption_Router_Alert, IPOption_Timestamp
from scapy.layers.inet6 import (
    IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, HBHOptUnknown, PadN, RouterAlert,
)
from scapy.layers.ipsec import AH, SecurityAssociation, split_for_transport, zero_mutable_fields
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

KEY = bytes(range(0x40, 0x80))
V4 = ("192.0.2.1", "192.0.2.2")
V6 = ("2001:db8::1", "2001:db8::2")
INNER = ("10.1.0.1", "10.2.0.2")
AUTHS = [
    ("hmac-md5", "HMAC-MD5-96", 16, 96), ("hmac-sha1", "HMAC-SHA1-96", 20, 96),
    ("hmac-sha256", "SHA2-256-128", 32, 128), ("hmac-sha384", "SHA2-384-192", 48, 192),
    ("hmac-sha512", "SHA2-512-256", 64, 256), ("aes-cmac", "AES-CMAC-96", 16, 96),
    ("aes-gmac", None, 20, 128), ("aes-gmac", None, 28, 128), ("aes-gmac", None, 36, 128),
]


def gmac(packet, spi, number, key):
    """AH with AES-GMAC (RFC 4543 section 4): IV and tag in the ICV field, all of which counts as zero."""
    headers, protocol, payload = split_for_transport(packet, 51)
    ah = AH(nh=protocol, spi=spi, seq=number & 0xFFFFFFFF, icv=bytes(24))
    if headers.version == 6 and len(ah) % 8:
        ah.padding = bytes(-len(ah) % 8)
    ah.payloadlen = len(ah) // 4 - 2
    if headers.version == 4:
        headers.len = len(headers) + len(ah) + len(payload)
        del headers.chksum
        headers = headers.__class__(bytes(headers))
    else:
        headers.plen = len(headers.payload) + len(ah) + len(payload)
    whole = headers / ah / payload
    covered = bytes(zero_mutable_fields(whole.copy(), sending=True))
    if number >> 32:
        covered += struct.pack("!I", number >> 32)
    iv = struct.pack("!Q", number)
    whole[AH].icv = iv + AESGCM(key[:-4]).encrypt(key[-4:] + iv, b"", covered)
    return whole


def travelled(packet, last):
    """What routers change on the way; the last address of a routing header is where the packet is now."""
    if packet.version == 4:
        packet.tos, packet.ttl = 0x48, packet.ttl - 3
        packet.flags = "DF"
        del packet.chksum
        for option in packet.options:
            if isinstance(option, IPOption_RR):
                option.pointer, option.routers = 8, ["203.0.113.9"]
            if isinstance(option, IPOption_Timestamp):
                option.timestamp = 12345
    else:
        packet.tc, packet.fl, packet.hlim = 0x48, 0x12345, packet.hlim - 3
        if packet.haslayer(IPv6ExtHdrRouting) and last is not None:
            routing = packet[IPv6ExtHdrRouting]
            routing.segleft, routing.addresses, packet.dst = 0, [packet.dst], last
        if packet.haslayer(HBHOptUnknown):
            packet[HBHOptUnknown].optdata = b"\x01\x02\x03\x04"
    return packet


def shapes(v6, transport, port, i):
    """The packet that is protected, and the address that it ends at if that is not the one in front."""
    text = bytes([(port + i + k) & 255 for k in range((i * 37) % 97)])
    datagram = UDP(sport=port, dport=9) / Raw(text)
    if not transport:
        return IP(src=INNER[0], dst=INNER[1], id=i) / datagram, None, text
    if not v6:
        options = [[], [IPOption_RR(length=7, pointer=4, routers=["0.0.0.0"])], [IPOption_Router_Alert()],
                   [IPOption_Timestamp(length=8, pointer=5, flg=0, timestamp=0), IPOption_Router_Alert()]][i % 4]
        return IP(src=V4[0], dst=V4[1], id=i, options=options) / datagram, None, text
    base = IPv6(src=V6[0], dst=V6[1])
    if i % 4 == 1:
        return base / IPv6ExtHdrHopByHop(options=[RouterAlert(), HBHOptUnknown(otype=0x3E, optdata=bytes(4))]) / datagram, None, text
    if i % 4 == 2:
        base.dst = "2001:db8::99"
        return base / IPv6ExtHdrRouting(type=0, segleft=1, addresses=[V6[1]]) / datagram, V6[1], text
    if i % 4 == 3:
        return base / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / datagram, None, text
    return base / datagram, None, text


frames, sas, expected = [], [], []
for which, (auth, name, key_bytes, icv_bits) in enumerate(AUTHS):
    for kind in range(8):
        v6, transport, esn = bool(kind & 1), bool(kind & 2), bool(kind & 4)
        src, dst = V6 if v6 else V4
        spi, port, key = 0x1000 + which * 8 + kind, 2000 + which * 8 + kind, KEY[:key_bytes]
        first = 0x2FFFFFFFD if esn else 0
        tunnel = None if transport else (IPv6 if v6 else IP)(src=src, dst=dst)
        scapy = name and SecurityAssociation(AH, spi=spi, auth_algo=name, auth_key=key, tunnel_header=tunnel, esn_en=esn)
        digest = hashlib.sha256()
        for i in range(1, 9):
            number = first + i
            plain, last, text = shapes(v6, transport, port, i)
            # scapy takes a sequence number of 0 for none.
            if scapy:
                scapy.seq_num = number & 0xFFFFFFFF
                packet = scapy.encrypt(plain, esn=number >> 32)
            else:
                packet = gmac(plain if transport else tunnel.__class__(bytes(tunnel / plain)), spi, number, key)
            packet = travelled(packet, last)
            if i == 5:
                forged = bytearray(bytes(packet))
                forged[-1] ^= 1
                frames.append(packet.__class__(bytes(forged)))
            frames.append(packet)
            digest.update(text)
            if i == 6:
                frames.append(packet)
        sas.append({"spi": hex(spi), "proto": "ah", "src": src, "dst": dst, "mode": "transport" if transport else "tunnel",
                    "transform": {"auth": auth, "authKey": key.hex(), "icvBits": icv_bits},
                    "esn": esn, "initialSeq": hex(first)})
        ends = INNER if not transport else (src, dst)
        expected.append({"spi": f"0x{spi:08x}", "opened": 8, "icv": 1, "replay": 1,
                         "flow": {"src": ends[0], "sport": port, "dst": ends[1], "dport": 9}, "sha256": digest.hexdigest()})

ether = {4: 0x0800, 6: 0x86DD}
wire = [Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02", type=ether[p.version]) / p for p in frames]
for n, frame in enumerate(wire):
    frame.time = 1_700_000_000 + n
wrpcap("ah.pcap", wire, linktype=1)
with open("ah.sas.json", "w") as out:
    json.dump({"schema": "rxsteer.sas/1", "sas": sas}, out, indent=1)
    out.write("\n")
with open("expected.json", "w") as out:
    json.dump({"frames": len(frames), "sas": expected}, out, indent=1)
    out.write("\n")
print(len(frames), "frames,", len(sas), "SAs")
