//go:build cgo

package feed_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/db/dbtest"
	"github.com/slipwayhq/slipway/internal/journal"
	"github.com/slipwayhq/slipway/internal/pure/capture"
)

func TestLongNamesAreLearntAsMore(t *testing.T) {
	p := start(t)
	short, long := strings.Repeat("é", 100), strings.Repeat("é", 100)+"x"
	p.wait(p.write(event("shop", 1, fmt.Sprintf(`{%q:1,%q:2,%q:"x"}`, short, long, strings.Repeat("y", 3000)))))
	p.answers("shop", `SELECT length(property), type, sum(count) FROM learned WHERE property <> '' GROUP BY ALL ORDER BY ALL`, "[[6 number 1] [6 string 1] [100 number 1]]")
	p.answers("shop", `SELECT count(*) FROM learned WHERE property = '(more)' AND name = 'clicked'`, "[[2]]")
	p.answers("shop", counts, "[[1 1]]")
}

// A store that takes some users' events not, and one sort of failed ones, stands for all that a store may refuse one day.
func TestWhatAStoreRefusesIsPutAside(t *testing.T) {
	url := dbtest.PostgresURL(t)
	p := startOn(t, url)
	p.wait(p.write(event("shop", 1, `{"a":1}`), event("blog", 1, "")))
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range []string{`ALTER TABLE slipway_shop.events ADD CHECK (user_id NOT IN ('u13', 'u40'))`, `ALTER TABLE slipway_shop.failed ADD CHECK (reason <> 'no_name')`} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var records []journal.Record
	for n := 2; n <= 50; n++ {
		records = append(records, event("shop", n, `{"a":1}`))
	}
	failed, err := json.Marshal(capture.Failed{Failure: capture.Failure{Reason: capture.NoName, Message: "no name", Raw: []byte(`{"b":1}`)}, App: "shop", Received: time.Now().UTC()})
	if err != nil {
		t.Fatal(err)
	}
	records = slices.Insert(records, 20, journal.Record{Subject: "shop.failed", Data: failed})
	p.wait(p.write(append(records, event("blog", 2, ""))...))
	p.answers("blog", counts, "[[2 2]]")
	p.answers("shop", counts, "[[48 48]]")
	p.answers("shop", `SELECT seq, reason, substr(raw, 1, 1), position('u13' IN raw) > 0, position('u40' IN raw) > 0, message LIKE 'the store of events refused it%check%' FROM failed ORDER BY seq`,
		`[[14 malformed " true false true] [23 malformed " false false true] [42 malformed " false true true]]`)
	p.answers("shop", `SELECT sum(count) FROM learned WHERE property = 'a'`, "[[48]]")
	p.reopen("mark")
	p.run()
	p.wait(p.write(event("news", 1, "")))
	p.answers("blog", counts, "[[2 2]]")
	p.answers("shop", counts, "[[48 48]]")
	p.answers("shop", `SELECT count(*) FROM failed`, "[[3]]")
}

func TestWhatCannotBeLearntHoldsUpNoEvent(t *testing.T) {
	p := start(t)
	store, err := p.engine.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	full := analytics.Learned{Kind: capture.Track, Name: "clicked", First: time.Now(), Last: time.Now(), Count: math.MaxInt64}
	if err := store.Append(t.Context(), analytics.Batch{Learned: []analytics.Learned{full}, Through: 1}); err != nil {
		t.Fatal(err)
	}
	p.wait(p.write(event("blog", 1, ""), event("shop", 2, "")))
	p.answers("shop", counts, "[[1 1]]")
	p.answers("shop", `SELECT count(*) FROM failed`, "[[0]]")
}
