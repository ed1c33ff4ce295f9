package api

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/internal/db"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
)

// A release whose archive is gone cannot be gone back to: that is said before anything starts.
func TestNobodyGoesBackToWhatIsNotKept(t *testing.T) {
	w := open(t)
	w.server.MountRollouts(rollout.New(w.db, nil, slog.New(slog.DiscardHandler)))
	w.want(200, "POST", "/v1/apps", `{"name":"shop"}`)
	err := w.db.Tx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO catalog_releases
			(id, app, env, number, sha, subject, author, commits, artifact, size, config, why, build, manifest, hotfix, created_at, state, verdict, rollout, live_at, stored)
			VALUES ('rel_1', 'shop', 'production', 1, '0123456789abcdef', 'Old', 'Ana', '[]', 'a', 1, 0, 'push', '', '{}', 'null', 0, 'good', '', '', 0, 0)`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	res := w.do("POST", "/v1/apps/shop/environments/production/rollback", adminToken, `{"release":"rel_1"}`)
	if res.StatusCode != 409 || !strings.Contains(string(res.body), "the archive of release #1 is not kept any more; push its commit 0123456 again") {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}
