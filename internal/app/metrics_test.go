package app_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/apptest"
)

// A server with nothing to do says so, whatever happened before that nobody wanted to hear of.
func TestNobodyLagsOnAnIdleServer(t *testing.T) {
	s := apptest.Start(t)
	s.Must(t, "POST", "/v1/apps", map[string]string{"name": "shop"}, nil)
	s.Until(t, "every consumer has seen what there is", func() bool {
		_, text := ask(t, s, http.MethodGet, "/metrics", "")
		seen := 0
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "slipway_consumer_lag{") {
				continue
			}
			if !strings.HasSuffix(line, " 0\n") {
				return false
			}
			seen++
		}
		return seen >= 6
	})
}
