import type { TextTemplate } from '../domain/rule.ts';
import type { Scope } from '../domain/scope.ts';

/** The value of a text that nothing may be guessed for, such as a target; blanks around it are none of it. Or why it has none. */
export function renderValue(template: TextTemplate, scope: Scope): { readonly value: string } | { readonly missing: string } {
  try {
    const value = template.render(scope).trim();
    return value === '' ? { missing: `${template.source} is empty` } : { value };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}
