import { createLogger } from '../src/logger.ts';
import { printableWhenDecoded } from '../src/printable-log-line.ts';

const HOSTILE = '\u001b[2Jgone\u009b1m\u202etxt\u2066\u2028\u0008\r\u007f \\b \\u001b';
const OBEYED = /[^\P{Cc}\n\t]|[\u2028-\u202e\u2066-\u2069]/u;

describe('a line of the log', () => {
  it('is JSON with the same text, and no terminal obeys it', async () => {
    const lines: string[] = [];
    const log = await createLogger({ level: 'info', format: 'json', destination: { write: (line) => void lines.push(line) } });
    log.info({ target: HOSTILE, err: new Error(HOSTILE) }, HOSTILE);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(OBEYED);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ target: HOSTILE, msg: HOSTILE, err: { message: HOSTILE } });
  });

  it('shows control characters where its texts are printed as they are', () => {
    const decoded = (text: string): unknown => JSON.parse(printableWhenDecoded(JSON.stringify(text)));
    expect(decoded(HOSTILE)).not.toMatch(OBEYED);
    expect(decoded('\u001b[1m\u009b1m\u202e')).toBe('\\u001b[1m\\u009b1m\\u202e');
    expect(decoded('two\n\tlines, "C:\\b\\\\u001b" and äöü')).toBe('two\n\tlines, "C:\\b\\\\u001b" and äöü');
  });
});
