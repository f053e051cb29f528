const PLACEHOLDER = /\{\{\s*args\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;

/** Whether a part of a configured command holds `{{ … }}` at all, also a mistaken one. */
export function hasPlaceholder(item: string): boolean {
  return item.includes('{{');
}

/** Puts values in the place of `{{ args.NAME }}`; what is put in is not looked at again. */
export function fillPlaceholders(item: string, valueOf: (name: string) => string): string {
  return item.replaceAll(PLACEHOLDER, (_match, name: string) => valueOf(name));
}

/** What is left of a part of a command without its well-formed placeholders. */
export function removePlaceholders(item: string): string {
  return item.replaceAll(PLACEHOLDER, '');
}
