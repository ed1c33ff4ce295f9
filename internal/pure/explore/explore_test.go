package explore_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/explore"
)

var update = flag.Bool("update", false, "write the golden files")

type question interface{ SQL() (string, error) }

// own is a question by a store's own way.
type own struct {
	explore.Quick
	way explore.Way
}

func (o own) SQL() (string, error) { return o.By(o.way) }

func scope() explore.Scope {
	return explore.Scope{
		Span:        explore.Span{From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Zone: "Europe/Berlin"},
		Environment: "production",
	}
}

func utc() explore.Scope {
	s := scope()
	s.Zone = ""
	return s
}

func way() explore.Way {
	return explore.Way{Columns: map[string]string{"plan": "p1"}, Numbers: 2_000_000, Events: 20_000_000, Bits: 128 << 20, Through: 1000}
}

func TestPropertiesThatAStoreMayHaveColumnsFor(t *testing.T) {
	where := []explore.Condition{{Property: "plan"}, {Property: "context.page.path"}, {Property: "event.release"}, {Property: "price"}}
	for _, c := range []struct {
		q    explore.Quick
		want string
	}{
		{explore.Trend{Selection: explore.Selection{Where: where}, Split: "color", Measure: "sum", Of: "cost"}, "color cost plan price"},
		{explore.Funnel{Steps: []explore.Selection{{Where: where}, {Where: []explore.Condition{{Property: "a"}}}}}, "a plan price"},
		{explore.Retention{First: explore.Selection{Where: where[:1]}, Back: explore.Selection{Where: where[3:]}}, "plan price"},
		{explore.Top{Property: "event.name"}, ""},
	} {
		if got := strings.Join(c.q.Properties(), " "); got != c.want {
			t.Errorf("%T: %s, not %s", c.q, got, c.want)
		}
	}
}

// What people are shown is looked at when it changes.
func TestSQL(t *testing.T) {
	bought := explore.Selection{Kind: "track", Event: "it's bought", Where: []explore.Condition{
		{Property: "plan", Is: "equal", Value: "pro"}, {Property: "price", Is: "more", Value: "10"}, {Property: "context.page.path", Is: "contains", Value: "/check'out"}, {Property: "event.release", Is: "set"}, {Property: "note", Is: "equal", Value: "two\nlines"},
	}}
	for name, q := range map[string]question{
		"trend":       explore.Trend{Scope: scope(), Selection: bought, Measure: "events", Interval: "day"},
		"trend_split": explore.Trend{Scope: scope(), Selection: bought, Measure: "p90", Of: "price", Interval: "hour", Split: "event.release"},
		"funnel":      explore.Funnel{Scope: scope(), Steps: []explore.Selection{{Event: "viewed"}, bought, {Event: "thanked"}}, Within: 3600},
		"retention":   explore.Retention{Scope: scope(), First: explore.Selection{Event: "signed up"}, Back: bought, Interval: "week"},
		"top":         explore.Top{Scope: scope(), Property: "$browser", Limit: 20},
		"timeline":    explore.Timeline{Visitor: "u'1", Before: scope().To, Limit: 100},
		// What a store does in its own way, people are not shown; it is looked at all the same.
		"own_trend":     own{explore.Trend{Scope: utc(), Selection: bought, Measure: "visitors", Interval: "day", Split: "plan"}, way()},
		"own_minutes":   own{explore.Trend{Scope: utc(), Measure: "visitors", Interval: "minute"}, way()},
		"own_events":    own{explore.Trend{Scope: utc(), Measure: "events", Interval: "day"}, way()},
		"own_funnel":    own{explore.Funnel{Scope: utc(), Steps: []explore.Selection{{Event: "viewed"}, bought, {Event: "thanked"}}, Within: 3600}, way()},
		"own_retention": own{explore.Retention{Scope: scope(), First: explore.Selection{Event: "signed up"}, Back: bought, Interval: "week"}, way()},
		"own_top":       own{explore.Top{Scope: scope(), Property: "plan", Limit: 20}, way()},
		"timeline_on":   explore.Timeline{Visitor: "u1", Behind: 41, Limit: 100},
	} {
		sql, err := q.SQL()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		path := filepath.Join("testdata", name+".sql")
		if *update {
			if err := os.WriteFile(path, []byte(sql+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil || string(want) != sql+"\n" {
			t.Errorf("%s is not what %s has (%v):\n%s", name, path, err, sql)
		}
	}
}

func TestMistakesAreNamedByTheirPlace(t *testing.T) {
	ok := explore.Selection{Event: "x"}
	late := scope()
	late.From, late.To = late.To, late.From
	long := scope()
	long.From = long.From.AddDate(-20, 0, 0)
	nowhere := scope()
	nowhere.Zone = "Europe/Atlantis'"
	where := func(c explore.Condition) explore.Selection { return explore.Selection{Where: []explore.Condition{c}} }
	for field, q := range map[string]question{
		"from":              explore.Trend{Measure: "events", Interval: "day"},
		"to":                explore.Top{Scope: late, Property: "p", Limit: 1},
		"from ":             explore.Top{Scope: long, Property: "p", Limit: 1},
		"zone":              explore.Trend{Scope: nowhere, Measure: "events", Interval: "day"},
		"interval":          explore.Trend{Scope: scope(), Measure: "events", Interval: "second"},
		"interval ":         explore.Retention{Scope: scope(), Interval: "hour"},
		"measure":           explore.Trend{Scope: scope(), Measure: "median", Interval: "day"},
		"of":                explore.Trend{Scope: scope(), Measure: "sum", Interval: "day"},
		"split":             explore.Trend{Scope: scope(), Measure: "events", Interval: "day", Split: "event.nothing"},
		"where[0].value":    explore.Trend{Scope: scope(), Measure: "events", Interval: "day", Selection: where(explore.Condition{Property: "p", Is: "more", Value: "1; DROP"})},
		"where[0].value ":   explore.Trend{Scope: scope(), Measure: "events", Interval: "day", Selection: where(explore.Condition{Property: "p", Is: "less", Value: "NaN"})},
		"where[0].is":       explore.Trend{Scope: scope(), Measure: "events", Interval: "day", Selection: where(explore.Condition{Property: "p", Is: "like"})},
		"steps":             explore.Funnel{Scope: scope(), Steps: []explore.Selection{ok}, Within: 1},
		"steps[1]":          explore.Funnel{Scope: scope(), Steps: []explore.Selection{ok, {}}, Within: 1},
		"within_seconds":    explore.Funnel{Scope: scope(), Steps: []explore.Selection{ok, ok}},
		"first.where[0].is": explore.Retention{Scope: scope(), Interval: "day", First: where(explore.Condition{Property: "p"})},
		"property":          explore.Top{Scope: scope(), Property: "a\x00b", Limit: 1},
		"limit":             explore.Top{Scope: scope(), Property: "p"},
		"visitor":           explore.Timeline{Limit: 1},
	} {
		_, err := q.SQL()
		var m *explore.Mistake
		if !errors.As(err, &m) || m.Field != strings.TrimSpace(field) || m.Message == "" {
			t.Errorf("%+v: %v, which is not about %s", q, err, field)
		}
	}
}

func TestZonesAreChecked(t *testing.T) {
	load := func(name string) error {
		_, err := time.LoadLocation(name)
		return err
	}
	for zone, ok := range map[string]bool{"": true, "UTC": true, "Europe/Berlin": true, "Local": false, "Europe/Atlantis": false} {
		if err := (explore.Span{Zone: zone}).Check(load); (err == nil) != ok {
			t.Errorf("%q: %v", zone, err)
		}
	}
}

// Whatever is written into a question stays within quotes.
func FuzzQuotes(f *testing.F) {
	f.Add("a'b", "c", "context.x'.y")
	f.Add(`\'; DROP TABLE events; --`, "$''", "event.user")
	f.Fuzz(func(t *testing.T, event, value, property string) {
		sql, err := explore.Trend{
			Scope: scope(), Measure: "events", Interval: "day", Split: property,
			Selection: explore.Selection{Event: event, Where: []explore.Condition{{Property: property, Is: "equal", Value: value}}},
		}.SQL()
		if err != nil {
			return
		}
		plain, err := explore.Trend{
			Scope: scope(), Measure: "events", Interval: "day", Split: "x",
			Selection: explore.Selection{Event: "x", Where: []explore.Condition{{Property: "x", Is: "equal", Value: "x"}}},
		}.SQL()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(property, "context.") || strings.HasPrefix(property, "event.") || event == "" {
			return // of another shape
		}
		if got, want := outside(sql), outside(plain); got != want {
			t.Errorf("outside of quotes there is\n%s\nand not\n%s", got, want)
		}
	})
}

// outside is a text of SQL without what is between quotes.
func outside(sql string) string {
	var b strings.Builder
	quoted := false
	for _, r := range sql {
		if r == '\'' {
			quoted = !quoted
			continue
		}
		if !quoted {
			b.WriteRune(r)
		}
	}
	return b.String()
}
