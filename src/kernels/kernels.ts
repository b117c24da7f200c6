/**
 * Copy and checksum over the frame memory. Offsets are absolute, nothing is checked here: callers hold verified bounds.
 * The WebAssembly form is the fast one (V8 copies shared typed arrays 15 times slower); the plain form is its twin.
 */
export interface Kernels {
  /** `wasm` or `plain`: what does the work. */
  readonly kind: 'wasm' | 'plain';
  /** Copies `length` bytes from `source` to `target`; the ranges may overlap. */
  copy(target: number, source: number, length: number): void;
  /** One's complement sum of the big-endian 16-bit words of `length` bytes (odd: padded with 0), folded to 16 bits, not inverted. */
  checksum(offset: number, length: number): number;
  /**
   * Places frames of a batch into the lanes' rings: see `assembly/dispatch.ts`. Only WebAssembly has it.
   *
   * @param plan address of the dispatcher's plan
   * @param offsets addresses of the batch's arrays, of 32-bit words
   * @returns the first frame that was not placed
   */
  dispatch?(
    plan: number,
    offsets: number,
    lengths: number,
    wireLengths: number,
    seconds: number,
    nanos: number,
    from: number,
    to: number,
    number: number,
  ): number;

  /**
   * Makes rows of packets in a lane's ring: see `assembly/take.ts`. Only WebAssembly has it.
   *
   * @param plan address of the lane's plan
   * @param next number of the first slot
   * @param row number of the first row
   * @returns how many rows were made, at most `count`
   */
  take?(plan: number, next: number, count: number, row: number): number;

  /**
   * The first half of `dispatch`: says of at most 32 frames where they go, and places none.
   *
   * @returns the first frame that it knows nothing of
   */
  classify?(
    plan: number,
    offsets: number,
    lengths: number,
    wireLengths: number,
    seconds: number,
    nanos: number,
    from: number,
    to: number,
    number: number,
  ): number;

  /**
   * Takes rows into GRO: see `assembly/coalesce.ts`. Only WebAssembly has it.
   *
   * @param plan address of the plan of GRO
   * @returns the first of those that wait that was left as it is, or `to`
   */
  coalesce?(plan: number, from: number, to: number): number;
}
