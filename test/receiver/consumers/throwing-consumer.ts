/** No consumer: it cannot be made. */
export default function throwing(): never {
  throw new Error('there is no database');
}
