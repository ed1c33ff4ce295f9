// The first lines of a client that asks for a limit. key is that of a server, group whole: with who asks at its end.
export interface Lines {
  name: string;
  lines: (key: string, server: string, group: string) => string;
}

export const clients: Lines[] = [
  {
    name: 'curl',
    lines: (key, server, group) => `curl ${server}/v1/limits/check -H 'Authorization: Bearer ${key}' \\\n  -H 'Content-Type: application/json' -d '${JSON.stringify({ group })}'`,
  },
  {
    name: 'Go',
    lines: (key, server, group) =>
      [
        `import "github.com/slipwayhq/slipway/client/limit"`,
        ``,
        `limits, err := limit.New(limit.Options{`,
        `	URL: "${server}",`,
        `	Key: "${key}",`,
        `	OnError: limit.Open, // or Closed, or Throw: what is decided where nobody answers`,
        `})`,
        `…`,
        `if a, _ := limits.Check(ctx, ${JSON.stringify(group)}); !a.Passed {`,
        `	return fmt.Errorf("too many; come again in %s", a.RetryAfter)`,
        `}`,
      ].join('\n'),
  },
  {
    name: 'JavaScript',
    lines: (key, server, group) =>
      [
        `const res = await fetch('${server}/v1/limits/check', {`,
        `  method: 'POST',`,
        `  headers: { Authorization: 'Bearer ${key}', 'Content-Type': 'application/json' },`,
        `  body: JSON.stringify(${JSON.stringify({ group })}),`,
        `})`,
        `const { passed } = await res.json()`,
      ].join('\n'),
  },
];
