// The public subpath `rxsteer/pcap`: captures from and to bytes, nothing of Node's.

export { BATCH_CAPACITY, FrameBatch } from './frame-batch.ts';
export * from './link-types.ts';
export { CaptureParser, type CaptureParserOptions, MAX_RECORD } from './parser.ts';
export type { RecordParser } from './record-parser.ts';
export { type CaptureRecord, readCapture } from './records.ts';
export { FRAME_AT, interfaceDescription, PcapngWriter, packetBlock, sectionHeader } from './writer.ts';
