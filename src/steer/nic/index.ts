/** Profiles of devices: what each one hashes, how, and how sure that is. */
export * from './apply.ts';
export * from './profile.ts';
export * from './profiles.ts';
