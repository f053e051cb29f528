import { describe, expect, test } from '@jest/globals';
import { parseParameters } from '../../src/domain/parameter.ts';
import { messagePost } from '../../src/remediations/control/message-post.ts';
import { reportPost } from '../../src/remediations/control/report-post.ts';
import { wait } from '../../src/remediations/control/wait.ts';
import { createStepContext } from '../support/step-context.ts';

describe('wait', () => {
  test('sleeps for the given time on the clock it is given', async () => {
    const slept: number[] = [];
    let monotonic = 0;
    const clock = {
      now: () => 0,
      monotonic: () => monotonic,
      sleep: (ms: number) => {
        slept.push(ms);
        monotonic += ms;
        return Promise.resolve();
      },
      timeout: () => {
        throw new Error('not used');
      },
    };
    const context = createStepContext(undefined, { clock, timeoutMs: 600_000 });
    const params = parseParameters(wait.params, { for: '5m' }, () => true);
    const plan = await wait.plan(params, context);
    expect(plan).toMatchObject({ summary: 'wait for 5m', touches: [] });
    expect(await wait.run(plan, context)).toEqual({ waited: 300_000 });
    expect(slept).toEqual([300_000]);
  });

  test.each([
    ['timeout', new DOMException('late', 'TimeoutError')],
    ['aborted', new Error('cancelled')],
  ])('ends when the step is stopped: %s', async (code, reason) => {
    const controller = new AbortController();
    const context = createStepContext(undefined, { signal: controller.signal, timeoutMs: 7_200_000 });
    const waiting = wait.run(await wait.plan({ for: 3_600_000 }, context), context);
    controller.abort(reason);
    await expect(waiting).rejects.toMatchObject({ code, happened: 'nothing' });
  });

  test('that could never end within its timeout is refused at once', async () => {
    const context = createStepContext(undefined, { timeoutMs: 30_000 });
    await expect(wait.plan({ for: 30_000 }, context)).rejects.toMatchObject({
      code: 'invalid_value',
      message: expect.stringContaining('raise'),
    });
  });
});

describe('report.post', () => {
  const summary = { text: 'two incidents', incidents: 2, acted: 1, verified: 1 };

  test('posts what the report says, of the rules and the time that were asked for', async () => {
    const posted: string[] = [];
    const asked: unknown[] = [];
    const context = createStepContext(undefined, {
      post: (text) => Promise.resolve(void posted.push(text)),
      report: (...question) => Promise.resolve((asked.push(question), summary)),
    });
    const params = parseParameters(reportPost.params, { since: '7d', rules: 'orders-' }, () => true);
    expect(await reportPost.run(await reportPost.plan(params, context), context)).toEqual(summary);
    expect(asked).toEqual([[604_800_000, 'orders-']]);
    expect(posted).toEqual(['two incidents']);
  });

  test('posts nothing once the step is stopped', async () => {
    const touched: string[] = [];
    const context = createStepContext(undefined, {
      signal: AbortSignal.abort(),
      report: () => Promise.reject(new Error('it was made')),
      post: (text) => Promise.resolve(void touched.push(text)),
    });
    const planned = await reportPost.plan({ since: 60_000 }, context);
    await expect(reportPost.run(planned, context)).rejects.toMatchObject({ code: 'aborted', happened: 'nothing' });
    expect(touched).toEqual([]);
  });

  test('says that nobody was told when it could not be made', async () => {
    const context = createStepContext(undefined, { report: () => Promise.reject(new Error('the store is gone')) });
    const plan = await reportPost.plan({ since: 86_400_000 }, context);
    await expect(reportPost.run(plan, context)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('message.post', () => {
  async function post(text: string, send: (text: string) => Promise<void>, signal = new AbortController().signal) {
    const context = createStepContext(undefined, { post: send, signal });
    return messagePost.run(await messagePost.plan({ text }, context), context);
  }

  test('hands the text over as it is', async () => {
    const posted: string[] = [];
    const text = 'line one\n$(touch x) <!channel> \0';
    const output = await post(text, (sent) => {
      posted.push(sent);
      return Promise.resolve();
    });
    expect(output).toEqual({ posted: true });
    expect(posted).toEqual([text]);
  });

  test('fails when the text is not taken, without its reason, which may hold secrets', async () => {
    const failure = post('hello', () => Promise.reject(new Error('https://hooks.slack.com/canary')));
    await expect(failure).rejects.toMatchObject({ code: 'unavailable', message: 'the message could not be queued' });
  });

  test('posts nothing once the step is stopped', async () => {
    const send = () => {
      throw new Error('was posted');
    };
    await expect(post('hello', send, AbortSignal.abort(new Error('cancelled')))).rejects.toMatchObject({ code: 'aborted' });
  });

  test('acts on nothing, so that it passes every gate that guards changes', async () => {
    const plan = await messagePost.plan({ text: 'x'.repeat(50_000) }, createStepContext(undefined));
    expect(plan.touches).toEqual([]);
    expect(messagePost.effect({})).toBe('read');
    expect(plan.summary.length).toBeLessThan(100);
    expect(plan.data).toEqual({ text: 'x'.repeat(20_000) });
  });
});
