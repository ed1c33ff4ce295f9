package rollout_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// countWrites counts in the store how often a rollout's row is written from now on.
func (w *world) countWrites() (writes func() int) {
	w.t.Helper()
	statements := []string{
		`CREATE TABLE writes (n BIGINT)`,
		`CREATE TRIGGER counted AFTER UPDATE ON rollout_rollouts BEGIN INSERT INTO writes VALUES (1); END`,
	}
	if w.db.Shared() {
		statements = []string{
			`CREATE TABLE writes (n BIGINT)`,
			`CREATE FUNCTION count_write() RETURNS trigger AS 'BEGIN INSERT INTO writes VALUES (1); RETURN NEW; END' LANGUAGE plpgsql`,
			`CREATE TRIGGER counted AFTER UPDATE ON rollout_rollouts FOR EACH ROW EXECUTE FUNCTION count_write()`,
		}
	}
	err := w.db.Tx(w.t.Context(), func(tx *db.Tx) error {
		for _, s := range statements {
			if _, err := tx.Exec(w.t.Context(), s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return func() (n int) {
		w.t.Helper()
		if err := w.db.QueryRow(w.t.Context(), `SELECT COUNT(*) FROM writes`).Scan(&n); err != nil {
			w.t.Fatal(err)
		}
		return n
	}
}

// TestAnswersThatComeTogetherAreWrittenTogether has many hosts whose answers come in one go.
func TestAnswersThatComeTogetherAreWrittenTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var hosts []string
		for i := range 40 {
			hosts = append(hosts, fmt.Sprintf("us%d", i+1))
		}
		w.join(hosts...)
		writes := w.countWrites()
		w.ship(1, 0, "promoted")
		var answers int
		err := w.db.QueryRow(t.Context(), `SELECT COUNT(*) FROM events WHERE type IN ('deploy.applied', 'process.changed')`).Scan(&answers)
		if err != nil || answers < 2*len(hosts) {
			t.Fatalf("%d answers (%v)", answers, err)
		}
		if n := writes(); n == 0 || n >= answers {
			t.Errorf("the rollout was written %d times for %d answers", n, answers)
		}
	})
}

// TestReleasesThatComeTogether are handled in one transaction, in which each sees what became of those before it.
func TestReleasesThatComeTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.join("us1")
		w.ship(1, 0, "promoted")
		text, err := json.Marshal(manifest.Manifest{App: app, Processes: map[string]manifest.Process{"web": {Run: "./shop"}}, Rollout: policy()})
		if err != nil {
			t.Fatal(err)
		}
		err = w.db.Tx(t.Context(), func(tx *db.Tx) error {
			for n := 2; n <= 4; n++ {
				c := event.Commit{SHA: fmt.Sprintf("%040x", n)}
				r := event.ReleaseCreated{
					Release: fmt.Sprintf("rel_%d", n), Number: n, Commit: c.SHA, Commits: []event.Commit{c}, Artifact: fmt.Sprintf("%064x", n), Why: "push", Manifest: text,
				}
				if _, err := tx.Emit(t.Context(), event.Meta{App: app, Env: env, Actor: "system:test"}, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if v := w.end(2, .02, .02); v.Outcome != "promoted" {
			t.Errorf("#2 ended %s: %v", v.Outcome, v.Reasons)
		}
		if v := w.end(4, .02, .02); v.Outcome != "promoted" || len(v.Commits) != 2 {
			t.Errorf("#4 ended %s with the commits %v: %v", v.Outcome, v.Commits, v.Reasons)
		}
		if v := w.nth(3); v.State != "superseded" {
			t.Errorf("#3 is %s", v.State)
		}
	})
}
