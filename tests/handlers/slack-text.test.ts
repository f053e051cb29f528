import { answerText } from '../../src/handlers/slack/answer-text.ts';
import { isResponseUrl } from '../../src/handlers/slack/response-url.ts';
import { splitAssignments, splitWords } from '../../src/handlers/slack/split-words.ts';
import { typedText } from '../../src/handlers/slack/typed-text.ts';

describe('what a person typed', () => {
  it.each([
    ['a &lt;b&gt; &amp;amp; c', 'a <b> &amp; c'],
    ['to <@U123|alice> and <@U456>', 'to @alice and @U456'],
    ['in <#C1|ops> and <#C2|> and <#C3>', 'in #ops and #C2 and #C3'],
    ['<!channel> <!here|here> <!subteam^S1|@dba> <!subteam^S2>', '@channel here @dba @S2'],
    ['<http://example.com|example.com> <https://x.example/a?b=1&amp;c=2>', 'example.com https://x.example/a?b=1&amp;c=2'],
    ['<mailto:a@b.example|a@b.example> <mailto:c@d.example>', 'a@b.example c@d.example'],
    ['a\u0000b\nc', 'a b c'],
    ['< unclosed &lt', '< unclosed &lt'],
  ])('%j is %j', (sent, typed) => {
    expect(typedText(sent)).toBe(typed);
  });
});

describe('the words of a command', () => {
  it.each([
    ['', []],
    ['  a  b ', ['a', 'b']],
    ['note ID "two words" "" x', ['note', 'ID', 'two words', '', 'x']],
    ['name="a b"c', ['name=a bc']],
    ['\u201cfrom a phone\u201d', ['from a phone']],
    ['"a \\"quote\\" and \\\\ and \\n"', ['a "quote" and \\ and \\n']],
    ['back\\slash', ['back\\slash']],
  ])('of %j are %j', (text, words) => {
    expect(splitWords(text)?.map((word) => word.text)).toEqual(words);
  });

  it('are none while a quote is open', () => {
    expect(splitWords('note "a b')).toBeUndefined();
  });

  it('are values where a name stands before an equals sign outside of quotes', () => {
    const { texts, values } = splitAssignments(splitWords('disk "a=b" full host=web-1 __proto__=x note="c d" =e 1=f') ?? []);
    expect(texts).toEqual(['disk', 'a=b', 'full', '=e', '1=f']);
    expect(Object.entries(values)).toEqual([
      ['host', 'web-1'],
      ['__proto__', 'x'],
      ['note', 'c d'],
    ]);
  });
});

describe('an answer', () => {
  it('mentions and links nobody', () => {
    expect(answerText('<!channel> & <@U1> <http://evil|text>')).toBe(
      '&lt;!channel&gt; &amp; &lt;@U1&gt; &lt;http://evil|text&gt;',
    );
  });

  it('holds no control character and nothing that turns the direction of writing', () => {
    expect(answerText('a\u0000b\u001b[31mc\td\ne\u202ef\u2066g')).toBe('a b [31mc d\ne f g');
  });

  it.each(['a', '&', '<', '\u{1f4a5}', 'aaa\u{1f4a5}', 'a&'])(
    'of many %j has 3,000 characters at most, none cut in two',
    (text) => {
      const answer = answerText(text.repeat(5_000));
      expect(answer.length).toBeLessThanOrEqual(3_000);
      expect(answer.length).toBeGreaterThan(2_980);
      expect(answer).toMatch(/^(?:[^&]|&amp;|&lt;)* …$/u);
      expect(answer.isWellFormed()).toBe(true);
    },
  );
});

describe('a response URL', () => {
  const API = 'http://127.0.0.1:4000/api/';
  it.each([
    ['https://hooks.slack.com/actions/T1/2/x', undefined, true],
    ['https://hooks.slack.com/actions/T1/2/x', API, true],
    ['http://127.0.0.1:4000/actions/x', API, true],
    ['http://hooks.slack.com/actions/T1/2/x', undefined, false],
    ['https://hooks.slack.com:8443/x', undefined, false],
    ['https://hooks.slack.com.evil.example/x', undefined, false],
    ['https://hooks.slack.com@evil.example/x', undefined, false],
    ['https://user@hooks.slack.com/x', undefined, false],
    ['https://evil.example/#hooks.slack.com', API, false],
    ['http://127.0.0.1:4001/x', API, false],
    ['https://127.0.0.1:4000/x', API, false],
    ['http://169.254.169.254/latest', undefined, false],
    ['file:///etc/passwd', API, false],
    ['nonsense', API, false],
  ])('%s with the API at %s: %s', (url, api, isAllowed) => {
    expect(isResponseUrl(url, api)).toBe(isAllowed);
  });
});
