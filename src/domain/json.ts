/** Plain data: what is stored, sent and rendered. Durations are milliseconds, sizes are bytes, instants are ISO 8601 strings. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}
