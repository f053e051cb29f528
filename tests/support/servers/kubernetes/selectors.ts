import { at } from './api-object.ts';
import { ApiStatus } from './api-status.ts';

/** Whether labels fit a label selector: `a=b,c!=d,e in (f,g),h notin (i),j,!k`. */
export function matchesLabels(selector: string, labels: Readonly<Record<string, string>> = {}): boolean {
  return splitTerms(selector).every((term) => {
    const [, key = '', operator = '', values = ''] = /^\s*([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)\s*$/.exec(term) ?? [];
    const value = labels[key];
    if (operator === 'in') return value !== undefined && values.split(',').includes(value);
    if (operator === 'notin') return value === undefined || !values.split(',').includes(value);
    const [, name = '', sign = '', wanted = ''] = /^\s*(!?[\w./-]+)\s*(?:(==?|!=)\s*([\w.-]*))?\s*$/.exec(term) ?? [];
    if (name === '') throw new ApiStatus(400, 'BadRequest', `unable to parse requirement: ${term}`);
    if (sign === '') return name.startsWith('!') ? labels[name.slice(1)] === undefined : labels[name] !== undefined;
    return sign === '!=' ? labels[name] !== wanted : labels[name] === wanted;
  });
}

/** Whether an object fits a field selector: `a.b=c,d!=e`. */
export function matchesFields(selector: string, object: unknown): boolean {
  return selector
    .split(',')
    .filter((term) => term !== '')
    .every((term) => {
      const [, path = '', sign = '', wanted = ''] = /^([\w.]+)(!?=)=?(.*)$/.exec(term) ?? [];
      if (path === '') throw new ApiStatus(400, 'BadRequest', `invalid selector: '${term}'`);
      const value = at(object, ...path.split('.'));
      const isEqual = (typeof value === 'string' ? value : '') === wanted;
      return sign === '=' ? isEqual : !isEqual;
    });
}

function splitTerms(selector: string): readonly string[] {
  return selector.split(/,(?![^(]*\))/).filter((term) => term !== '');
}
