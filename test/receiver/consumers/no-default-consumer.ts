/** No consumer: there is no default export. */
export const nothing = 1;
