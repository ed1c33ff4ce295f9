package vault

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/slipwayhq/slipway/internal/db"
)

const (
	// concealed is the length in bytes from which on a secret is looked for in texts: shorter ones are found everywhere by chance.
	concealed = 4
	// concealedPart is the same for a line of a secret of several lines, and for what is left of one where a text was cut off.
	concealedPart = 8
)

// Conceal takes a version's secrets out of a text that its release wrote, such as the last words of a process: each whole, each line of one that
// has several (shells join them by blanks), and what is left of one at the text's ends, which may have been cut.
func (v *Vault) Conceal(ctx context.Context, q db.Querier, app, env string, version int, text string) (string, error) {
	vals, err := values(ctx, q, app, env, version)
	if err != nil {
		return "", err
	}
	var needles []string
	for _, x := range vals {
		if !x.secret {
			continue
		}
		s, err := v.keys.Open(x.text, "secret", app, env, x.name)
		if err != nil {
			return "", fmt.Errorf("%s of %s/%s version %d: %w", x.name, app, env, version, err)
		}
		needles = append(needles, tellTales(s.Reveal())...)
	}
	return conceal(text, needles), nil
}

// tellTales are the texts by which a secret is known.
func tellTales(secret string) []string {
	var all []string
	if whole := strings.TrimSpace(secret); len(whole) >= concealed {
		all = append(all, whole)
	}
	lines := strings.FieldsFunc(secret, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) > 1 {
		for _, line := range lines {
			if line = strings.TrimSpace(line); len(line) >= concealedPart {
				all = append(all, line)
			}
		}
	}
	return all
}

// conceal replaces the needles, the longest first: a short one may be a part of a long one.
func conceal(text string, needles []string) string {
	slices.SortFunc(needles, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	for _, n := range needles {
		text = strings.ReplaceAll(text, n, redacted)
	}
	for _, n := range needles {
		text = concealEnds(text, n)
	}
	return text
}

// concealEnds replaces the end of a needle where the quoted text begins, and the beginning of one where it ends: what is quoted is cut at a
// fixed size. It begins at the start, or behind the words that say whose it is ("exit status 1: ").
func concealEnds(text, needle string) string {
	starts := []int{0}
	if _, quoted, ok := strings.Cut(text, ": "); ok {
		starts = append(starts, len(text)-len(quoted))
	}
	for _, at := range starts {
		at += len(text[at:]) - len(strings.TrimPrefix(text[at:], "…"))
		for n := min(len(needle)-1, len(text)-at); n >= concealedPart; n-- {
			if strings.HasPrefix(text[at:], needle[len(needle)-n:]) {
				text = text[:at] + redacted + text[at+n:]
				break
			}
		}
	}
	body := strings.TrimSuffix(text, "…")
	for n := min(len(needle)-1, len(body)); n >= concealedPart; n-- {
		if strings.HasSuffix(body, needle[:n]) {
			return body[:len(body)-n] + redacted + text[len(body):]
		}
	}
	return text
}
