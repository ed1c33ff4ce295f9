package check

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
)

// definition is a limit as RateLim.it's clients know it.
type definition struct {
	Limit        whole  `json:"limit"`
	Group        string `json:"group"`
	Burst        whole  `json:"burst"`
	PolicyName   string `json:"policyName"`
	SafetyLevel  string `json:"safetyLevel,omitempty"`
	Returnable   bool   `json:"returnable"`
	LastModified int64  `json:"lastModified,omitempty"` // ms
}

// whole is a number that the client for Ruby may have divided, and writes as 172800.0.
type whole int64

// UnmarshalJSON takes it as it is, if it is whole.
func (n *whole) UnmarshalJSON(b []byte) error {
	f, err := strconv.ParseFloat(string(b), 64)
	if string(b) == "null" {
		return nil
	}
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return fmt.Errorf("%s is no whole number", b)
	}
	*n = whole(f)
	return nil
}

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

// define is POST and PUT /api/v1/limits: a limit that is there already is a conflict to the first, and is changed by the second.
func (d *Door) define(c Caller, w http.ResponseWriter, r *http.Request) error {
	if c.Env != production {
		return fault.Forbidden("limits hold in all environments: a key of %s defines them, or somebody on the app's page of limits; this one is of %s", production, c.Env)
	}
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
		return d.upsert(r.Context(), w, c, l)
	}
	if _, err = d.Limits.Create(r.Context(), "key:"+c.Name, byClient, l); err == nil {
		done(w)
	}
	return err
}

const (
	byClient = "by a client of RateLim.it"
	// production is the environment whose keys may define limits: they hold in all environments, and a key of a developer's is not to loosen those of everybody.
	production = "production"
	// retries is how often an upsert begins anew that others came before: all workers of an app say it at their start.
	retries = 10
)

// done answers without a body. The client for Java reads none here, and keeps a connection for ever for one that it has not read.
func done(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

func (d *Door) upsert(ctx context.Context, w http.ResponseWriter, c Caller, l limit.Limit) (err error) {
	for range retries {
		var now limit.Limit
		now, err = d.Limits.Get(ctx, c.App, l.Group)
		switch {
		case err == nil && now.Definition == l.Definition: // clients say it at each start
		case err == nil:
			l.Revision, l.Note = now.Revision, now.Note
			_, err = d.Limits.Set(ctx, "key:"+c.Name, byClient, l)
		case fault.Is(err, fault.CodeNotFound):
			l.Revision = 0
			_, err = d.Limits.Create(ctx, "key:"+c.Name, byClient, l)
		}
		if !fault.Is(err, fault.CodeConflict) {
			break
		}
	}
	if err == nil {
		done(w)
	}
	return err
}

// limit is the definition in our words.
func (in *definition) limit() (l limit.Limit, err error) {
	l.Group = in.Group
	l.Definition = rate.Limit{Amount: int64(in.Limit), Exact: in.SafetyLevel == bombproof}
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
		// The client for Ruby divides a day by the seconds of a token; of more than a day that is 0, and one a day is as slow as its words go.
		l.Definition.Kind, l.Definition.Unit, l.Definition.Refill, l.Definition.Exact = rate.Concurrent, unit, max(int64(in.Limit), 1), false
		if in.Burst > 0 {
			l.Definition.Amount = int64(in.Burst)
		}
	default:
		l.Definition.Kind, l.Definition.Unit = rate.Rolling, unit
		if in.Burst != in.Limit {
			l.Definition.Burst = int64(in.Burst)
		}
	}
	return l, nil
}

// said is a limit as RateLim.it's clients know it; ok is false where they have no words for it.
func said(l limit.Limit) (out definition, ok bool) {
	d := l.Definition
	out = definition{Limit: whole(d.Amount), Group: l.Group, Burst: whole(d.Burst), SafetyLevel: safety(d), LastModified: l.ChangedAt.UnixMilli()}
	switch {
	case d.Kind == rate.Ever:
		out.PolicyName, out.Burst = infinite, whole(d.Amount)
		return out, true
	case d.Kind == rate.Concurrent && d.Refill > 0:
		out.Limit, out.Burst, out.Returnable = whole(d.Refill), whole(d.Amount), true
	case d.Kind != rate.Rolling:
		return out, false
	}
	if out.Burst == 0 {
		out.Burst = whole(d.Amount)
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
