package flags

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// Audience is how many of last week's visitors each rule would take; it is there where it was asked for. What they are is taken from their events: traits, context and properties, the newest first.
type Audience struct {
	Visitors   int64       `json:"visitors" required:"false" doc:"Who sent events in the last seven days"`
	Sampled    int         `json:"sampled" required:"false" doc:"How many of them were looked at; the other numbers stand for all"`
	Rules      []int64     `json:"rules" required:"false" nullable:"false" doc:"Whom each rule takes, in the order of the rules"`
	Otherwise  int64       `json:"otherwise" required:"false" doc:"Who gets the default"`
	Attributes []attribute `json:"attributes" required:"false" nullable:"false" doc:"What their events say of them"`
}

const (
	// most is how many visitors are looked at, about; by so many a share is known to two parts in a hundred.
	most = 2000
	// mostEvents is how many of their events are read.
	mostEvents = 10_000
	week       = 7 * 24 * time.Hour
)

// audience counts whom the rules of a state, which are numbered, would take.
func (d *Door) audience(ctx context.Context, set *flag.Set, f flag.Flag, state flag.State) (*Audience, error) {
	total, sample, err := d.visitors(ctx, set.App)
	if err != nil {
		return nil, err
	}
	var rules []json.RawMessage
	_ = json.Unmarshal(state.Rules, &rules) // it was compiled
	a := &Audience{Visitors: total, Sampled: len(sample), Rules: make([]int64, len(rules)), Attributes: []attribute{}}
	if len(sample) == 0 {
		return a, nil
	}
	scale := float64(total) / float64(len(sample))
	counts := make([]int, len(rules)+1)
	for _, v := range sample {
		r := set.Server.Flags.Eval(f.Name, &assign.Visitor{Attributes: v}, nil)
		i, err := strconv.Atoi(r.Rule)
		if err != nil || i >= len(rules) {
			i = len(rules)
		}
		counts[i]++
	}
	for i := range rules {
		a.Rules[i] = int64(float64(counts[i])*scale + .5)
	}
	a.Otherwise = int64(float64(counts[len(rules)])*scale + .5)
	a.Attributes = attributes(sample, scale)
	return a, nil
}

// visitors gives how many there were in a week, and what is known of some of them, chosen by the hash of who they are.
func (d *Door) visitors(ctx context.Context, app string) (total int64, sample []map[string]any, err error) {
	store, err := d.Analytics.Store(ctx, app)
	if err != nil {
		return 0, nil, err
	}
	since := d.Now().Add(-week).UTC()
	table, err := store.Query(ctx, analytics.Query{SQL: `SELECT count(DISTINCT person) FROM activity WHERE time >= $1`, Args: []any{since}})
	if err != nil || len(table.Rows) == 0 {
		return 0, nil, err
	}
	if total, err = strconv.ParseInt(fmt.Sprint(table.Rows[0][0]), 10, 64); err != nil || total == 0 {
		return 0, nil, err
	}
	digits := 0
	for n := total; n > most; n /= 16 {
		digits++
	}
	zeros := strings.Repeat("0", digits)
	table, err = store.Query(ctx, analytics.Query{
		SQL: `SELECT person, kind, properties, context FROM activity WHERE time >= $1 AND substr(md5(person), 1, ` + strconv.Itoa(digits) + `) = $2 ORDER BY seq DESC`, Args: []any{since, zeros}, Rows: mostEvents,
	})
	if err != nil {
		return 0, nil, err
	}
	by := map[string]map[string]any{}
	for _, row := range table.Rows {
		person := fmt.Sprint(row[0])
		v := by[person]
		if v == nil {
			v = map[string]any{"id": person}
			by[person] = v
			sample = append(sample, v)
		}
		learn(v, fmt.Sprint(row[1]), text(row[2]), text(row[3]))
	}
	return total, sample, nil
}

func text(v any) []byte {
	switch v := v.(type) {
	case string:
		return []byte(v)
	case []byte:
		return v
	case json.RawMessage:
		return v
	}
	raw, _ := json.Marshal(v) // what a store answers can be encoded
	return raw
}

// learn adds what an event says of its visitor, where no newer one did: traits before the rest.
func learn(v map[string]any, kind string, properties, around []byte) {
	add := func(from map[string]any) {
		for name, value := range from {
			if _, known := v[name]; !known && !strings.HasPrefix(name, "$") {
				v[name] = value
			}
		}
	}
	var said, about map[string]any
	_ = json.Unmarshal(properties, &said)
	_ = json.Unmarshal(around, &about) // both were JSON when they were stored
	if traits, ok := about["traits"].(map[string]any); ok {
		add(traits)
	}
	if kind == "identify" || kind == "group" {
		add(said)
		return
	}
	client := map[string]any{}
	if locale, ok := about["locale"].(string); ok {
		client["locale"] = locale
		client["language"], _, _ = strings.Cut(locale, "-")
	}
	if page, ok := about["page"].(map[string]any); ok {
		if url, ok := page["url"].(string); ok {
			client["url"] = url
		}
	}
	if agent, ok := about["userAgent"].(string); ok {
		client["userAgent"] = agent
	}
	add(client)
	add(said)
}
