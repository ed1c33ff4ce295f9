// The canvas knows no CSS variables: colours are resolved through an element, in the theme that holds at the moment.
export function colour(name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export interface Palette {
  text: string;
  muted: string;
  edge: string;
  surface: string;
  new: string;
  old: string;
  threshold: string;
  alarm: string;
  band: string;
}

export function palette(): Palette {
  return {
    text: colour('text'),
    muted: colour('muted'),
    edge: colour('edge'),
    surface: colour('surface'),
    new: colour('blue-fill'),
    old: colour('grey-fill'),
    threshold: colour('alarm-fill'),
    alarm: colour('alarm'),
    band: colour('band'),
  };
}
