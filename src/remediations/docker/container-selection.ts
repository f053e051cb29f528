import { StepError } from '../../domain/remediation.ts';
import { quoteLine } from '../quote-line.ts';

/** The parameters by which a step says which container it means. */
export const SELECTION_PARAMS = {
  container: { type: 'string', description: 'The exact name of the container. Not its id.' },
  project: { type: 'string', description: 'Instead of `container`, with `service`: the Compose project.' },
  service: { type: 'string', description: 'Instead of `container`, with `project`: the Compose service.' },
} as const;

export interface ContainerSelection {
  readonly container?: string | undefined;
  readonly project?: string | undefined;
  readonly service?: string | undefined;
}

export type ParsedSelection =
  { readonly by: 'name'; readonly name: string } | { readonly by: 'compose'; readonly project: string; readonly service: string };

/** Either an exact name or a Compose project and service, made of plain name characters; else `missing_value` or `invalid_value`. */
export function parseSelection({ container, project, service }: ContainerSelection): ParsedSelection {
  const hasComposePart = project !== undefined || service !== undefined;
  if (container !== undefined) {
    if (hasComposePart) throw refuse('invalid_value', 'give either `container` or `project` and `service`, not both');
    return { by: 'name', name: parseName('container', container) };
  }
  if (project === undefined || service === undefined) {
    throw refuse(
      'missing_value',
      hasComposePart ? '`project` and `service` belong together' : 'give `container`, or `project` and `service`',
    );
  }
  return { by: 'compose', project: parseName('project', project), service: parseName('service', service) };
}

/** The selection for people, e.g. `container web-1`. */
export function describeSelection(selection: ParsedSelection): string {
  return selection.by === 'name'
    ? `container ${selection.name}`
    : `service ${selection.service} of Compose project ${selection.project}`;
}

/** The engine's own rule for names. Nothing else may get into the path of a request to it. */
function parseName(parameter: string, text: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(text)) return text;
  throw refuse(
    'invalid_value',
    `${parameter} "${quoteLine(text)}" is not a plain name: letters, digits, "_", "." and "-", starting with a letter or digit`,
  );
}

function refuse(code: 'missing_value' | 'invalid_value', message: string): StepError {
  return new StepError(code, message, { happened: 'nothing' });
}
