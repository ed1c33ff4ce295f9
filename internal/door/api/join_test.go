package api

import "testing"

func TestJoinCommand(t *testing.T) {
	for want, roles := range map[string][]string{
		"slipway edge --server u --join s":                    {"edge"},
		"slipway agent --server u --join s --roles host,work": {"host", "work"},
		"slipway agent --server u --join s --roles work":      {"work", "edge"}, // the edge's own command goes beside it
	} {
		if got := joinCommand("u", "s", roles); got != want {
			t.Errorf("%v: %s, want %s", roles, got, want)
		}
	}
}
