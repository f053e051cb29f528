/** A fenced block of code with its language. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
}

export function codeBlocksOf(markdown: string): readonly CodeBlock[] {
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
}

/** What stands between single backticks outside of code blocks. */
export function codeSpansOf(markdown: string): readonly string[] {
  return [...withoutBlocks(markdown).matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text);
}

/** The targets of links outside of code. */
export function linksOf(markdown: string): readonly string[] {
  const text = withoutBlocks(markdown).replaceAll(/`[^`\n]+`/g, 'code');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The anchors of its headings, as GitHub makes them. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...withoutBlocks(markdown).matchAll(/^#+ (.+)$/gm)].map(([, text = '']) => text);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

function withoutBlocks(markdown: string): string {
  return markdown.replaceAll(/^```.*?^```$/gms, '');
}
