import { copyLabels, type AlertMessage } from '../../src/domain/alert.ts';
import { KnownAlerts } from '../../src/pipeline/known-alerts.ts';
import { LAST_SEEN_PRECISION_MS } from '../../src/pipeline/timing.ts';
import { episodeOf } from '../support/store-rows.ts';

const NOW = 1_000_000;
const FIRING = episodeOf('a', {
  status: 'firing',
  current: true,
  startsAt: 5,
  lastSeenAt: NOW,
  absentSince: null,
  rulesDigest: 'rules',
});
const REPEAT: AlertMessage = {
  status: 'firing',
  labels: copyLabels({ id: 'a' }),
  annotations: copyLabels({}),
  startsAt: 5,
  generatorUrl: '',
  fingerprint: '',
};

function knowing(...episodes: (typeof FIRING)[]): KnownAlerts {
  const known = new KnownAlerts();
  for (const episode of episodes) known.remember([episode]);
  return known;
}

describe('the memory of alerts that fire', () => {
  test('knows a repeat of what was committed', () => {
    expect(knowing(FIRING).isRepeat(FIRING.alertKey, REPEAT, NOW, 'rules')).toBe(true);
  });

  test.each([
    ['an alert that was never seen', knowing(), REPEAT, NOW, 'rules'],
    ['one that resolved since', knowing(FIRING, { ...FIRING, status: 'resolved' }), REPEAT, NOW, 'rules'],
    ['one that was missing in Alertmanager', knowing(FIRING, { ...FIRING, absentSince: NOW }), REPEAT, NOW, 'rules'],
    ['a resolve', knowing(FIRING), { ...REPEAT, status: 'resolved' } as const, NOW, 'rules'],
    ['another start', knowing(FIRING), { ...REPEAT, startsAt: 6 }, NOW, 'rules'],
    ['a repeat after a reload of the rules', knowing(FIRING), REPEAT, NOW, 'other rules'],
    ['a repeat that has to be written as seen', knowing(FIRING), REPEAT, NOW + LAST_SEEN_PRECISION_MS, 'rules'],
    ['a repeat after the clock went back', knowing(FIRING), REPEAT, NOW - LAST_SEEN_PRECISION_MS, 'rules'],
  ])('leaves %s to the store', (_name, known, message, now, digest) => {
    expect(known.isRepeat(FIRING.alertKey, message, now, digest)).toBe(false);
  });

  test('is not changed by the end of an older episode of the same alert', () => {
    const known = knowing(FIRING, { ...FIRING, id: 'older', status: 'resolved', current: false });
    expect(known.isRepeat(FIRING.alertKey, REPEAT, NOW, 'rules')).toBe(true);
  });

  test('is bounded, and forgets the oldest first', () => {
    const known = knowing(FIRING);
    known.remember(Array.from({ length: 20_000 }, (_, index) => ({ ...FIRING, alertKey: `other ${index}` })));
    expect(known.isRepeat(FIRING.alertKey, REPEAT, NOW, 'rules')).toBe(false);
    expect(known.isRepeat('other 19999', REPEAT, NOW, 'rules')).toBe(true);
  });
});
