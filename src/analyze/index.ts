/** What-if: how traffic would spread over queues, by scenario. Nothing of Node's: the same in a browser. */
export * from './analysis.ts';
export * from './describe.ts';
export * from './measures.ts';
export * from './plan.ts';
export * from './report.ts';
export * from './scenario.ts';
export * from './session.ts';
