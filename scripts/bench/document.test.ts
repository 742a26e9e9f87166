import { expect, it } from 'vitest';
import { documentOf, missingRow } from './document.ts';

const machine = { cpus: 2, cpuModel: 'some', memoryMb: 8000, kernel: '6.1', node: 'v24.0.0', loadAverage: 0.5 };

it('has the shape that its readers rely on', () => {
  const rows = [{ what: 'minke', p50Ms: 12.345678, p99Ms: 30, perSecond: 80.1 }];
  const goals = { p50VsFloor: { op: '<=', value: 1.3 } } as const;
  const document = documentOf('fresh', { rows, ratios: { p50VsFloor: 1.23456 } }, goals, machine);
  expect(JSON.parse(JSON.stringify(document))).toEqual({
    bench: 'fresh',
    rows: [{ what: 'minke', p50Ms: 12.346, p99Ms: 30, perSecond: 80.1 }],
    ratios: { p50VsFloor: 1.235 },
    goals: { p50VsFloor: { op: '<=', value: 1.3, reached: true } },
    machine,
  });
});

it('takes a goal for reached at its value, on the right side of it, and never unmeasured', () => {
  const goals = {
    atMost: { op: '<=', value: 2 },
    tooMuch: { op: '<=', value: 2 },
    atLeast: { op: '>=', value: 20 },
    tooLittle: { op: '>=', value: 20 },
    unmeasured: { op: '>=', value: 20 },
  } as const;
  const ratios = { atMost: 2, tooMuch: 2.1, atLeast: 20, tooLittle: 19 };
  const { goals: judged } = documentOf('fresh', { rows: [], ratios }, goals, machine);
  expect(Object.entries(judged).flatMap(([name, { reached }]) => (reached ? [name] : []))).toEqual([
    'atMost',
    'atLeast',
  ]);
});

it('says of a peer that is missing that it is', () => {
  const { rows } = documentOf('fresh', { rows: [missingRow('docker', 'there is none')], ratios: {} }, {}, machine);
  expect(rows).toEqual([{ what: 'docker: not measured, there is none', p50Ms: null, p99Ms: null, perSecond: null }]);
});
