import { describe, expect, it } from 'vitest';
import { KEY_MAX, microsoftKey, parseKey, seededKey, symmetricKey } from '../../src/hash/keys.ts';

const MICROSOFT = '6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa';
const text = (key: Uint8Array): string => Array.from(key, (byte) => byte.toString(16).padStart(2, '0')).join('');

describe('keys', () => {
  it('known ones', () => {
    expect(text(microsoftKey())).toBe(MICROSOFT);
    expect(text(symmetricKey())).toBe('6d5a'.repeat(20));
    expect(parseKey('microsoft')).toEqual(microsoftKey());
    expect(parseKey('symmetric', 52)).toEqual(symmetricKey(52));
  });

  it('hexadecimal, with colons as ethtool prints it, or without', () => {
    expect(parseKey(MICROSOFT.toUpperCase())).toEqual(microsoftKey());
    expect(parseKey(MICROSOFT.replace(/..(?=.)/g, '$&:'))).toEqual(microsoftKey());
  });

  it('a seed gives the same key always, and another seed another', () => {
    expect(text(parseKey('random:7'))).toBe(text(seededKey('7')));
    // fixed: what was written down with a seed must repeat in later versions
    expect(text(seededKey('7'))).toBe(
      '836170631546c379c0d958d600d897b80cd98d949fed7207919d1956e99cad0c96fb86d9443e4ffa',
    );
    expect(seededKey('7')).not.toEqual(seededKey('8'));
    expect(seededKey('7', 52).slice(0, 40)).toEqual(seededKey('7', 40));
    expect(seededKey('7', KEY_MAX)).toHaveLength(KEY_MAX);
  });

  it.each([
    '',
    'zz',
    'Microsoft',
    '6d5',
    '6d:5a56',
    '6d5a:56da',
    `${MICROSOFT}:`,
    'random:',
    '6d'.repeat(15),
    '6d'.repeat(65),
    '6d 5a',
  ])('refuses %j with a code, and does not say it', (bad) => {
    let thrown: { code?: string; message?: string } = {};
    try {
      parseKey(bad);
    } catch (error) {
      thrown = error as typeof thrown;
    }
    expect(thrown.code).toBe('ERR_RXSTEER_KEY');
    expect(thrown.message?.includes('6d')).toBe(false);
  });
});
