import { expect, test } from 'vitest';
import { mediansOf, Page } from '../../bench/report.ts';

const committed = `# Figures

## fan-in

2026-11-21, commit abc.

| figure | median | spread | samples |
|---|---|---|---|
| events | 900 thousand | 1 to 2 | 5 |

## fan-out

| figure | better | median | spread | samples | last committed |
|---|---|---|---|---|---|
| deliveries | more | 1000 per CPU second | 980 to 1030 | 5 | 400 |
| latency | less | 4.00 ms | 3.90 to 4.20 | 5 | 9.00, **80 % worse** |
`;

function pageWith(deliveries: number, latency: number): Page {
  const page = new Page(mediansOf(committed, 'fan-out'));
  page.figure('deliveries', 'per CPU second', [deliveries - 5, deliveries, deliveries + 5], 'more');
  page.figure('latency', 'ms', [latency], 'less');
  return page;
}

test('medians are read out of the section of their bench, whichever columns it has', () => {
  expect([...mediansOf(committed, 'fan-out')]).toEqual([
    ['deliveries', 1000],
    ['latency', 4],
  ]);
  expect([...mediansOf(committed, 'fan-in')]).toEqual([['events', 900]]);
  expect(mediansOf(committed, 'fan').size).toBe(0);
  expect(mediansOf('', 'fan-out').size).toBe(0);
});

test('a figure that is worse by more than 15 %, in its own direction, is flagged with what it was', () => {
  const page = pageWith(840, 4.7);
  expect(page.flagged).toEqual(['deliveries', 'latency']);
  const section = page.section('fan-out');
  expect(section).toContain('| deliveries | more | 840 per CPU second | 835 to 845 | 3 | 1000, **16 % worse** |');
  expect(section).toContain('| latency | less | 4.70 ms | 4.70 to 4.70 | 1 | 4.00, **18 % worse** |');
});

test('a figure that is better, or worse by 15 % at most, is shown beside what it was and not flagged', () => {
  expect(pageWith(851, 4.59).flagged).toEqual([]);
  const page = pageWith(5000, 0.4);
  expect(page.flagged).toEqual([]);
  expect(page.section('fan-out')).toContain('| deliveries | more | 5000 per CPU second | 4995 to 5005 | 3 | 1000 |');
});

test('what a page says can be read back as the next one compares with it', () => {
  const page = new Page(new Map());
  page.figure('rate, of the whole', 'thousand records per CPU second', [1234], 'more');
  page.figure('small', 's', [0.01234], 'less');
  expect([...mediansOf(page.section('rates'), 'rates')]).toEqual([
    ['rate, of the whole', 1234],
    ['small', 0.0123],
  ]);
  expect(page.flagged).toEqual([]);
});
