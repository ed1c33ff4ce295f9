package vitals

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/rollout"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/manifest"
)

// guide is where it is written how an event comes to say who served it.
const guide = `the guide to events, "Which release served it"`

// Probe says how many events of a vital came in the last hour, how many of them say which release served, and what kept others from counting.
func (c *Counter) Probe(ctx context.Context, q rollout.Queries, v manifest.Vital) (text string, ok bool) {
	came, err := c.lately(ctx, q, v.Event)
	if err != nil {
		return "how many came lately cannot be said: " + fault.Message(err), false
	}
	all := came.served + came.elsewhere + came.unnamed
	if all == 0 {
		return fmt.Sprintf("no event %q came to %s in the last hour; send it, and with it the release that served: %s", v.Event, q.Env, guide), false
	}
	parts := []string{fmt.Sprintf("in the last hour %d came, %d of them with the release that served", all, came.served)}
	if came.elsewhere > 0 {
		parts = append(parts, fmt.Sprintf("%d with one that does not serve, or not any more", came.elsewhere))
	}
	if came.unnamed > 0 {
		parts = append(parts, fmt.Sprintf("%d do not say which served (%s)", came.unnamed, guide))
	}
	if v.Per != "" {
		of, err := c.lately(ctx, q, v.Per)
		switch {
		case err != nil:
		case of.served == 0:
			parts = append(parts, fmt.Sprintf("none of the %d %s, by which it is divided, names a release that serves", of.served+of.elsewhere+of.unnamed, v.Per))
		}
	}
	return strings.Join(append(parts, c.kept(q, v)...), "; "), came.served > 0
}

// came is how many events came lately.
type came struct{ served, elsewhere, unnamed int64 }

// lately counts an event by what it says of its release.
func (c *Counter) lately(ctx context.Context, q rollout.Queries, name string) (n came, err error) {
	store, err := c.Events.Store(ctx, q.App)
	if err != nil {
		return n, err
	}
	table, err := store.Query(ctx, analytics.Query{
		SQL: `SELECT COALESCE(release, ''), count(*) FROM events WHERE environment = $1 AND received >= $2 AND (kind = 'track' AND name = $3 OR kind = $3 AND kind IN ('page', 'screen'))
			GROUP BY 1`,
		Args: []any{q.Env, c.Now().UTC().Add(-time.Hour), name}, Time: 5 * time.Second,
	})
	if err != nil {
		return n, err
	}
	for _, row := range table.Rows {
		release, _ := row[0].(string)
		count, _ := row[1].(int64)
		switch {
		case release == "":
			n.unnamed += count
		case q.Release(release) == "":
			n.elsewhere += count
		default:
			n.served += count
		}
	}
	return n, nil
}

// divisor is what a vital is divided by.
func divisor(v manifest.Vital) string { return cmp.Or(v.Per, "event of any kind") }

// kept says what kept events that came with their release from counting.
func (c *Counter) kept(q rollout.Queries, wanted manifest.Vital) (parts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.vitals[place{q.App, q.Env}] {
		if v.Event != wanted.Event {
			continue
		}
		if v.Per != wanted.Per && !slices.ContainsFunc(c.vitals[place{q.App, q.Env}], func(o *vital) bool { return o.Event == wanted.Event && o.Per == wanted.Per }) {
			parts = append(parts, fmt.Sprintf("it is counted per %s now; per %s counts from the beginning of the rollout that brings it", divisor(v.Vital), divisor(wanted)))
		}
		since := v.begun.UTC().Format("15:04 UTC")
		for _, one := range []struct {
			why  reason
			text string
		}{
			{nobody, "name nobody who did it: send a user or an anonymous id"},
			{long, "happened more than five minutes before they came"},
			{earlier, "are of pages that were loaded before the present split"},
			{undated, "are of browsers that say the release alone: hand on all that the page is told (" + guide + ")"},
			{homeless, "do not say on which host, and hosts are compared (" + guide + ")"},
		} {
			if n := v.tally[one.why]; n > 0 {
				parts = append(parts, fmt.Sprintf("since %s %d did not count, which %s", since, n, one.text))
			}
		}
	}
	return parts
}
