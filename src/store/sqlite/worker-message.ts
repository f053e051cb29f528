import type { Batch, BatchResult } from './batch.ts';
import type { Failure } from './failure.ts';

/** To the worker. */
export type WorkerRequest =
  | { readonly kind: 'execute'; readonly id: number; readonly batch: Batch }
  | { readonly kind: 'rollback'; readonly id: number }
  | { readonly kind: 'close'; readonly id: number };

/** From the worker: `opened` once, then one answer for each request. */
export type WorkerAnswer =
  | { readonly kind: 'opened' }
  | { readonly kind: 'unopenable'; readonly failure: Failure }
  | { readonly kind: 'done'; readonly id: number; readonly result: BatchResult | undefined }
  | { readonly kind: 'failed'; readonly id: number; readonly failure: Failure };

/** Messages cross as one JSON text: a structured clone of thousands of cells takes two to three times as long. */
export function encodeMessage(message: WorkerRequest | WorkerAnswer): string {
  return JSON.stringify(message);
}

/** Only for what the worker's `encodeMessage` made. */
export function decodeAnswer(message: string): WorkerAnswer {
  return JSON.parse(message) as WorkerAnswer;
}

/** Only for what `encodeMessage` made for the worker. */
export function decodeRequest(message: string): WorkerRequest {
  return JSON.parse(message) as WorkerRequest;
}
