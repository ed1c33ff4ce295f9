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

	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// definition is a limit as RateLim.it's clients know it.
type definition struct {
	Limit        int64  `json:"limit"`
	Group        string `json:"group"`
	Burst        int64  `json:"burst"`
	PolicyName   string `json:"policyName"`
	SafetyLevel  string `json:"safetyLevel,omitempty"`
	Returnable   bool   `json:"returnable"`
	LastModified int64  `json:"lastModified,omitempty"` // ms
}

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

// policies are the windows by their names.
func policies() map[string]rate.Unit {
	return map[string]rate.Unit{
		"SECONDLY_ROLLING": rate.Second, "MINUTELY_ROLLING": rate.Minute, "HOURLY_ROLLING": rate.Hour, "DAILY_ROLLING": rate.Day, "MONTHLY_ROLLING": rate.Month, "YEARLY_ROLLING": rate.Year,
	}
}

func policyOf(u rate.Unit) string {
	for name, unit := range policies() {
		if unit == u {
			return name
		}
	}
	return ""
}

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
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text+"\n") // who does not listen any more needs no answer
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

// proto tells whether a request is protobuf, and wants its answer so: the client for Java says it in the type of what it sends, also where it sends nothing.
func proto(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Content-Type"), "protobuf") || strings.Contains(r.Header.Get("Accept"), "protobuf")
}

// message is what comes in either encoding.
type message interface{ unmarshalProto(b []byte) error }

func receive(w http.ResponseWriter, r *http.Request, into message) error {
	return read(w, r, func(b []byte) error {
		if proto(r) {
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
	if !proto(r) {
		writeJSON(w, v)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(v.marshalProto(nil)) // who does not listen any more needs no answer
}

// define is POST and PUT /api/v1/limits: a limit that is there already is a conflict to the first, and is changed by the second.
func (d *Door) define(c Caller, w http.ResponseWriter, r *http.Request) error {
	var in definition
	if err := receive(w, r, &in); err != nil {
		return err
	}
	l, err := in.limit()
	if err != nil {
		return err
	}
	l.App = c.App
	if r.Method == http.MethodPut {
		return d.upsert(r.Context(), w, r, c, l)
	}
	if l, err = d.Limits.Create(r.Context(), "key:"+c.Name, "by a client of RateLim.it", l); err != nil {
		return err
	}
	out, _ := said(l)
	w.WriteHeader(http.StatusOK)
	send(w, r, &out)
	return nil
}

func (d *Door) upsert(ctx context.Context, w http.ResponseWriter, r *http.Request, c Caller, l limit.Limit) error {
	now, err := d.Limits.Get(ctx, c.App, l.Group)
	switch {
	case err == nil && now.Definition == l.Definition: // clients say it at each start
		l = now
	case err == nil:
		l.Revision, l.Note = now.Revision, now.Note
		l, err = d.Limits.Set(ctx, "key:"+c.Name, "by a client of RateLim.it", l)
	case fault.Is(err, fault.CodeNotFound):
		l, err = d.Limits.Create(ctx, "key:"+c.Name, "by a client of RateLim.it", l)
	}
	if err != nil {
		return err
	}
	out, _ := said(l)
	send(w, r, &out)
	return nil
}

// limit is the definition in our words.
func (in *definition) limit() (l limit.Limit, err error) {
	l.Group = in.Group
	l.Definition = rate.Limit{Amount: in.Limit, Exact: in.SafetyLevel == bombproof}
	switch in.SafetyLevel {
	case "", bestEffort, bombproof:
	default:
		return l, fault.Invalid("a safetyLevel is %s or %s, not %q", bestEffort, bombproof, short(in.SafetyLevel)).At("safetyLevel")
	}
	unit, ok := policies()[in.PolicyName]
	switch {
	case in.PolicyName == infinite && in.Returnable:
		return l, fault.Invalid("what is taken of an INFINITE limit never comes back; leave out returnable, or choose another policy").At("returnable")
	case in.PolicyName == infinite:
		l.Definition.Kind = rate.Ever
	case !ok:
		return l, fault.Invalid("a policyName is SECONDLY_ROLLING, MINUTELY_ROLLING, HOURLY_ROLLING, DAILY_ROLLING, MONTHLY_ROLLING, YEARLY_ROLLING or INFINITE, not %q", short(in.PolicyName)).At("policyName")
	case in.Returnable: // tokens that come back by a return, or as the bucket refills
		l.Definition.Kind, l.Definition.Unit, l.Definition.Refill, l.Definition.Exact = rate.Concurrent, unit, in.Limit, false
		if in.Burst > 0 {
			l.Definition.Amount = in.Burst
		}
	default:
		l.Definition.Kind, l.Definition.Unit = rate.Rolling, unit
		if in.Burst != in.Limit {
			l.Definition.Burst = in.Burst
		}
	}
	return l, nil
}

// said is a limit as RateLim.it's clients know it; ok is false where they have no words for it.
func said(l limit.Limit) (out definition, ok bool) {
	d := l.Definition
	out = definition{Limit: d.Amount, Group: l.Group, Burst: d.Burst, SafetyLevel: safety(d), LastModified: l.ChangedAt.UnixMilli()}
	switch {
	case d.Kind == rate.Ever:
		out.PolicyName, out.Burst = infinite, d.Amount
		return out, true
	case d.Kind == rate.Concurrent && d.Refill > 0:
		out.Limit, out.Burst, out.Returnable = d.Refill, d.Amount, true
	case d.Kind != rate.Rolling:
		return out, false
	}
	if out.Burst == 0 {
		out.Burst = d.Amount
	}
	out.PolicyName = policyOf(d.Unit)
	return out, out.PolicyName != "" && d.Every <= 1
}

func safety(d rate.Limit) string {
	if d.Exact || d.Kind == rate.Ever || d.Kind == rate.Concurrent {
		return bombproof
	}
	return bestEffort
}

// definitions is GET /api/v1/limits.
func (d *Door) definitions(c Caller, w http.ResponseWriter, r *http.Request) error {
	all, err := d.Limits.Limits(r.Context(), c.App)
	if err != nil {
		return err
	}
	out := listed{}
	for _, l := range all {
		if one, ok := said(l); ok {
			out = append(out, one)
		}
	}
	send(w, r, out)
	return nil
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
		which, a, err = d.best(r.Context(), asks, amount, look)
	case minimum:
		which, a, err = d.every(r.Context(), asks, amount, look)
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
func (d *Door) best(ctx context.Context, asks []takes.Ask, amount int64, look bool) (which int, a rate.Answer, err error) {
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
			return which, would(answers[which], amount, asks[which].Partial), nil
		}
	}
	if err := takes.Check(asks); err != nil {
		return 0, a, err
	}
	var one [1]rate.Answer
	err = d.Store.Take(ctx, asks[which:which+1], one[:])
	return which, one[0], err
}

// every asks all, and answers for the one that decides: which denies, or has least left.
func (d *Door) every(ctx context.Context, asks []takes.Ask, amount int64, look bool) (which int, a rate.Answer, err error) {
	answers := make([]rate.Answer, len(asks))
	if look {
		if answers, err = d.look(ctx, asks); err == nil {
			for i := range answers {
				answers[i] = would(answers[i], amount, asks[i].Partial)
			}
		}
	} else {
		err = d.Store.Take(ctx, asks, answers)
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
	return answers, d.Store.Take(ctx, looks, answers)
}

// would is what a look says of a take.
func would(a rate.Answer, amount int64, partial bool) rate.Answer {
	a.Got = min(amount, a.Left)
	if a.Got < amount && !partial {
		a.Got = 0
	}
	a.Passed = a.Got > 0
	a.Over = !a.Passed
	return a
}

func (d *Door) sendResponse(w http.ResponseWriter, r *http.Request, ask takes.Ask, a rate.Answer) {
	def := ask.Limit.For(ask.Group).Limit
	out := limitResponse{Passed: a.Passed, Amount: a.Got, PolicyGroup: ask.Limit.Group, EnforcedGroup: ask.Group, ExpiresAt: a.Ends / int64(time.Millisecond), PolicyLimit: def.Amount, SafetyLevel: safety(def)}
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
	if !a.Passed && a.Left == 0 && out.LimitResetAt > 0 {
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
	w.WriteHeader(http.StatusOK)
	return nil
}
