import { StepError, type StepErrorCode } from '../../domain/remediation.ts';
import { describeError } from '../describe-error.ts';
import { quoteLine } from '../quote-line.ts';

/** What a failure of the file system means, with the path that it is about. A `StepError` stays as it is. */
export function createFileError(error: unknown, path: string, happened: 'nothing' | 'unknown' = 'nothing'): StepError {
  if (error instanceof StepError) return error;
  const { code, text } = describeError(error);
  // Node goes on with the call and a path that need not be the one that people know.
  const [fault = text] = text.split(', ', 1);
  return new StepError(codeOf(code), `${quoteLine(path)}: ${fault}`, { happened, cause: error });
}

/** Whether a failure says that what was looked for is not there, or that its folder is no folder any more. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(describeError(error).code);
}

function codeOf(code: string): StepErrorCode {
  switch (code) {
    case 'ENOENT':
      return 'not_found';
    case 'EACCES':
    case 'EPERM':
      return 'permission_denied';
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return 'invalid_value';
    // A symbolic link where a directory is expected.
    case 'ELOOP':
      return 'not_allowed';
    case 'EIO':
    case 'ESTALE':
    case 'EMFILE':
    case 'ENFILE':
      return 'unavailable';
    default:
      return 'rejected';
  }
}
