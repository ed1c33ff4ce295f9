import { bytes } from '../words/number';

// A log is read from its end backwards at most this far: a test that prints a gigabyte does not fill the browser.
const tail = 8_000_000;
const mostLines = 200_000;

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
  });

// Log follows the bytes of one lease and keeps them as lines.
export class Log {
  lines: string[] = [];
  // count is lines.length as state: the lines themselves are too many to be watched one by one.
  count = $state(0);
  complete = $state(false);
  trouble = $state('');
  // What was left out at the start, in words.
  left = $state('');
  #offset: number;
  #open = '';
  #decoder = new TextDecoder();
  #abort = new AbortController();
  #address: string;

  constructor(address: string, size: number) {
    this.#address = address;
    this.#offset = Math.max(0, size - tail);
    if (this.#offset > 0) this.left = `The first ${bytes(this.#offset)} are not shown; download the log to see them.`;
    void this.#follow();
  }

  close() {
    this.#abort.abort();
  }

  // follow asks for what comes after the last byte, waits at the server when there is nothing, and ends with the log.
  async #follow() {
    const signal = this.#abort.signal;
    let first = true;
    while (!signal.aborted && !this.complete) {
      try {
        const response = await fetch(`${this.#address}?offset=${this.#offset}${first ? '' : '&wait=1'}`, { signal, credentials: 'same-origin' });
        if (response.status === 404) {
          this.trouble = 'This log is no longer kept.';
          return;
        }
        if (!response.ok) throw new Error(String(response.status));
        const grew = await this.#read(response);
        this.trouble = '';
        this.complete = response.headers.get('Slipway-Log-End') === 'true';
        if (!grew && !first && !this.complete) await pause(250, signal);
        first = false;
      } catch {
        if (signal.aborted) return;
        this.trouble = 'The log cannot be read at the moment. Trying again; what is here stays.';
        await pause(2000, signal);
      }
    }
    if (this.#open !== '') this.#add([this.#open]);
    this.#open = '';
  }

  async #read(response: Response): Promise<boolean> {
    const reader = response.body?.getReader();
    let grew = false;
    while (reader) {
      const { done, value } = await reader.read();
      if (done) break;
      grew ||= value.length > 0;
      this.#offset += value.length;
      const text = this.#open + this.#decoder.decode(value, { stream: true });
      const lines = text.split('\n');
      this.#open = lines.pop() ?? '';
      this.#add(lines);
    }
    return grew;
  }

  #add(lines: string[]) {
    for (const line of lines) this.lines.push(line);
    if (this.lines.length > mostLines) {
      this.lines.splice(0, this.lines.length - mostLines);
      this.left = 'The first lines are not shown; download the log to see them.';
    }
    this.count += lines.length;
  }
}

export interface Span {
  text: string;
  style: string;
}

const colours: Record<number, string> = { 31: 'alarm', 91: 'alarm', 33: 'amber', 93: 'amber', 34: 'blue', 94: 'blue', 36: 'blue', 96: 'blue', 90: 'grey', 2: 'grey' };

// spans splits a line by its terminal colours. Other control sequences are dropped, and of a line that was written over, the last text stays.
export function spans(line: string): Span[] {
  const text = line.replace(/\r$/, '');
  const last = text.slice(text.lastIndexOf('\r') + 1).slice(0, 4000);
  if (!last.includes('\x1b')) return [{ text: last, style: '' }];
  const found: Span[] = [];
  let style = '';
  // eslint-disable-next-line no-control-regex
  for (const part of last.split(/(\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07)/)) {
    if (!part.startsWith('\x1b')) {
      if (part) found.push({ text: part, style });
      continue;
    }
    if (!part.endsWith('m')) continue;
    for (const code of part.slice(2, -1).split(';').map(Number)) {
      if (code === 0) style = '';
      else if (code === 1) style += ' bold';
      else if (colours[code]) style = style.replace(/alarm|amber|blue|grey/, '') + ' ' + colours[code];
    }
  }
  return found;
}
