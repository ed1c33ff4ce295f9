import { count } from './number';

// Times and durations in words. All take milliseconds.
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export const ms = (time: string | null | undefined): number => (time ? Date.parse(time) : NaN);

// ago is how long since, or until, a moment: "now", "12 s ago", "in 3 min", "2 days ago".
export function ago(then: number, now: number): string {
  const gap = now - then;
  if (Math.abs(gap) < 2 * second) return 'now';
  const text = coarse(Math.abs(gap));
  return gap < 0 ? 'in ' + text : text + ' ago';
}

function coarse(gap: number): string {
  if (gap < minute) return Math.floor(gap / second) + ' s';
  if (gap < hour) return Math.floor(gap / minute) + ' min';
  if (gap < day) return Math.floor(gap / hour) + ' h';
  const days = Math.floor(gap / day);
  if (days < 60) return days + (days === 1 ? ' day' : ' days');
  return count(Math.floor(days / 30)) + ' months';
}

// lasting is a duration with the digits that matter: "840 ms", "3.2 s", "1 min 04 s", "2 h 10 min".
export function lasting(duration: number): string {
  if (!Number.isFinite(duration) || duration < 0) return '–';
  if (duration < second) return Math.round(duration) + ' ms';
  if (duration < 9.95 * second) return (duration / second).toFixed(1) + ' s';
  if (duration < minute) return Math.round(duration / second) + ' s';
  if (duration < hour) {
    const s = Math.round(duration / second);
    return s % 60 === 0 ? `${s / 60} min` : `${Math.floor(s / 60)} min ${String(s % 60).padStart(2, '0')} s`;
  }
  const m = Math.round(duration / minute);
  return m % 60 === 0 ? `${m / 60} h` : `${Math.floor(m / 60)} h ${String(m % 60).padStart(2, '0')} min`;
}

// roughly is a forecast in seconds, in one unit: "40 s", "4 min", "3 h", "12 d".
export function roughly(seconds: number): string {
  if (seconds < 120) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const precise = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const exact = (then: number): string => (Number.isFinite(then) ? precise.format(then) : '');
export const clockTime = (then: number): string => (Number.isFinite(then) ? clock.format(then) : '');
