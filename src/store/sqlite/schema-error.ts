/** The file is not a store that this version can use; trying again does not help. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}
