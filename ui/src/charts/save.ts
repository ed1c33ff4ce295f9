import type { Curve } from './curve';

// Downloads of a chart: its numbers as CSV, its picture as PNG.
export function offer(name: string, blob: Blob) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export const quote = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

type Columns = Pick<Curve, 'label' | 'values' | 'raw'>[];
const iso = (second: number) => new Date(second * 1000).toISOString();

export function csv(seconds: number[], curves: Columns, clock = iso): string {
  const head = ['time', ...curves.map((c) => quote(c.label))].join(',');
  const rows = seconds.map((s, i) => [quote(clock(s)), ...curves.map((c) => (c.raw ?? c.values)[i] ?? '')].join(','));
  return [head, ...rows].join('\n') + '\n';
}

export function saveCsv(name: string, seconds: number[], curves: Columns, clock = iso) {
  offer(name + '.csv', new Blob([csv(seconds, curves, clock)], { type: 'text/csv' }));
}

// savePng draws the canvas on the colour of the page, under its title.
export function savePng(name: string, title: string, canvas: HTMLCanvasElement, ground: string, ink: string) {
  const scale = devicePixelRatio || 1;
  const head = 32 * scale;
  const sheet = document.createElement('canvas');
  sheet.width = canvas.width;
  sheet.height = canvas.height + head;
  const pen = sheet.getContext('2d');
  if (!pen) return;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.fillStyle = ink;
  pen.font = `600 ${14 * scale}px sans-serif`;
  pen.fillText(title, 12 * scale, 21 * scale);
  pen.drawImage(canvas, 0, head);
  sheet.toBlob((blob) => blob && offer(name + '.png', blob));
}
