package cli

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/slipwayhq/slipway/client/limit"
	"github.com/slipwayhq/slipway/internal/apptest"
)

// limited is a server whose limits the commands of the test change, and a client that takes of them.
func limited(t *testing.T) (says func(want int, line string, has ...string), take func(group string, amount int64) bool) {
	t.Helper()
	alone(t)
	s, _ := shop(t)
	t.Setenv("SLIPWAY_APP", "shop")
	says = func(want int, line string, has ...string) {
		t.Helper()
		status, out, errs := run(t, "", strings.Fields(line)...)
		said := strings.Join(strings.Fields(out+errs), " ")
		if status != want {
			t.Fatalf("slipway %s: status %d, %s", line, status, said)
		}
		for _, text := range has {
			if !strings.Contains(said, text) {
				t.Errorf("slipway %s: %q is missing in: %s", line, text, said)
			}
		}
	}
	return says, taker(t, s)
}

func taker(t *testing.T, s *apptest.Server) func(group string, amount int64) bool {
	t.Helper()
	var made struct{ Key string }
	s.Must(t, "POST", "/v1/apps/shop/keys", map[string]any{"name": "backend", "kind": "server", "environment": "production"}, &made)
	c, err := limit.New(limit.Options{URL: s.URL(), Key: made.Key, OnError: limit.Throw, Timeout: time.Minute})
	must(t, err)
	return func(group string, amount int64) bool {
		t.Helper()
		a, err := c.Take(t.Context(), limit.Ask{Group: group, Amount: amount})
		must(t, err)
		return a.Passed
	}
}

func TestLimitsFromTheCommandLine(t *testing.T) {
	says, take := limited(t)
	says(exitDone, "limit list", "none; make the first one by")
	says(exitFailed, "limit set api", "a new limit needs to know how much")
	says(exitDone, "limit set api --per-day 100 --burst 20 --note search", "api: 100 a day, 20 at once")
	says(exitDone, "limit set api:heavy --amount 5 --unit week --kind calendar --zone Europe/Berlin --exact", "api:heavy: 5 each week of the calendar in Europe/Berlin")
	says(exitDone, "limit set mail --kind ever --amount 1", "mail: 1 ever")
	says(exitDone, "limit set jobs --kind concurrent --amount 3 --hold 30s", "jobs: 3 at once, each for 30 seconds at most")
	says(exitDone, "limit list", "GROUP LIMIT ASKS DENIED NEAR OVERRIDES NOTE api 100 a day, 20 at once 0 0 0 0 search api:heavy 5 each")

	for range 3 {
		take("api:ana", 8)
	}
	take("api:bo", 1)
	says(exitDone, "limit show api", "in production in the last 1h: 4 asks, 1 denied, 1 near the limit, 17 given", "MOST-ASKS ASKS GIVEN DENIED NEAR api:ana 3 16 1", "MOST-DENIED ASKS GIVEN DENIED NEAR api:ana 3 16 1")
	says(exitDone, "limit list --json", `"asks": 4`)
	says(exitDone, "limit show api ana", "api:ana has 4 of 20 left in production, all at", "api gives 100 a day, 20 at once")
	says(exitDone, "limit show api api:ana --json", `"left": 4`)
	says(exitDone, "limit check api:ana --amount 4", "yes: api:ana has 4 of 20 left")
	says(exitFailed, "limit check api:ana --amount 5", "no: api:ana has 4 of 20 left", "5 of api:ana cannot be had now")
	says(exitDone, "limit check api:heavy:ana", "yes: api:heavy:ana has 5 of 5 left")
	says(exitFailed, "limit check apis", "no limit is defined")
	says(exitFailed, "limit check api:ana --amount 0", "1 at least")
	if take("api:ana", 5) || !take("api:ana", 4) {
		t.Error("a look took something, or said what is not so")
	}

	says(exitDone, "limit override api ana --amount 1000 --burst 500 --for 7d -m sale", "api:ana: 1,000 instead of 100, until ")
	if !take("api:ana", 400) {
		t.Error("an override does not hold at once")
	}
	says(exitDone, "limit show api", "OVERRIDDEN AMOUNT UNTIL BY WHY api:ana 1,000")
	says(exitDone, "limit show api ana", "of 500 left", "it has 1,000 instead until", "(sale)")
	says(exitFailed, "limit override api ana --amount 1000 --for soon", `"soon" is no length of time`)
	says(exitDone, "limit lift api ana", "api:ana has the amount of api again")
	says(exitFailed, "limit lift api ana", "no override")
	if take("api:ana", 1) {
		t.Error("a lifted override holds on")
	}
	says(exitDone, "limit reset api ana -m oops", "api:ana has 20 left in production")

	// What is not named stays; another kind keeps what it can have.
	says(exitDone, "limit set api --shadow", "api: 100 a day, 20 at once; counts only")
	says(exitDone, "limit set api --no-shadow --per-hour 50", "api: 50 an hour, 20 at once")
	says(exitDone, "limit set api --every 2", "api: 50 in 2 hours, 20 at once")
	says(exitDone, "limit set api --kind calendar", "api: 50 each hour of the calendar")
	says(exitFailed, "limit set api --per-day 5 --unit week", "--per-day says the unit")
	says(exitFailed, "limit set jobs --per-day 5", "say it by --amount 5")
	says(exitDone, "limit set jobs --refill 60 --unit hour", "jobs: 3 at once, refilled by 60 an hour")
	says(exitDone, "limit set jobs --hold 1m", "jobs: 3 at once, each for 1 minute at most")
	says(exitFailed, "limit set api --zone Nowhere/Land", "there is no zone")
	says(exitFailed, "limit show nothing", "nothing")

	says(exitDone, "limit rm api:heavy -m done", "api:heavy is not limited any more; it was: 5 each week")
	says(exitFailed, "limit rm api:heavy", "api:heavy")
}

func TestLimitsAreTriedFromTheCommandLine(t *testing.T) {
	says, take := limited(t)
	says(exitDone, "limit set api --per-day 100", "api: 100 a day")
	says(exitDone, "limit simulate api", "nothing was asked of api in production in the last 7d")
	for range 5 {
		take("api:ana", 1)
	}
	take("api:bo", 1)
	simulated := func() (sim struct {
		Was    struct{ Asks int }
		Denied int
	}) {
		_, out, errs := run(t, "", "limit", "simulate", "api", "--per-day", "2", "--json")
		if err := json.Unmarshal([]byte(out), &sim); err != nil {
			t.Fatal(out, errs)
		}
		return sim
	}
	for simulated().Was.Asks < 6 { // what was taken is written down a moment later
		if t.Context().Err() != nil {
			t.Fatal("it never came")
		}
	}
	if got := simulated(); got.Denied != 3 {
		t.Errorf("%+v", got)
	}
	says(exitDone, "limit simulate api --per-day 2", "2 keys of api asked 6 times", "2 a day would have denied 3 of them, to 1 key; 0 were denied", "KEY ASKS WOULD-BE-DENIED WAS-DENIED api:ana 5 3 0")
	says(exitDone, "limit simulate api", "100 a day would have denied 0 of them")
	says(exitFailed, "limit simulate other", "needs to know how much")
}
