//go:build cgo

package feed_test

import (
	"fmt"
	"testing"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/journal"
)

// Between what it stores, a feeder has made what later questions are answered sooner with: nobody else does.
func TestWhatQuestionsNeedIsMade(t *testing.T) {
	p := start(t)
	var last uint64
	for n := 0; n < 260_000; n += 1000 {
		records := make([]journal.Record, 1000)
		for i := range records {
			records[i] = journal.Record{Subject: "blog.event", Data: []byte(`{"id":"x"}`)} // of another app: sequences are what counts
		}
		last = p.write(records...)
	}
	p.wait(last)
	p.wait(p.write(event("shop", 1, `{}`)))
	store, err := p.engine.Store(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	table, err := store.Query(t.Context(), analytics.Query{SQL: `SELECT through > 0 FROM made`})
	if err != nil || fmt.Sprint(table.Rows) != "[[true]]" {
		t.Errorf("made: %v (%v)", table.Rows, err)
	}
}
