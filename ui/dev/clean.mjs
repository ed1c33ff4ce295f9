import { rmSync } from 'node:fs';

// Old files of dist go before a build; the placeholder that the Go package embeds stays.
for (const name of ['assets', 'index.html', 'icon.svg', 'theme.js']) rmSync(new URL('../dist/' + name, import.meta.url), { recursive: true, force: true });
