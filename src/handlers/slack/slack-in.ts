import { hash } from 'node:crypto';
import { OverloadedError } from '../../pipeline/pipeline.ts';
import { StoreUnavailableError } from '../../domain/store.ts';
import { answerAction } from './answer-action.ts';
import { answerCommand } from './answer-command.ts';
import { answerText } from './answer-text.ts';
import { inTime, TooLateError } from './in-time.ts';
import { isResponseUrl, postToResponseUrl } from './response-url.ts';
import type { SlackInDeps } from './slack-in-deps.ts';
import { SlackPeople } from './slack-people.ts';
import type { SlackRequest } from './slack-request.ts';
import { UsergroupMembers } from './usergroup-members.ts';

/** Slack waits for 3 s; the rest is for the way there. */
const ANSWER_WITHIN_MS = 2_500;
/** Answers that are on their way to response URLs; more are dropped. */
const MAX_POSTS = 100;

/** What is shown to the person, and to nobody else. */
export interface SlackAnswer {
  readonly response_type: 'ephemeral';
  readonly replace_original: false;
  readonly text: string;
  /** The same, verbatim: what looks like an address in a label stays text. */
  readonly blocks: readonly [{ readonly type: 'section'; readonly text: object }];
}

/** What people do in Slack: one interpreter for HTTP and Socket Mode. */
export class SlackIn {
  readonly #deps: SlackInDeps;
  readonly #people: SlackPeople;
  readonly #stop = new AbortController();
  readonly #posts = new Set<Promise<void>>();

  constructor(deps: SlackInDeps) {
    this.#deps = deps;
    const { settings, teamId, usergroupMembers, clock, log } = deps;
    this.#people = new SlackPeople({
      settings,
      teamId,
      usergroups: new UsergroupMembers(usergroupMembers, clock, log),
    });
  }

  /**
   * Does it, and answers within 2.6 s: never throws. `delivery` names the request, so that what was taken once is not
   * taken again. To a click Slack shows only what is sent to its response URL: that is done beside.
   */
  async answer(request: SlackRequest, delivery: string): Promise<SlackAnswer> {
    const text = answerText(await this.#decide(request, `slack:${hash('sha256', delivery, 'hex')}`));
    const answer: SlackAnswer = {
      response_type: 'ephemeral',
      replace_original: false,
      text,
      blocks: [{ type: 'section', text: { type: 'mrkdwn', text: text.trim() === '' ? '–' : text, verbatim: true } }],
    };
    if (request.kind === 'action' && request.responseUrl !== undefined) this.#post(request.responseUrl, answer);
    return answer;
  }

  /** Lets answers that are on their way go. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#posts);
  }

  async #decide(request: SlackRequest, requestId: string): Promise<string> {
    const { clock, onFault } = this.#deps;
    using deadline = clock.timeout(ANSWER_WITHIN_MS);
    const { signal } = deadline;
    try {
      const who = await inTime(this.#people.identify(request.user, requestId), signal);
      if ('refusal' in who) return who.refusal;
      return request.kind === 'action'
        ? await answerAction(this.#deps, request, who.actor, signal)
        : await answerCommand(this.#deps, request.text, who.actor, signal);
    } catch (error) {
      if (error instanceof TooLateError || error instanceof StoreUnavailableError || error instanceof OverloadedError)
        return `not recorded: ${error.message}; try again`;
      onFault('a request of Slack could not be handled', error);
      return 'not recorded: a defect of remedyd; its log says more';
    }
  }

  #post(url: string, answer: SlackAnswer): void {
    const { settings, log } = this.#deps;
    if (!isResponseUrl(url, settings().slack?.apiUrl) || this.#posts.size >= MAX_POSTS || this.#stop.signal.aborted) {
      log.warn({}, 'an answer to a click in Slack is not shown: its response URL is not of Slack, or too many are on their way');
      return;
    }
    const post = postToResponseUrl(url, answer, this.#stop.signal)
      .catch((error: unknown) => log.warn({ err: error }, 'an answer to a click in Slack is not shown'))
      .finally(() => this.#posts.delete(post));
    this.#posts.add(post);
  }
}
