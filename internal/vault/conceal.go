package vault

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
)

// concealed is the length in bytes from which on a secret is looked for in texts: shorter ones are found everywhere by chance.
const concealed = 4

// Conceal takes a version's secrets out of a text that its release wrote, such as the last words of a process.
func (v *Vault) Conceal(ctx context.Context, q db.Querier, app, env string, version int, text string) (string, error) {
	vals, err := values(ctx, q, app, env, version)
	if err != nil {
		return "", err
	}
	for _, x := range vals {
		if !x.secret {
			continue
		}
		s, err := v.keys.Open(x.text, "secret", app, env, x.name)
		if err != nil {
			return "", fmt.Errorf("%s of %s/%s version %d: %w", x.name, app, env, version, err)
		}
		if len(s) >= concealed {
			text = strings.ReplaceAll(text, s.Reveal(), redacted)
		}
	}
	return text, nil
}
