/** Makes captures for tests, byte by byte and independent of the library's writer. */

export interface BuiltFrame {
  bytes: Uint8Array;
  seconds?: number;
  /** Fractions of a second in the file's unit. */
  fraction?: number;
  wire?: number;
}

export interface PcapOptions {
  little?: boolean;
  magic?: number;
  /** The whole 32-bit field. */
  link?: number;
  major?: number;
}

/** A growing file, written in either byte order. */
class Bytes {
  readonly data: number[] = [];
  little = true;

  u(size: number, value: number | bigint): this {
    const wide = BigInt.asUintN(size * 8, BigInt(value));
    for (let i = 0; i < size; i++) {
      const shift = BigInt(8 * (this.little ? i : size - 1 - i));
      this.data.push(Number((wide >> shift) & 0xffn));
    }
    return this;
  }

  raw(bytes: Iterable<number>): this {
    for (const byte of bytes) this.data.push(byte);
    return this;
  }

  pad(): this {
    while (this.data.length % 4 !== 0) this.data.push(0);
    return this;
  }
}

export function pcapFile(frames: BuiltFrame[], options: PcapOptions = {}): Uint8Array {
  const { little = true, magic = 0xa1b2c3d4, link = 1, major = 2 } = options;
  const out = new Bytes();
  out.little = little;
  out.u(4, magic).u(2, major).u(2, 4).u(4, 0).u(4, 0).u(4, 262144).u(4, link);
  for (const { bytes, seconds = 0, fraction = 0, wire = bytes.length } of frames) {
    out.u(4, seconds).u(4, fraction).u(4, bytes.length).u(4, wire);
    if (magic === 0xa1b2cd34) out.u(4, 7).u(2, 0x800).u(1, 0).u(1, 0);
    out.raw(bytes);
  }
  return Uint8Array.from(out.data);
}

export interface BuiltOption {
  code: number;
  value: Uint8Array | number[];
}

/** A pcapng file, block by block. */
export class PcapngFile {
  readonly #out = new Bytes();

  get size(): number {
    return this.#out.data.length;
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.#out.data);
  }

  block(type: number, fill: (body: Bytes) => void): this {
    const body = new Bytes();
    body.little = this.#out.little;
    fill(body);
    body.pad();
    const size = body.data.length + 12;
    this.#out.u(4, type).u(4, size).raw(body.data).u(4, size);
    return this;
  }

  section(options: { little?: boolean; major?: number; options?: BuiltOption[] } = {}): this {
    this.#out.little = options.little ?? true;
    return this.block(0x0a0d0d0a, (b) => {
      b.u(4, 0x1a2b3c4d)
        .u(2, options.major ?? 1)
        .u(2, 0)
        .u(8, -1n);
      putOptions(b, options.options);
    });
  }

  /** `offset`: if_tsoffset, `resolution`: the byte of if_tsresol. */
  interface(options: { link?: number; snap?: number; resolution?: number; offset?: bigint; end?: boolean } = {}): this {
    return this.block(1, (b) => {
      b.u(2, options.link ?? 1)
        .u(2, 0)
        .u(4, options.snap ?? 0);
      const list: BuiltOption[] = [{ code: 2, value: [0x65, 0x74, 0x68, 0x30, 0x31] }];
      if (options.resolution !== undefined) list.push({ code: 9, value: [options.resolution] });
      if (options.offset !== undefined) {
        const value = new Bytes();
        value.little = b.little;
        list.push({ code: 14, value: value.u(8, options.offset).data });
      }
      putOptions(b, list, options.end);
    });
  }

  enhanced(id: number, ticks: bigint, bytes: Uint8Array, wire: number = bytes.length, options?: BuiltOption[]): this {
    return this.block(6, (b) => {
      b.u(4, id)
        .u(4, ticks >> 32n)
        .u(4, ticks)
        .u(4, bytes.length)
        .u(4, wire);
      b.raw(bytes).pad();
      putOptions(b, options);
    });
  }

  obsolete(id: number, ticks: bigint, bytes: Uint8Array, wire: number = bytes.length): this {
    return this.block(2, (b) => {
      b.u(2, id)
        .u(2, 3)
        .u(4, ticks >> 32n)
        .u(4, ticks)
        .u(4, bytes.length)
        .u(4, wire);
      b.raw(bytes).pad();
    });
  }

  simple(bytes: Uint8Array, wire: number = bytes.length): this {
    return this.block(3, (b) => b.u(4, wire).raw(bytes));
  }

  /** A block that no reader needs. */
  unknown(type: number, size: number): this {
    return this.block(type, (b) => b.raw(new Uint8Array(size).fill(6)));
  }
}

function putOptions(body: Bytes, options: BuiltOption[] = [], end = true): void {
  for (const { code, value } of options) body.u(2, code).u(2, value.length).raw(value).pad();
  if (options.length > 0 && end) body.u(2, 0).u(2, 0);
}

/** Bytes that tell frames apart. */
export function frame(length: number, seed: number = length): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (seed * 31 + i * 7) & 0xff);
}
