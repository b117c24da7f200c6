/**
 * Which queue does my NIC give this flow? From what `ethtool -x eth0` printed, saved with the fields and filters of -n; and, without
 * any of it, from what is known of an E810 (docs/nic-profiles.md).
 */
import { parseEthtool, Steerer } from '../src/steer/index.ts';
import { tupleFrame } from '../src/wire/index.ts';

const saved = `
$ ethtool -x eth0
RX flow hash indirection table for eth0 with 4 RX ring(s):
    0:      0     1     2     3     0     1     2     3
    8:      0     1     2     3     0     1     2     3
RSS hash key:
6d:5a:56:da:25:5b:0e:c2:41:67:25:3d:43:a3:8f:b0:d0:ca:2b:cb:ae:7b:30:b4:77:cb:2d:a3:80:30:f2:0c:6a:42:b7:3b:be:ac:01:fa
RSS hash function:
    toeplitz: on
    xor: off
    crc32: off

$ ethtool -n eth0 rx-flow-hash esp4
IPSEC ESP over IPV4 flows use these fields for computing Hash flow key:
IP SA
IP DA

$ ethtool -n eth0
4 RX rings available
Total 1 rules

Filter: 1023
	Rule Type: IPSEC ESP over IPv4
	Src IP addr: 0.0.0.0 mask: 255.255.255.255
	Dest IP addr: 0.0.0.0 mask: 255.255.255.255
	TOS: 0x0 mask: 0xff
	SPI: 4097 mask: 0x0
	Action: Direct to queue 3
`;

const mine = new Steerer({ queues: 4, ...parseEthtool(saved) });
const ice = new Steerer({ queues: 4, nic: 'ice' });
for (const flow of [
  { src: '66.9.149.187', sport: 2794, dst: '161.142.100.80', dport: 1766 },
  { src: '10.0.0.1', dst: '10.0.0.2', spi: 0x1000 },
  { src: '10.0.0.1', dst: '10.0.0.2', spi: 0x1001 },
]) {
  const { bytes, dissection } = tupleFrame(flow);
  const queue = mine.steer(bytes, dissection);
  console.log(`${JSON.stringify(flow)} -> queue ${queue}, by ${mine.rule?.text ?? 'its hash'}`);
  console.log(`  an E810: queue ${ice.steer(bytes, dissection)}`);
}
