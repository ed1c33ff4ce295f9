import type uPlot from 'uplot';
import { placed, type ChartMark } from './curve';

// What went back, or was found to be harm, is drawn to be seen.
const grave = (kind: string) => ['regressed', 'returning', 'rolled_back', 'incident'].includes(kind);

// drawMarks draws thin lines with a name at the top; a name that would cover the one before is left to the list under the chart.
export function drawMarks(u: uPlot, marks: readonly ChartMark[], seconds: readonly number[], colours: { alarm: string; muted: string }): void {
  const pen = u.ctx;
  const scale = devicePixelRatio || 1;
  pen.save();
  pen.font = `${11 * scale}px sans-serif`;
  pen.textAlign = 'left';
  pen.textBaseline = 'alphabetic';
  pen.setLineDash([]);
  let free = -Infinity;
  for (const mark of placed(marks, seconds)) {
    const x = Math.round(u.valToPos(mark.second, 'x', true));
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) continue;
    const alarming = grave(mark.kind);
    pen.strokeStyle = alarming ? colours.alarm : colours.muted;
    pen.fillStyle = alarming ? colours.alarm : colours.muted;
    pen.lineWidth = scale;
    pen.globalAlpha = alarming ? 1 : 0.55;
    pen.beginPath();
    pen.moveTo(x, u.bbox.top);
    pen.lineTo(x, u.bbox.top + u.bbox.height);
    pen.stroke();
    pen.globalAlpha = 1;
    const w = pen.measureText(mark.text).width;
    const left = x + 4 * scale + w > u.bbox.left + u.bbox.width ? x - w - 4 * scale : x + 4 * scale;
    if (left > free) {
      pen.fillText(mark.text, left, u.bbox.top + 10 * scale);
      free = left + w + 4 * scale;
    }
  }
  pen.restore();
}
