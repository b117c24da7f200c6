import { describe, expect, it } from 'vitest';
import { CLASSES, type ClassName } from '../../src/counters.ts';
import { fieldsInForce, parseFlowHash, resolveFields } from '../../src/hash/fields.ts';

const of = (bits: Uint16Array, name: ClassName): number => bits[CLASSES.indexOf(name)];
const code = { code: 'ERR_RXSTEER_FIELDS' };

describe('rx-flow-hash', () => {
  it('has defaults for every flow type', () => {
    expect(fieldsInForce()).toEqual({
      tcp4: 'sdfn',
      tcp6: 'sdfn',
      udp4: 'sdfn',
      udp6: 'sdfn',
      sctp4: 'sd',
      sctp6: 'sd',
      esp4: 'sdfn',
      esp6: 'sdfn',
      ah4: 'sd',
      ah6: 'sd',
      natt4: 'sdfn',
      natt6: 'sdfn',
      ip4: 'sd',
      ip6: 'sd',
    });
  });

  it('a type without a family is both; one with a family goes before it, in any order', () => {
    for (const fields of [
      { esp: 'sd', esp6: 'fn' },
      { esp6: 'nf', esp: 'ds' },
    ]) {
      expect(fieldsInForce(fields)).toMatchObject({ esp4: 'sd', esp6: 'fn' });
    }
  });

  it('ike and keepalive go by udp, fragments by ip; nonip and malformed have none', () => {
    const bits = resolveFields({ udp4: 'sd', ip4: 's' }).classes;
    expect([of(bits, 'ike4'), of(bits, 'keepalive4'), of(bits, 'udp4'), of(bits, 'ike6')]).toEqual([3, 3, 3, 15]);
    expect([of(bits, 'fragment4'), of(bits, 'other4'), of(bits, 'fragment6')]).toEqual([1, 1, 3]);
    expect([of(bits, 'nonip'), of(bits, 'malformed')]).toEqual([0, 0]);
  });

  it('parses the option', () => {
    expect(parseFlowHash('esp4=sdfn')).toEqual({ type: 'esp4', letters: 'sdfn' });
    expect(parseFlowHash('natt=sd')).toEqual({ type: 'natt', letters: 'sd' });
  });

  it.each([
    'esp4',
    '=sd',
    'esp4=',
    'esp5=sd',
    'ESP4=sd',
    'constructor=sd',
    'esp4=sx',
    'ip4=sdf',
    'ip=n',
    'tcp4=sdl',
    'tcp=l',
    'tcp4=m',
    'esp=e',
    'ether4=m',
    'ether=sd',
    'ether=fn',
    'gtpu4=r',
    'gtpu=l',
    'tcp=udp',
  ])('refuses %j', (text) => {
    expect(() => parseFlowHash(text)).toThrow(expect.objectContaining(code));
  });

  it.each(['gtpc4=sde', 'gtpc4t=e', 'gtpu4e=sde', 'gtpu6d=e'])('says of %j that ethtool knows it', (text) => {
    expect(() => parseFlowHash(text)).toThrow(
      expect.objectContaining({ ...code, message: expect.stringContaining('known to ethtool') }),
    );
  });

  it('takes v, t, l of IPv6 and r', () => {
    expect(fieldsInForce({ tcp: 'rtv', tcp6: 'sdfnl', ip: 'sdvt' })).toMatchObject({
      tcp4: 'vtr',
      tcp6: 'sdfnl',
      ip6: 'sdvt',
    });
  });

  it('ah-esp is both, and gives way to either', () => {
    expect(fieldsInForce({ 'ah-esp4': 'fn' })).toMatchObject({ ah4: 'fn', esp4: 'fn', ah6: 'sd', esp6: 'sdfn' });
    expect(fieldsInForce({ esp: 's', 'ah-esp': 'fn' })).toMatchObject({ ah4: 'fn', esp4: 's', esp6: 's' });
  });

  it('ether, and gtpu with a TEID, are there when asked for', () => {
    expect(of(resolveFields({ ether: 'vtm' }).classes, 'nonip')).toBe(16 + 32 + 256);
    expect([...resolveFields({ gtpu4: 'sde' }).gtpu]).toEqual([1 + 2 + 512, 0]);
    expect(fieldsInForce({ gtpu: 'sde', ether: 'm' })).toMatchObject({ gtpu4: 'sde', gtpu6: 'sde' });
    // A TEID is symmetric by itself, says the kernel.
    expect(() => resolveFields({ gtpu4: 'sde' }, 'symmetric-xor')).not.toThrow();
    expect(() => resolveFields({ gtpu4: 'se' }, 'symmetric-xor')).toThrow(expect.objectContaining(code));
    expect(() => resolveFields({ ether: 'v' }, 'symmetric-xor')).toThrow(expect.objectContaining(code));
  });

  it('natt may be hashed as UDP', () => {
    const bits = resolveFields({ udp: 'sd', udp6: 'sdfn', natt: 'udp' }).classes;
    expect([of(bits, 'natt4'), of(bits, 'natt6')]).toEqual([1024 + 3, 1024 + 15]);
    expect(fieldsInForce({ natt4: 'udp' })).not.toHaveProperty('natt4');
    expect(fieldsInForce({ natt4: 'udp' })).toHaveProperty('natt6', 'sdfn');
  });

  it.each(['s', 'sdf', 'sfn', 'dfn', 'n', 'sdv', 'sdt', 'sdr'])(
    '%s is refused under a symmetric xfrm, as the kernel does',
    (letters) => {
      expect(() => resolveFields({ tcp4: letters }, 'none')).not.toThrow();
      for (const xfrm of ['symmetric-xor', 'symmetric-or-xor', 'sort'] as const) {
        expect(() => resolveFields({ tcp4: letters }, xfrm)).toThrow(expect.objectContaining(code));
        expect(() => resolveFields({ tcp4: 'fn', udp: 'sd' }, xfrm)).not.toThrow();
      }
    },
  );
});
