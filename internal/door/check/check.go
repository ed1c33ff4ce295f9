package check

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// asked is the body of a check: one group, or several of which all have to pass.
type asked struct {
	Group   string     `json:"group"`
	Amount  *int64     `json:"amount"` // 1 when left out
	Partial bool       `json:"partial"`
	Groups  []oneAsked `json:"groups"`
}

type oneAsked struct {
	Group   string `json:"group"`
	Amount  *int64 `json:"amount"`
	Partial bool   `json:"partial"`
}

// answered is the answer to a check.
type answered struct {
	Passed bool         `json:"passed"`
	Groups []oneAnswer  `json:"groups"`
	one    [1]oneAnswer // the memory of Groups, most often
}

type oneAnswer struct {
	Group      string     `json:"group"`
	Limit      string     `json:"limit"`
	Kind       rate.Kind  `json:"kind"` // by which a client knows what it may take ahead of need
	Passed     bool       `json:"passed"`
	Amount     int64      `json:"amount"`
	Left       int64      `json:"left"`
	Near       bool       `json:"near,omitempty"`
	Over       bool       `json:"over,omitempty"`
	RetryAfter *float64   `json:"retry_after_seconds,omitempty"`
	Full       *float64   `json:"full_after_seconds,omitempty"`
	Lease      string     `json:"lease,omitempty"`
	LeaseEnds  *time.Time `json:"lease_ends_at,omitempty"`
}

// check is POST /v1/limits/check.
func (d *Door) check(w http.ResponseWriter, r *http.Request) error {
	caller, err := d.caller(r)
	if err != nil {
		return err
	}
	var in asked
	if err := read(w, r, func(b []byte) error { return decode(b, &in) }); err != nil {
		return err
	}
	list, err := in.list()
	if err != nil {
		return err
	}
	set := d.Limits.For(caller.App, caller.Env)
	asks, answers := make([]takes.Ask, len(list)), make([]rate.Answer, len(list))
	for i, one := range list {
		amount := int64(1)
		if one.Amount != nil {
			amount = *one.Amount
		}
		if asks[i], err = d.ask(set, one.Group, amount, one.Partial); err != nil {
			return err
		}
	}
	if err := d.take(r.Context(), asks, answers); err != nil {
		return err
	}
	d.tell(w, asks, answers)
	return nil
}

func (in *asked) list() ([]oneAsked, error) {
	switch {
	case in.Group != "" && len(in.Groups) > 0:
		return nil, fault.Invalid("a check names one group, or several in groups; not both").At("groups")
	case in.Group != "":
		return []oneAsked{{in.Group, in.Amount, in.Partial}}, nil
	case len(in.Groups) == 0:
		return nil, fault.Invalid(`a check names the group that asks, as in {"group": "api:search:ana"}`).At("group")
	case in.Amount != nil || in.Partial:
		return nil, fault.Invalid("where several groups are asked, each has its own amount and partial").At("amount")
	}
	return in.Groups, nil
}

// decode reads JSON that has nothing else in it than what is known: a name that is misspelt would be taken for nothing.
func decode(b []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return api.Malformed("the body is not what is asked for here: " + strings.TrimPrefix(err.Error(), "json: "))
	}
	if dec.More() {
		return api.Malformed("there is something behind the JSON of the body")
	}
	return nil
}

func (d *Door) tell(w http.ResponseWriter, asks []takes.Ask, answers []rate.Answer) {
	now := d.Now().UnixNano()
	out := answered{Passed: true}
	out.Groups = out.one[:0]
	worst := 0
	for i := range asks {
		a := answers[i]
		one := oneAnswer{Group: asks[i].Group, Limit: asks[i].Limit.Group, Kind: asks[i].Limit.Rule.Limit.Kind, Passed: a.Passed, Amount: a.Got, Left: a.Left, Near: a.Near, Over: a.Over, Full: seconds(a.Full, now)}
		if a.Over {
			one.RetryAfter = seconds(a.Next, now)
		}
		if a.Ends != 0 {
			ends := time.Unix(0, a.Ends).UTC()
			one.Lease, one.LeaseEnds = strconv.FormatInt(a.Ends/int64(time.Millisecond), 10), &ends
		}
		out.Passed = out.Passed && a.Passed
		out.Groups = append(out.Groups, one)
		if a.Passed == answers[worst].Passed && a.Left < answers[worst].Left || !a.Passed && answers[worst].Passed {
			worst = i
		}
	}
	h := w.Header()
	policy, state := Headers(asks[worst].Limit.Group, asks[worst].Limit.For(asks[worst].Group), answers[worst], now)
	h["Ratelimit-Policy"], h["Ratelimit"] = []string{policy}, []string{state}
	writeJSON(w, &out)
}

// seconds is how long it is until a time; nil: for ever.
func seconds(at, now int64) *float64 {
	if at == rate.Never {
		return nil
	}
	s := float64(max(at-now, 0)) / 1e9
	return &s
}

func writeJSON(w http.ResponseWriter, v any) {
	h := w.Header()
	h["Content-Type"], h["Cache-Control"] = []string{"application/json"}, []string{"no-store"}
	_ = json.NewEncoder(w).Encode(v) // who does not listen any more needs no answer
}

// returned is the body of a return.
type returned struct {
	Group  string `json:"group"`
	Lease  string `json:"lease"`
	Amount int64  `json:"amount"` // 0: all of it
}

// giveBack is POST /v1/limits/return.
func (d *Door) giveBack(w http.ResponseWriter, r *http.Request) error {
	caller, err := d.caller(r)
	if err != nil {
		return err
	}
	var in returned
	if err := read(w, r, func(b []byte) error { return decode(b, &in) }); err != nil {
		return err
	}
	ends, err := strconv.ParseInt(in.Lease, 10, 64)
	if err != nil {
		return fault.Invalid("a return names the lease that the check gave; %q is none", short(in.Lease)).At("lease")
	}
	if err := d.put(r, caller, in.Group, ends, in.Amount); err != nil {
		return err
	}
	writeJSON(w, map[string]bool{"returned": true})
	return nil
}

// put gives back what was taken, by the millisecond at which it ends.
func (d *Door) put(r *http.Request, caller Caller, group string, ends, amount int64) error {
	if amount < 0 {
		return fault.Invalid("a return is of 1 or more, and of all without an amount; %d is neither", amount).At("amount")
	}
	ask, err := d.ask(d.Limits.For(caller.App, caller.Env), group, amount, false)
	if err != nil {
		return err
	}
	if ask.Limit.Rule.Limit.Kind != rate.Concurrent {
		return fault.Invalid("what is taken of %q does not come back by a return: its limit is %s", short(group), ask.Limit.Rule.Limit.Kind).At("group")
	}
	ok := false
	if ends > 0 && ends <= math.MaxInt64/int64(time.Millisecond) { // else it is the end of none
		ok, err = d.Store.Return(r.Context(), ask, ends*int64(time.Millisecond))
	}
	if err = unavailable(err); err == nil && !ok {
		err = fault.Conflict("%q has no such lease out: it was returned already, has ended by itself, was of less, or was never taken; nothing has changed", short(group)).At("lease")
	}
	return err
}
