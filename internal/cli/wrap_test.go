package cli

import (
	"slices"
	"testing"
)

func TestWrap(t *testing.T) {
	for name, c := range map[string]struct {
		line  string
		width int
		want  []string
	}{
		"short":                    {"  verdict  healthy", 20, []string{"  verdict  healthy"}},
		"exactly as wide":          {"0123456789 123456789", 20, []string{"0123456789 123456789"}},
		"two rows":                 {"  errors twice the old release's", 20, []string{"  errors twice the", "      old release's"}},
		"ends at the edge":         {"0123456789 123456789 and on", 20, []string{"0123456789 123456789", "      and on"}},
		"a word too wide":          {"  0123456789012345678901234567 and on", 20, []string{"  012345678901234567", "      and on"}},
		"nothing but a wide word":  {"012345678901234567890123", 20, []string{"01234567890123456789"}},
		"colours have no width":    {"\x1b[1mrollout #1\x1b[0m goes back", 20, []string{"\x1b[1mrollout #1\x1b[0m goes back"}},
		"colours, and two rows":    {"\x1b[2m· reasons are as long as they\x1b[0m", 20, []string{"\x1b[2m· reasons are as", "      long as they\x1b[0m"}},
		"too narrow to be wrapped": {"rollout #1 goes back", 8, []string{"rollout "}},
		"empty":                    {"", 20, []string{""}},
	} {
		if got := wrap(c.line, c.width); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
