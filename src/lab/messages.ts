/** What the page and its worker say to each other. */
import type { AnalyzeReport } from '../analyze/report.ts';
import type { Settings } from './settings.ts';

export type ToWorker =
  | { readonly kind: 'load'; readonly name: string; readonly bytes: ArrayBuffer }
  | { readonly kind: 'steer'; readonly settings: Settings };

export type FromWorker =
  | { readonly kind: 'loaded'; readonly packets: number; readonly milliseconds: number }
  | { readonly kind: 'report'; readonly report: AnalyzeReport; readonly milliseconds: number }
  | { readonly kind: 'error'; readonly message: string; readonly of: ToWorker['kind'] };
