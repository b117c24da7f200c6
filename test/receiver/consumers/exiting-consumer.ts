/** No consumer: its thread ends while it is made. */
export default function exiting(): never {
  process.exit(4);
}
