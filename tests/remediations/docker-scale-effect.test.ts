import { parseParameters } from '../../src/domain/parameter.ts';
import { matchesPattern } from '../../src/domain/pattern.ts';
import { scaleService } from '../../src/remediations/docker/scale-service.ts';

test.each([
  [{ to: 3 }, 'change'],
  [{ by: -1 }, 'change'],
  [{ by: -1, min: 1 }, 'change'],
  [{ by: 1, min: 0 }, 'change'],
  [{ to: 0, min: 0 }, 'destructive'],
  [{ by: -1, min: 0 }, 'destructive'],
])('scaling a service %j is a %s: one that may be left without a container needs permission', (count, effect) => {
  const params = parseParameters(scaleService.params, { project: 'shop', service: 'web', ...count }, matchesPattern);
  expect(scaleService.effect(params)).toBe(effect);
});
