const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};
const CODE_ESCAPE = /\\(?:x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/y;

/** The text between the double quotes of a Go string literal, as `strconv.Unquote` reads it; `undefined` when it is not valid UTF-8 or not one. */
export function unquoteGoString(body: string): string | undefined {
  if (body.includes('\n')) return undefined;
  if (!body.includes('\\')) return body.includes('"') ? undefined : body;
  const bytes: Buffer[] = [];
  let plainFrom = 0;
  let at = body.indexOf('\\');
  while (at !== -1) {
    bytes.push(Buffer.from(body.slice(plainFrom, at)));
    const escape = readEscape(body, at);
    if (escape === undefined) return undefined;
    bytes.push(escape.bytes);
    plainFrom = at + escape.length;
    at = body.indexOf('\\', plainFrom);
  }
  bytes.push(Buffer.from(body.slice(plainFrom)));
  return decodeUtf8(Buffer.concat(bytes));
}

function readEscape(body: string, at: number): { readonly bytes: Buffer; readonly length: number } | undefined {
  const letter = body[at + 1] ?? '';
  const simple = Object.hasOwn(SIMPLE_ESCAPES, letter) ? SIMPLE_ESCAPES[letter] : undefined;
  if (simple !== undefined) return { bytes: Buffer.from(simple), length: 2 };
  CODE_ESCAPE.lastIndex = at;
  const match = CODE_ESCAPE.exec(body);
  if (match === null) return undefined;
  const [all, hex, octal, short, long] = match;
  if (hex !== undefined || octal !== undefined) {
    const byte = hex !== undefined ? Number.parseInt(hex, 16) : Number.parseInt(octal ?? '', 8);
    return byte > 255 ? undefined : { bytes: Buffer.from([byte]), length: all.length };
  }
  const code = Number.parseInt(short ?? long ?? '', 16);
  const isCharacter = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? { bytes: Buffer.from(String.fromCodePoint(code)), length: all.length } : undefined;
}

function decodeUtf8(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
