package flags_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// Last week's visitors are counted by what their events say of them, the newest first.
func TestWhomARuleWouldTake(t *testing.T) {
	for name, engine := range engines(t) {
		t.Run(name, func(t *testing.T) {
			w := open(t, engine(t))
			w.ok("POST", "/v1/apps/shop/flags", `{"name":"cart"}`, nil)
			now := time.Now().UTC().Truncate(time.Microsecond)
			var events []capture.Event
			for i := range 100 {
				country := "DK"
				if i%4 == 0 {
					country = "SE"
				}
				events = append(events, capture.Event{Kind: capture.Track, Name: "seen", User: fmt.Sprint("u", i), Time: now.Add(-time.Hour), Properties: json.RawMessage(`{"plan":"free"}`), Context: json.RawMessage(`{"locale":"da-DK","traits":{"country":"` + country + `"}}`)})
			}
			// One has moved since, one said so when they were identified; one came too long ago, one is nobody known.
			events = append(events,
				capture.Event{Kind: capture.Track, Name: "seen", User: "u1", Time: now, Context: json.RawMessage(`{"traits":{"country":"SE"}}`)},
				capture.Event{Kind: capture.Identify, User: "u2", Time: now, Properties: json.RawMessage(`{"country":"SE"}`)},
				capture.Event{Kind: capture.Track, Name: "seen", User: "old", Time: now.Add(-8 * 24 * time.Hour), Context: json.RawMessage(`{"traits":{"country":"SE"}}`)},
			)
			w.store(events...)
			var p struct {
				Fault, Path         string
				Visitors, Otherwise int64
				Sampled             int
				Rules               []int64
				Attributes          []struct {
					Name     string
					Visitors int64
					Examples []string
				}
			}
			const path = "/v1/apps/shop/environments/production/flags/cart/previews"
			w.ok("POST", path, `{"on":true,"default":false,"visitors":true,"rules":[{"condition":{"country":"SE"},"force":true},{"condition":{"language":"da","plan":"free"},"force":true},{"condition":{"nothing":1},"force":true}]}`, &p)
			if p.Fault != "" || p.Visitors != 100 || p.Sampled != 100 || fmt.Sprint(p.Rules) != "[27 73 0]" || p.Otherwise != 0 {
				t.Errorf("%+v", p)
			}
			known := map[string]string{}
			for _, a := range p.Attributes {
				known[a.Name] = fmt.Sprint(a.Visitors, a.Examples)
			}
			if known["country"] != `100 ["DK" "SE"]` || known["language"] != `100 ["da"]` || known["plan"] != `100 ["free"]` {
				t.Errorf("%v", known)
			}
			p.Rules = nil
			w.ok("POST", path, `{"on":true,"rules":[{"force":true},{"condition":{"country":{"$im":"SE"}},"force":true}],"visitors":true}`, &p)
			if p.Path != "rules[1].condition.country.$im" || p.Rules != nil {
				t.Errorf("%+v", p)
			}
			w.ok("POST", path, `{"on":false,"visitors":true}`, &p)
			if f, err := w.flags.Find(t.Context(), "shop", "cart"); err != nil || len(f.States) != 0 {
				t.Errorf("a preview was kept: %+v, %v", f, err)
			}
		})
	}
}

// Thousands of visitors are counted by a sample of them.
func TestManyVisitorsAreSampled(t *testing.T) {
	w := open(t, engines(t)["duck"](t))
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"cart"}`, nil)
	var events []capture.Event
	now := time.Now().UTC()
	for i := range 20_000 {
		events = append(events, capture.Event{Kind: capture.Track, Name: "seen", User: fmt.Sprint("visitor-", i), Time: now, Properties: json.RawMessage(fmt.Sprintf(`{"tenth":%t}`, i%10 == 0))})
	}
	w.store(events...)
	var p struct {
		Visitors, Otherwise int64
		Sampled             int
		Rules               []int64
	}
	w.ok("POST", "/v1/apps/shop/environments/production/flags/cart/previews", `{"on":true,"visitors":true,"rules":[{"condition":{"tenth":true},"force":true}]}`, &p)
	if p.Visitors != 20_000 || p.Sampled < 1000 || p.Sampled > 1500 || p.Rules[0] < 1200 || p.Rules[0] > 2900 || p.Rules[0]+p.Otherwise != p.Visitors {
		t.Errorf("%+v", p)
	}
}

func TestFlagsByTheAPI(t *testing.T) {
	w := open(t, engines(t)["duck"](t))
	const at = "/v1/apps/shop/environments/production/flags/cart"
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"cart","owner":"ana","states":{"production":{"on":true,"default":false}}}`, nil)
	w.refused(404, "nowhere", "POST", "/v1/apps/shop/flags", `{"name":"other","states":{"nowhere":{"on":true}}}`)
	w.refused(409, "already", "POST", "/v1/apps/shop/flags", `{"name":"cart"}`)
	w.refused(428, "If-Match", "PUT", at, `{"on":false}`)
	w.refused(412, "changed", "PUT", at, `{"on":false}`, "If-Match", `"0"`)
	res := w.ok("GET", at, "", nil)
	res = w.ok("PUT", at, `{"on":true,"default":true,"reason":"why not"}`, nil, "If-Match", res.Header.Get("ETag"))
	w.refused(422, "rules[0].condition", "PUT", at, `{"on":true,"rules":[{"condition":{"a":{"$im":1}},"force":true}]}`, "If-Match", res.Header.Get("ETag"))

	var list struct {
		Items []struct {
			ID, Name string
			Kind     string
			Stale    map[string]string
			Needs    struct{ Flags, By []string }
		}
	}
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"leaf","states":{"production":{"on":true,"rules":[{"parentConditions":[{"id":"cart","condition":{"value":true}}],"force":true}]}}}`, nil)
	if w.ok("GET", "/v1/apps/shop/flags", "", &list); len(list.Items) != 2 || fmt.Sprint(list.Items[0].Needs.By, list.Items[1].Needs.Flags) != "[leaf] [cart]" {
		t.Errorf("%+v", list)
	}
	w.refused(409, "leaf asks first what cart gives", "POST", "/v1/apps/shop/flags/cart/changes", `{"change":"archive"}`)

	var changes struct {
		Items []struct{ ID, Words, By, Reason string }
	}
	w.ok("GET", "/v1/apps/shop/flags/cart/changes", "", &changes)
	if len(changes.Items) != 3 || changes.Items[0].Words != "default false → true" || changes.Items[0].Reason != "why not" {
		t.Errorf("%+v", changes)
	}
	w.ok("POST", "/v1/apps/shop/flags/cart/changes", `{"change":"restore","restored":"`+changes.Items[1].ID+`"}`, nil)
	var tried struct {
		Flags []struct {
			Flag, By string
			Value    any
		}
	}
	w.ok("POST", "/v1/apps/shop/environments/production/evaluations", `{"attributes":{"id":"u"}}`, &tried)
	if fmt.Sprint(tried.Flags) != "[{cart default false} {leaf default false}]" {
		t.Errorf("%+v", tried)
	}
	var marks struct {
		Items []struct{ Name, Words string }
	}
	if w.ok("GET", "/v1/apps/shop/flag-changes?environment=production", "", &marks); len(marks.Items) != 4 || marks.Items[1].Words != "default false → true" {
		t.Errorf("%+v", marks)
	}
	var refs struct {
		Refs    []struct{ Flag, Path string }
		Unnamed []string
	}
	if w.ok("GET", "/v1/apps/shop/flag-refs", "", &refs); fmt.Sprint(refs) != "{[{cart shop.go}] [leaf]}" {
		t.Errorf("%+v", refs)
	}
	w.refused(404, "nothing", "GET", "/v1/apps/shop/flag-refs?flag=nothing", "")
}

// The right to deploy in one environment is none for plans and ramps of another.
func TestPlansAndRampsBelongToTheirEnvironment(t *testing.T) {
	w := open(t, engines(t)["duck"](t))
	w.ok("POST", "/v1/apps/shop/environments", `{"name":"staging","branch":"next"}`, nil)
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"cart"}`, nil)
	var plan, ramp struct{ ID string }
	res := w.ok("POST", "/v1/apps/shop/environments/production/flags/cart/plans", `{"on":true,"wall":"2999-01-01T00:00","zone":"UTC"}`, &plan, "If-Match", "*")
	w.refused(404, "in staging", "POST", "/v1/apps/shop/environments/staging/plans/"+plan.ID+"/decisions", `{"decision":"refuse"}`, "If-Match", "*")
	// Who edits a plan has to have seen what the flag is now.
	w.ok("PUT", "/v1/apps/shop/environments/production/flags/cart", `{"on":false,"default":false}`, nil, "If-Match", "*")
	edit := `{"on":true,"wall":"2999-02-01T00:00","zone":"UTC"%s}`
	w.refused(409, "somebody else", "PUT", "/v1/apps/shop/environments/production/plans/"+plan.ID, fmt.Sprintf(edit, ""), "If-Match", "*")
	res = w.ok("PUT", "/v1/apps/shop/environments/production/plans/"+plan.ID, fmt.Sprintf(edit, `,"revision":1`), nil, "If-Match", res.Header.Get("ETag"))
	w.ok("POST", "/v1/apps/shop/environments/production/plans/"+plan.ID+"/decisions", `{"decision":"refuse"}`, nil, "If-Match", res.Header.Get("ETag"))
	w.ok("POST", "/v1/apps/shop/environments/production/flags/cart/ramps", `{"vitals":[{"event":"order_completed"}]}`, &ramp)
	w.refused(404, "in staging", "POST", "/v1/apps/shop/environments/staging/ramps/"+ramp.ID+"/commands", `{"command":"pause"}`)
	w.ok("POST", "/v1/apps/shop/environments/production/ramps/"+ramp.ID+"/commands", `{"command":"return"}`, nil)
}

// A list of flags may be as large as all that an export gives; other bodies, and those of strangers, may not.
func TestALargeListIsTaken(t *testing.T) {
	w := open(t, engines(t)["duck"](t))
	users := make([]string, 200)
	for i := range users {
		users[i] = strings.Repeat(string(rune('a'+i%26)), 8000) + strconv.Itoa(i)
	}
	raw, err := json.Marshal(users)
	if err != nil {
		t.Fatal(err)
	}
	list := `{"flags":[{"name":"many","states":{"production":{"on":true,"audience":{"users":` + string(raw) + `}}}}]}`
	var told struct {
		Steps []struct {
			Do string `json:"do"`
		} `json:"steps"`
	}
	w.ok("POST", "/v1/apps/shop/flag-lists", list, &told)
	if len(told.Steps) != 2 || told.Steps[0].Do != "create" {
		t.Errorf("%+v", told)
	}
	w.ok("POST", "/v1/apps/shop/flag-lists", list, &told, "Idempotency-Key", "k1")
	w.refused(413, "too_large", "POST", "/v1/apps/shop/flags", list)
	w.refused(401, "sign in first", "POST", "/v1/apps/shop/flag-lists", list, "Authorization", "")
}

// What is tried says which rule decided, also one without an id, and what has no rules.
func TestTrySaysWhatDecided(t *testing.T) {
	w := open(t, engines(t)["duck"](t))
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"cart","states":{"production":{"on":true,"default":false,"rules":[{"condition":{"id":"x"},"force":true},{"force":true}]}}}`, nil)
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"maintenance","kind":"switch","states":{"production":{"on":true}}}`, nil)
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"trace","kind":"sample","states":{"production":{"on":true,"percent":5.5}}}`, nil)
	var tried struct {
		Flags []struct {
			By      string
			Place   int
			Percent float64
		}
	}
	const at = "/v1/apps/shop/environments/production/evaluations"
	w.ok("POST", at, `{"attributes":{"id":"u"},"flags":["cart","switch:maintenance","trace"]}`, &tried)
	if fmt.Sprint(tried.Flags) != "[{force 2 0} {switch 0 0} {sample 0 5.5}]" {
		t.Errorf("%+v", tried)
	}
	w.refused(404, "switch:cart", "POST", at, `{"attributes":{},"flags":["switch:cart"]}`)
}

// A ramp by an event that nobody sends is started with a warning; what is under way stands beside its flag.
func TestARampIsWarnedOf(t *testing.T) {
	for name, engine := range engines(t) {
		t.Run(name, func(t *testing.T) {
			w := open(t, engine(t))
			w.ok("POST", "/v1/apps/shop/flags", `{"name":"cart"}`, nil)
			now := time.Now().UTC()
			w.store(capture.Event{Kind: capture.Track, Name: "order_completed", User: "u", Time: now}, capture.Event{Kind: capture.Track, Name: "long_ago", User: "u", Time: now.Add(-8 * 24 * time.Hour)}, capture.Event{Kind: capture.Page, User: "u", Time: now})
			var r struct {
				ID       string
				Warnings []string
			}
			w.ok("POST", "/v1/apps/shop/environments/production/flags/cart/ramps", `{"vitals":[{"event":"order_completed"},{"event":"page"},{"event":"order_cmpltd"},{"event":"long_ago"}]}`, &r)
			if len(r.Warnings) != 2 || !strings.Contains(r.Warnings[0], "no order_cmpltd came") || !strings.Contains(r.Warnings[1], "no long_ago came") {
				t.Errorf("%q", r.Warnings)
			}
			var f struct {
				Ramps map[string]struct {
					Ramp    string
					Share   float64
					Beneath struct{ On bool }
				}
			}
			w.ok("GET", "/v1/apps/shop/flags/cart", "", &f)
			if u := f.Ramps["production"]; u.Ramp != r.ID || u.Share != 0.01 || u.Beneath.On {
				t.Errorf("%+v", f)
			}
		})
	}
}

// Of a flag that is out of use code may be left.
func TestRefsOfWhatIsOutOfUse(t *testing.T) {
	w := open(t, engines(t)["duck"](t))
	w.ok("POST", "/v1/apps/shop/flags", `{"name":"cart"}`, nil)
	w.ok("POST", "/v1/apps/shop/flags/cart/changes", `{"change":"archive"}`, nil)
	var refs struct{ Refs []struct{ Path string } }
	if w.ok("GET", "/v1/apps/shop/flag-refs?flag=cart", "", &refs); len(refs.Refs) != 1 {
		t.Errorf("%+v", refs)
	}
	w.refused(404, "nope", "GET", "/v1/apps/shop/flag-refs?flag=nope", "")
}
