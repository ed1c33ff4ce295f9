package check_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

type told struct {
	Passed bool
	Groups []struct {
		Group, Limit, Lease string
		Kind                rate.Kind
		Passed, Over, Near  bool
		Amount, Left        int64
		Retry               *float64 `json:"retry_after_seconds"`
		Full                *float64 `json:"full_after_seconds"`
	}
}

func (w *world) check(body string) told {
	w.Helper()
	a := w.ask("/v1/limits/check", body)
	var out told
	if err := json.Unmarshal([]byte(a.text), &out); err != nil || a.StatusCode != 200 {
		w.Fatalf("%s: %d %s", body, a.StatusCode, a.text)
	}
	return out
}

func TestCheck(t *testing.T) {
	w := newWorld(t)
	w.limit("api", rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute, Burst: 3})
	w.limit("api:search", rate.Limit{Kind: rate.Rolling, Amount: 2, Unit: rate.Minute})
	if a := w.check(`{"group":"api:ana","amount":2}`); !a.Passed || a.Groups[0].Limit != "api" || a.Groups[0].Kind != rate.Rolling || a.Groups[0].Left != 1 || a.Groups[0].Amount != 2 {
		t.Errorf("%+v", a)
	}
	a := w.ask("/v1/limits/check", `{"group":"api:ana","amount":2}`)
	if policy, state := a.Header.Get("RateLimit-Policy"), a.Header.Get("RateLimit"); policy != `"api";q=60;w=60` || state != `"api";r=1;t=1` || !strings.Contains(a.text, `"passed":false`) {
		t.Errorf("%q %q %s", policy, state, a.text)
	}
	if a := w.check(`{"group":"api:ana","amount":2,"partial":true}`); !a.Passed || a.Groups[0].Amount != 1 {
		t.Errorf("a part: %+v", a)
	}
	if a := w.check(`{"group":"api:ana","amount":0}`); a.Groups[0].Left != 0 || !a.Passed {
		t.Errorf("a look: %+v", a)
	}
	if a := w.check(`{"group":"api:search:ana"}`); a.Groups[0].Limit != "api:search" || a.Groups[0].Left != 1 {
		t.Errorf("the longest group counts: %+v", a)
	}
	// All pass or nothing is taken.
	if a := w.check(`{"groups":[{"group":"api:search:ana"},{"group":"api:ana"}]}`); a.Passed || !a.Groups[0].Passed || a.Groups[0].Amount != 0 || a.Groups[0].Left != 1 || a.Groups[1].Retry == nil {
		t.Errorf("%+v", a)
	}
	w.clock.Add(int64(time.Second))
	if a := w.check(`{"groups":[{"group":"api:search:ana"},{"group":"api:ana"}]}`); !a.Passed || a.Groups[0].Left != 0 {
		t.Errorf("%+v", a)
	}
}

func TestReturn(t *testing.T) {
	w := newWorld(t)
	w.limit("jobs", rate.Limit{Kind: rate.Concurrent, Amount: 2, HoldSeconds: 60})
	w.limit("api", rate.Limit{Kind: rate.Rolling, Amount: 2, Unit: rate.Minute})
	one := w.check(`{"group":"jobs:a"}`).Groups[0]
	w.check(`{"group":"jobs:a"}`)
	if a := w.check(`{"group":"jobs:a"}`); a.Passed || *a.Groups[0].Retry != 60 {
		t.Errorf("%+v", a)
	}
	back := fmt.Sprintf(`{"group":"jobs:a","lease":%q}`, one.Lease)
	if a := w.ask("/v1/limits/return", back); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.text)
	}
	for body, status := range map[string]int{
		back: 409, `{"group":"jobs:a","lease":"1"}`: 409, `{"group":"jobs:a","lease":"x"}`: 422, `{"group":"api:a","lease":"1"}`: 422, `{"group":"nothing","lease":"1"}`: 404, `{"group":"jobs:b","lease":"` + one.Lease + `"}`: 409,
		`{"group":"jobs:a","lease":"9223372036854775807"}`: 409,
	} {
		if a := w.ask("/v1/limits/return", body); a.StatusCode != status || !strings.Contains(a.text, "problems/") {
			t.Errorf("%s: %d %s, want %d", body, a.StatusCode, a.text, status)
		}
	}
	if a := w.check(`{"group":"jobs:a"}`); !a.Passed {
		t.Errorf("what was returned: %+v", a)
	}
}

func TestBadChecks(t *testing.T) {
	w := newWorld(t)
	w.limit("api", rate.Limit{Kind: rate.Rolling, Amount: 60, Unit: rate.Minute})
	long := strings.Repeat("x", 100_000)
	for body, want := range map[string]int{
		`{"group":"api:a","amount":-1}`: 422, `{"group":"api:a","amount":1e30}`: 400, `{"group":"api:a","amount":9223372036854775807}`: 422, `{"group":"api:a","amount":"1"}`: 400,
		`{"group":"nothing:a"}`: 404, `{"group":""}`: 422, `{}`: 422, `[]`: 400, `{`: 400, `null`: 422, `{"group":"api:a","amuont":1}`: 400, `{"group":"api:a"} {}`: 400,
		`{"group":"api:` + long + `"}`: 413, `{"group":"api:` + long[:2000] + `"}`: 422, `{"groups":[{"group":"api:a"},{"group":"api:a"}]}`: 422,
		`{"groups":[` + strings.Repeat(`{"group":"api:a"},`, 40) + `{"group":"api:b"}]}`: 422, `{"group":"api:a","groups":[{"group":"api:b"}]}`: 422,
	} {
		if a := w.ask("/v1/limits/check", body); a.StatusCode != want || !strings.Contains(a.text, "problems/") {
			t.Errorf("%.80s: %d %.300s, want %d", body, a.StatusCode, a.text, want)
		}
	}
	for _, auth := range []string{"", "Bearer x", "Basic x", key} {
		if a := w.call("POST", "/v1/limits/check", `{"group":"api:a"}`, "Authorization", auth); a.StatusCode != 401 {
			t.Errorf("%q: %d", auth, a.StatusCode)
		}
	}
	if a := w.check(`{"group":"api:a","amount":0}`); a.Groups[0].Left != 60 {
		t.Errorf("bad input took something: %+v", a)
	}
}

func TestOverrideHoldsAtOnce(t *testing.T) {
	w := newWorld(t)
	w.limit("api", rate.Limit{Kind: rate.Rolling, Amount: 10, Unit: rate.Hour})
	w.check(`{"group":"api:ana","amount":10}`)
	if a := w.check(`{"group":"api:ana"}`); a.Passed {
		t.Fatal(a)
	}
	if _, err := w.limits.Override(t.Context(), "person:bo", "shop", "api", limit.Override{Group: "api:ana", Amount: 100}); err != nil {
		t.Fatal(err)
	}
	if a := w.check(`{"group":"api:ana","amount":90}`); !a.Passed {
		t.Errorf("raised: %+v", a)
	}
	if a := w.check(`{"group":"api:ana"}`); a.Passed {
		t.Errorf("and used: %+v", a)
	}
	if a := w.check(`{"group":"api:bo","amount":11}`); a.Passed {
		t.Errorf("others have the limit: %+v", a)
	}
	if _, err := w.limits.Lift(t.Context(), "person:bo", "shop", "api", "api:ana", ""); err != nil {
		t.Fatal(err)
	}
	if a := w.check(`{"group":"api:ana"}`); a.Passed {
		t.Errorf("lifted: %+v", a)
	}
}
