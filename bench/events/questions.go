package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/bench/rig"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/analytics/duck"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	"github.com/slipwayhq/slipway/internal/pure/explore"
)

// days is how long the events of the store are spread over.
const days = 30

// questions fills a store and asks it.
func questions(ctx context.Context, r *rig.Rig, rows, visitors int) error {
	before := rig.Load()
	engine, err := duck.Open(duck.Options{Dir: r.Path("store")})
	if err != nil {
		return err
	}
	defer engine.Close()
	store, err := engine.Store(ctx, "shop")
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := fill(ctx, store, rows, visitors); err != nil {
		return err
	}
	filled := time.Since(begin)
	if err := engine.Close(); err != nil { // what is in its log goes to its place
		return err
	}
	if engine, err = duck.Open(duck.Options{Dir: r.Path("store")}); err != nil {
		return err
	}
	if store, err = engine.Store(ctx, "shop"); err != nil {
		return err
	}
	first, err := ask(ctx, store, rows, 1)
	if err != nil {
		return err
	}
	begin = time.Now()
	for more := true; more; { // as it is between the appends of a server
		if more, err = store.Improve(ctx); err != nil {
			return err
		}
	}
	improved := time.Since(begin)
	table, err := ask(ctx, store, rows, 3)
	if err != nil {
		return err
	}
	for i := range table {
		table[i] = slices.Insert(table[i], 1, first[i][1])
	}
	if err := engine.Close(); err != nil {
		return err
	}
	size, err := store.Size(ctx)
	if err != nil {
		return err
	}
	if err := rig.Table(os.Stdout, []string{fmt.Sprintf("%d events, %d visitors", rows, visitors), "at first s", "later, median of 3", "target", ""}, table); err != nil {
		return err
	}
	_, most, err := rig.Memory(os.Getpid())
	if err != nil {
		return err
	}
	fmt.Printf("stored at %.0f events/s, what questions need made in %s s; %.1f bytes an event on disk; peak memory of this program %s MiB; load before %s, after %s\n", float64(rows)/filled.Seconds(), rig.Seconds(improved), float64(size)/float64(rows), rig.MiB(most), before, rig.Load())
	return engine.Close()
}

// ask asks what the page asks, so many times each, and gives the table's rows.
func ask(ctx context.Context, store analytics.Store, rows, times int) (table [][]string, err error) {
	scope := explore.Scope{Span: explore.Span{From: start(), To: start().AddDate(0, 0, days)}}
	for _, q := range []struct {
		name   string
		asks   explore.Question
		target time.Duration
	}{
		{"visitors a day, split by a property", explore.Trend{Scope: scope, Measure: "visitors", Interval: "day", Split: "plan"}, time.Second},
		{"events a day, of one name", explore.Trend{Scope: scope, Selection: explore.Selection{Event: "page_viewed"}, Measure: "events", Interval: "day"}, 0},
		{"funnel of three steps, in a day", explore.Funnel{Scope: scope, Steps: []explore.Selection{{Event: "product_viewed"}, {Event: "cart_filled"}, {Event: "order_completed"}}, Within: 86400}, 2 * time.Second},
		{"retention by week", explore.Retention{Scope: scope, Interval: "week"}, 0},
		{"top values of a property", explore.Top{Scope: scope, Property: "path", Limit: 20}, 0},
	} {
		sql, err := q.asks.SQL()
		if err != nil {
			return nil, err
		}
		var took []time.Duration
		for range times {
			answer, err := store.Query(ctx, analytics.Query{SQL: sql, Question: q.asks, Time: 5 * time.Minute})
			if err != nil {
				return nil, err
			}
			took = append(took, answer.Took)
		}
		target, met := "", ""
		if q.target > 0 {
			target = fmt.Sprintf("%s s at 20 million", rig.Seconds(q.target))
			if rows >= 20_000_000 { // of fewer it tells nothing
				met = rig.Verdict(rig.Median(took) <= q.target)
			}
		}
		table = append(table, []string{q.name, rig.Seconds(rig.Median(took)), target, met})
	}
	return table, nil
}

func start() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }

// shop makes what shops send.
type shop struct {
	dice     *rand.Rand
	visitors int
}

// page is what a browser shows: Segment's client for browsers tells it with each event.
func (s shop) page() (path, page string) {
	product, from := s.dice.IntN(3000), s.dice.IntN(40)
	path = fmt.Sprintf("/products/%d", product)
	search := ""
	if s.dice.IntN(4) == 0 {
		search = fmt.Sprintf("?ref=mail-%d", s.dice.IntN(50))
	}
	return path, fmt.Sprintf(`{"path":"%[1]s","url":"https://shop.example%[1]s%[2]s","title":"Product %[3]d | Shop","search":"%[2]s","referrer":"https://shop.example/categories/%[4]d"}`, path, search, product, from)
}

// event is one of a visitor: of ten, nine from a page, of which five say that it was viewed, and one from the shop's server.
func (s shop) event(at time.Time, release string) capture.Event {
	names := []string{"page_viewed", "page_viewed", "page_viewed", "page_viewed", "page_viewed", "product_viewed", "product_viewed", "product_viewed", "cart_filled", "order_completed"}
	who := s.dice.IntN(s.visitors)
	path, page := s.page()
	plan, price := []string{"free", "pro", "team"}[who%3], fmt.Sprintf("%d.%02d", s.dice.IntN(100), s.dice.IntN(100))
	e := capture.Event{
		Environment: "production", Source: "src_01a22780d9687d37a877458b131877cc", Kind: capture.Track, Name: names[s.dice.IntN(len(names))], User: fmt.Sprintf("user-%d", who), Time: at, Received: at.Add(300 * time.Millisecond), Release: release,
		Properties: fmt.Appendf(nil, `{"path":"%s","plan":"%s","price":%s}`, path, plan, price),
	}
	client := "ajs"
	if e.Name == "order_completed" {
		client = "node"
		e.Context = json.RawMessage(`{"library":{"name":"@segment/analytics-node","version":"2.3.0"}}`)
	} else {
		agents := []string{"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1"}
		zones := []string{"Europe/Vienna", "Europe/Berlin", "America/New_York"}
		e.Context = fmt.Appendf(nil, `{"ip":"203.0.%d.0","page":%s,"userAgent":"%s","locale":"%s","library":{"name":"analytics.js","version":"npm:next-1.81.0"},"timezone":"%s"}`,
			who%200, page, agents[who%2], []string{"de-AT", "en-US"}[who%2], zones[who%3])
	}
	e.ID = fmt.Sprintf("%s-next-%d-%08x-%04x-4%03x-9%03x-%012x", client, at.UnixMilli(), s.dice.Uint32(), s.dice.Uint32N(1<<16), s.dice.Uint32N(1<<12), s.dice.Uint32N(1<<12), s.dice.Uint64N(1<<48))
	return e
}

// fill stores what a shop sends.
func fill(ctx context.Context, store analytics.Store, rows, visitors int) error {
	s := shop{rand.New(rand.NewPCG(1, 1)), visitors}
	step := time.Duration(days) * 24 * time.Hour / time.Duration(rows)
	const batch = 20_000
	for from := 0; from < rows; from += batch {
		b := analytics.Batch{Through: uint64(min(from+batch, rows))}
		for n := from; n < min(from+batch, rows); n++ {
			at := start().Add(time.Duration(n) * step).Truncate(time.Microsecond)
			b.Rows = append(b.Rows, analytics.Row{Sequence: uint64(n + 1), Event: s.event(at, fmt.Sprintf("rel_%d", n*100/rows))})
		}
		if err := store.Append(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
