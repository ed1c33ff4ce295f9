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
        `body := strings.NewReader(\`${JSON.stringify({ group })}\`)`,
        `req, _ := http.NewRequest("POST", "${server}/v1/limits/check", body)`,
        `req.Header.Set("Authorization", "Bearer ${key}")`,
        `res, err := http.DefaultClient.Do(req)`,
        `if err != nil {`,
        `	return true // Slipway is away: let them pass, or not, as you prefer`,
        `}`,
        `defer res.Body.Close()`,
        `var answer struct{ Passed bool }`,
        `err = json.NewDecoder(res.Body).Decode(&answer)`,
        `return err != nil || answer.Passed`,
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
