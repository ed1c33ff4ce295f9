package limits

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

const places = "/v1/apps/{app}/environments/{env}"

func (d *Door) mountUse() {
	type asked struct {
		InUse
		From time.Time `query:"from" doc:"By default an hour before to"`
		To   time.Time `query:"to" doc:"By default now"`
	}
	api.Register(d.API, api.View, "GET "+places+"/limits/{group}/use", "Show what was asked of a limit over time, and by whom", func(ctx context.Context, _ access.Identity, in *asked) (*answer[limit.Use], error) {
		if d.Limits.Find(in.App, in.Env, in.Group) == nil { // Envoy's have no other place, but are counted alike
			if _, err := d.Limits.Get(ctx, in.App, in.Group); err != nil {
				return nil, err
			}
		}
		if in.To.IsZero() {
			in.To = d.Now()
		}
		if in.From.IsZero() {
			in.From = in.To.Add(-time.Hour)
		}
		if !in.To.After(in.From) {
			return nil, fault.Invalid("the time has to end after it begins; choose a later end").At("query.to")
		}
		return answerWith(d.Limits.Use(ctx, in.App, in.Env, in.Group, in.From, in.To))
	})
}

// LimitKey is how one group stands.
type LimitKey struct {
	Key      string          `json:"key"`
	Amount   int64           `json:"amount" doc:"What it may have: the limit's amount, or its override's"`
	Capacity int64           `json:"capacity" doc:"How much of it at once"`
	Left     int64           `json:"left" doc:"What it could have now"`
	Full     *time.Time      `json:"full_at,omitempty" doc:"When it can have everything again; left out: never, or now"`
	Override *limit.Override `json:"override,omitempty"`
}

// LimitForget says why a group begins at nothing.
type LimitForget struct {
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// InLimitKey names one group of a limit in an environment.
type InLimitKey struct {
	InUse
	Key string `path:"key" doc:"The whole group" example:"api:search:ana"`
}

func (d *Door) mountKeys() {
	api.Register(d.API, api.View, "GET "+places+"/limits/{group}/keys/{key}", "Show how much one group has left", func(ctx context.Context, _ access.Identity, in *InLimitKey) (*answer[LimitKey], error) {
		l, defined, err := d.limited(ctx, in.InUse, in.Key)
		if err != nil {
			return nil, err
		}
		return answerWith(d.stand(ctx, l, defined, in.Key))
	})
	type several struct {
		InUse
		api.Page
		Keys []string `query:"key,explode" maxItems:"100" doc:"The whole groups; none without it; one that this limit does not count is left out of the answer"`
	}
	api.Register(d.API, api.View, "GET "+places+"/limits/{group}/keys", "Show how much several groups have left", func(ctx context.Context, _ access.Identity, in *several) (*api.ListOf[LimitKey], error) {
		l, err := d.Limits.Get(ctx, in.App, in.Group)
		if err != nil {
			return nil, err
		}
		set, out := d.Limits.For(in.App, in.Env), []LimitKey{}
		for _, key := range in.Keys {
			if defined := set.Find(key); defined != nil && defined.Group == in.Group {
				k, err := d.stand(ctx, l, defined, key)
				if err != nil {
					return nil, err
				}
				out = append(out, k)
			}
		}
		return api.Cut(out, in.Page, func(k LimitKey) string { return k.Key })
	})
	type forgotten struct {
		InLimitKey
		Body LimitForget
	}
	api.Register(d.API, api.Deploy, "POST "+places+"/limits/{group}/keys/{key}/resets", "Make as if one group had taken nothing", func(ctx context.Context, id access.Identity, in *forgotten) (*answer[LimitKey], error) {
		l, defined, err := d.limited(ctx, in.InUse, in.Key)
		if err != nil {
			return nil, err
		}
		if err := d.Store.Forget(ctx, defined, in.Key); err != nil {
			return nil, err
		}
		if err := d.Limits.Forgotten(ctx, id.Actor(), in.App, in.Env, in.Group, in.Key, in.Body.Reason); err != nil {
			return nil, err
		}
		return answerWith(d.stand(ctx, l, defined, in.Key))
	})
}

// limited is the limit that counts a group, which is the one that was named.
func (d *Door) limited(ctx context.Context, in InUse, key string) (limit.Limit, *rate.Defined, error) {
	l, err := d.Limits.Get(ctx, in.App, in.Group)
	if err != nil {
		return l, nil, err
	}
	defined := d.Limits.For(in.App, in.Env).Find(key)
	if defined == nil || defined.Group != in.Group {
		return l, nil, fault.NotFound("the limit for %q does not count that group; a longer limit does, or none", in.Group)
	}
	return l, defined, nil
}

func (d *Door) stand(ctx context.Context, l limit.Limit, defined *rate.Defined, key string) (LimitKey, error) {
	rule := defined.For(key)
	out := LimitKey{Key: key, Amount: rule.Limit.Amount, Capacity: rule.Capacity()}
	for i := range l.Overrides {
		if l.Overrides[i].Group == key && !l.Overrides[i].Over(d.Now()) {
			out.Override = &l.Overrides[i]
		}
	}
	var a [1]rate.Answer
	if err := d.Store.Take(ctx, []takes.Ask{{Limit: defined, Group: key}}, a[:]); err != nil {
		return out, err
	}
	now := d.Now().UnixNano()
	out.Left = a[0].Left
	if a[0].Full != rate.Never && a[0].Full > now {
		at := time.Unix(0, a[0].Full).UTC()
		out.Full = &at
	}
	return out, nil
}

// LimitToTry is a limit to try on what was asked.
type LimitToTry struct {
	Group      string     `json:"group" minLength:"1" maxLength:"1024" doc:"What it would be for" example:"api:search"`
	Definition rate.Limit `json:"definition"`
	From       time.Time  `json:"from,omitzero" doc:"By default a week ago"`
	To         time.Time  `json:"to,omitzero" doc:"By default now"`
}

func (d *Door) mountSimulations() {
	type asked struct {
		api.InEnvironment
		Body LimitToTry
	}
	api.Register(d.API, api.View, "POST "+places+"/limit-simulations", "Say what a limit would have denied of what was asked", func(ctx context.Context, _ access.Identity, in *asked) (*answer[limit.Simulation], error) {
		b := in.Body
		if b.To.IsZero() {
			b.To = d.Now()
		}
		if b.From.IsZero() {
			b.From = b.To.Add(-7 * 24 * time.Hour)
		}
		return answerWith(d.Limits.Simulate(ctx, in.App, in.Env, b.Group, b.Definition, b.From, b.To))
	})
}
