package build_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/event"
)

// TestBuildsOfANumber: each environment counts for itself, and a build is found by its number however old it is.
func TestBuildsOfANumber(t *testing.T) {
	each(t, func(w *world) {
		w.push(shop(one()))
		w.nth(1)
		text, err := json.Marshal(shop(one()))
		if err != nil {
			w.t.Fatal(err)
		}
		dbtest.Emit(w.t, w.db, event.Meta{App: "shop", Env: "staging", Actor: "person:ana"},
			event.GitPushed{Branch: "develop", After: commit(7).SHA, Tree: commit(8).SHA, Commits: []event.Commit{commit(7)}, Manifest: text})
		of := func(env string, number int) (envs []string) {
			w.t.Helper()
			found, err := w.Numbered(w.t.Context(), "shop", env, number)
			if err != nil {
				w.t.Fatal(err)
			}
			for _, b := range found {
				envs = append(envs, b.Environment)
			}
			return envs
		}
		w.wait("both builds", func() bool { return slices.Equal(of("", 1), []string{"staging", "production"}) })
		if got := of("staging", 1); !slices.Equal(got, []string{"staging"}) {
			w.t.Errorf("of staging alone: %v", got)
		}
		if got := of("", 2); len(got) != 0 {
			w.t.Errorf("of a number that is none: %v", got)
		}
	})
}
