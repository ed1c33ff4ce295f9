package check

import (
	"context"
	"encoding/json"
	"io"
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

// limitRequest is a check.
type limitRequest struct {
	AcquireAmount        *int64   `json:"acquireAmount"` // 1 when left out
	Groups               []string `json:"groups"`
	AllowPartialResponse bool     `json:"allowPartialResponse"`
	LimitCombiner        string   `json:"limitCombiner"`
	PersistRequest       *bool    `json:"persistRequest"` // true when left out
}

// limitResponse is its answer, and what is sent to return what was taken.
type limitResponse struct {
	Passed        bool   `json:"passed"`
	Amount        int64  `json:"amount"`
	PolicyGroup   string `json:"policyGroup,omitempty"`
	EnforcedGroup string `json:"enforcedGroup,omitempty"`
	ExpiresAt     int64  `json:"expiresAt,omitempty"` // ms; of what can be returned
	PolicyName    string `json:"policyName,omitempty"`
	PolicyLimit   int64  `json:"policyLimit"`
	CurrentBucket int64  `json:"currentBucket"`          // what is left
	LimitResetAt  int64  `json:"limitResetAt,omitempty"` // ms
	SafetyLevel   string `json:"safetyLevel,omitempty"`
}

const (
	bestEffort = "L4_BEST_EFFORT"
	bombproof  = "L5_BOMBPROOF"
	infinite   = "INFINITE"
	maximum    = "MAXIMUM"
	minimum    = "MINIMUM"
)

// plain serves what RateLim.it's clients call. Its errors are words and not JSON: the client for Ruby reads the body of any answer to a check, and takes an object without "passed" for a denial, whatever its caller chose.
func (d *Door) plain(do func(c Caller, w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := d.account(w, r)
		if err == nil {
			err = do(c, w, r)
		}
		if err == nil {
			return
		}
		status, text := api.Status(err)
		w.Header().Set("Cache-Control", "no-store")
		if protoIn(r) && r.Method != http.MethodGet { // see done
			w.WriteHeader(status)
		} else {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text+"\n") //nolint:gosec // plain text, which nobody guesses to be a page; who does not listen any more needs no answer
		}
		d.log(status, r, err)
	}
}

// account finds whose key a client of RateLim.it brings, whose account is the app.
func (d *Door) account(w http.ResponseWriter, r *http.Request) (Caller, error) {
	name, sent, _ := r.BasicAuth()
	c, ok := d.Key(sent)
	if !ok || c.App != name {
		w.Header().Set("WWW-Authenticate", `Basic realm="limits"`)
		return c, fault.Unauthorized("send HTTP Basic with the app's name as the account, and one of the app's keys for servers as the password")
	}
	return c, nil
}

// protoIn tells whether a request is protobuf, and protoOut whether its answer is to be. The client for Java says the first of all requests, also of those that send nothing, and nothing of answers.
func protoIn(r *http.Request) bool { return strings.Contains(r.Header.Get("Content-Type"), "protobuf") }

func protoOut(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.Contains(accept, "protobuf") || protoIn(r) && !strings.Contains(accept, "json")
}

// message is what comes in either encoding.
type message interface{ unmarshalProto(b []byte) error }

func receive(w http.ResponseWriter, r *http.Request, into message) error {
	return read(w, r, func(b []byte) error {
		if protoIn(r) {
			if err := into.unmarshalProto(b); err != nil {
				return api.Malformed("the body is not the protobuf message that belongs here: " + err.Error())
			}
			return nil
		}
		if err := json.Unmarshal(b, into); err != nil { // what clients send beside is their own affair
			return api.Malformed("the body is not what is asked for here: " + strings.TrimPrefix(err.Error(), "json: "))
		}
		return nil
	})
}

func send(w http.ResponseWriter, r *http.Request, v interface{ marshalProto(b []byte) []byte }) {
	if !protoOut(r) {
		writeJSON(w, v)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(v.marshalProto(nil)) // who does not listen any more needs no answer
}

// limitCheck is POST /api/v1/limitcheck. Of several groups MINIMUM takes of all if all have it, and MAXIMUM of the one that has most.
func (d *Door) limitCheck(c Caller, w http.ResponseWriter, r *http.Request) error {
	var in limitRequest
	if err := receive(w, r, &in); err != nil {
		return err
	}
	amount := int64(1)
	if in.AcquireAmount != nil {
		amount = *in.AcquireAmount
	}
	if amount < 1 {
		return fault.Invalid("acquireAmount is 1 or more, not %d", amount).At("acquireAmount")
	}
	set := d.Limits.For(c.App, c.Env)
	asks := make([]takes.Ask, len(in.Groups))
	for i, g := range in.Groups {
		var err error
		if asks[i], err = d.ask(set, g, amount, in.AllowPartialResponse); err != nil {
			return err
		}
	}
	look := in.PersistRequest != nil && !*in.PersistRequest
	var which int
	var a rate.Answer
	var err error
	switch in.LimitCombiner {
	case "", maximum:
		which, a, err = d.best(r.Context(), asks, look)
	case minimum:
		which, a, err = d.every(r.Context(), asks, look)
	default:
		err = fault.Invalid("a limitCombiner is MINIMUM or MAXIMUM, not %q", short(in.LimitCombiner)).At("limitCombiner")
	}
	if err != nil {
		return err
	}
	d.sendResponse(w, r, asks[which], a)
	return nil
}

// best asks the group that has most.
func (d *Door) best(ctx context.Context, asks []takes.Ask, look bool) (which int, a rate.Answer, err error) {
	if len(asks) > 1 || look {
		answers, err := d.look(ctx, asks)
		if err != nil {
			return 0, a, err
		}
		for i := range answers {
			if answers[i].Left > answers[which].Left {
				which = i
			}
		}
		if look {
			return which, would(answers[which], asks[which]), nil
		}
	}
	if err := takes.Check(asks); err != nil {
		return 0, a, err
	}
	var one [1]rate.Answer
	err = d.take(ctx, asks[which:which+1], one[:])
	return which, one[0], err
}

// every asks all, and answers for the one that decides: which denies, or has least left.
func (d *Door) every(ctx context.Context, asks []takes.Ask, look bool) (which int, a rate.Answer, err error) {
	answers := make([]rate.Answer, len(asks))
	if look {
		if answers, err = d.look(ctx, asks); err == nil {
			for i := range answers {
				answers[i] = would(answers[i], asks[i])
			}
		}
	} else {
		err = d.take(ctx, asks, answers)
	}
	if err != nil {
		return 0, a, err
	}
	for i := range answers {
		if w := answers[which]; !answers[i].Passed && w.Passed || answers[i].Passed == w.Passed && answers[i].Left < w.Left {
			which = i
		}
	}
	return which, answers[which], nil
}

func (d *Door) look(ctx context.Context, asks []takes.Ask) ([]rate.Answer, error) {
	looks := append([]takes.Ask(nil), asks...)
	for i := range looks {
		looks[i].Amount = 0
	}
	answers := make([]rate.Answer, len(asks))
	return answers, d.take(ctx, looks, answers)
}

// would is what a look says of a take.
func would(a rate.Answer, ask takes.Ask) rate.Answer {
	a.Got = min(ask.Amount, a.Left)
	if a.Got < ask.Amount && !ask.Partial {
		a.Got = 0
	}
	if a.Over = a.Got == 0; a.Over && ask.Limit.For(ask.Group).Limit.Shadow {
		a.Got = ask.Amount
	}
	a.Passed = a.Got > 0
	return a
}

func (d *Door) sendResponse(w http.ResponseWriter, r *http.Request, ask takes.Ask, a rate.Answer) {
	def := ask.Limit.For(ask.Group).Limit
	out := limitResponse{Passed: a.Passed, Amount: a.Got, PolicyGroup: ask.Limit.Group, EnforcedGroup: ask.Group, ExpiresAt: a.Ends / int64(time.Millisecond), PolicyLimit: def.Amount, CurrentBucket: a.Left, SafetyLevel: safety(def)}
	if out.PolicyName = policyOf(def.Unit); def.Kind == rate.Ever {
		out.PolicyName = infinite
	}
	reset := a.Full
	if !a.Passed {
		reset = a.Next
	}
	if reset != rate.Never {
		out.LimitResetAt = (reset + int64(time.Millisecond) - 1) / int64(time.Millisecond)
	}
	// The client for Ruby denies by itself until then, whatever it is asked: it is told only where nothing at all is left.
	if !a.Passed && a.Left == 0 && out.LimitResetAt > 0 && def.Kind != rate.Concurrent { // what is out may be returned at any time
		w.Header()["X-Rate-Limit-Reset"] = []string{strconv.FormatInt(out.LimitResetAt, 10)}
	}
	send(w, r, &out)
}

// limitReturn is POST /api/v1/limitreturn.
func (d *Door) limitReturn(c Caller, w http.ResponseWriter, r *http.Request) error {
	in := limitResponse{}
	if err := receive(w, r, &in); err != nil {
		return err
	}
	if in.ExpiresAt <= 0 || in.ExpiresAt > math.MaxInt64/int64(time.Millisecond) {
		return fault.Invalid("a return names what was taken by its expiresAt, as the check gave it; %d is none", in.ExpiresAt).At("expiresAt")
	}
	if in.Amount < 1 {
		return fault.Invalid("a return is of 1 or more, not %d", in.Amount).At("amount")
	}
	if err := d.put(r, c, in.EnforcedGroup, in.ExpiresAt, in.Amount); err != nil {
		return err
	}
	done(w)
	return nil
}
