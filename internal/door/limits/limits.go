package limits

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/limit"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/pure/rate"
	"github.com/slipwayhq/slipway/internal/takes"
)

// Door adds the paths about limits to an API.
type Door struct {
	API    *api.Server
	Limits *limit.Service
	Store  takes.Store
	Now    func() time.Time
}

// Mount adds the paths.
func (d *Door) Mount() {
	d.mountLimits()
	d.mountChange()
	d.mountOverrides()
	d.mountUse()
	d.mountKeys()
	d.mountSimulations()
	d.mountDomains()
}

// tagged is what people edit, with the ETag of what they see.
type tagged[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func tag(l limit.Limit, err error) (*tagged[limit.Limit], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[limit.Limit]{api.ETag(l.Revision), l}, nil
}

type answer[T any] struct{ Body T }

func answerWith[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{v}, nil
}

// InLimit names a limit in the path.
type InLimit struct {
	api.InApp
	Group string `path:"group" doc:"What the limit is for" example:"api:search"`
}

// InUse names a limit in an environment.
type InUse struct {
	api.InEnvironment
	Group string `path:"group" doc:"What the limit is for" example:"api:search"`
}

// LimitListed is a limit, with what was asked of it.
type LimitListed struct {
	limit.Limit
	Use *limit.Count `json:"use,omitempty" doc:"What was asked of it in the last hour, in the environment that was named"`
}

// NewLimit is a limit to add.
type NewLimit struct {
	Group string `json:"group" minLength:"1" maxLength:"512" example:"api:search"`
	LimitToSet
}

// LimitToSet is what a limit is to be.
type LimitToSet struct {
	Definition rate.Limit `json:"definition"`
	Note       string     `json:"note,omitempty" maxLength:"500"`
	Reason     string     `json:"reason,omitempty" maxLength:"500"`
}

const path = "/v1/apps/{app}/limits"

func (d *Door) mountLimits() {
	type listing struct {
		api.InApp
		api.Page
		Environment string `query:"environment" doc:"With it, each limit has what was asked of it there in the last hour"`
	}
	api.Register(d.API, api.View, "GET "+path, "List limits, by group", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[LimitListed], error) {
		if err := d.API.Place(ctx, in.App, in.Environment); err != nil {
			return nil, err
		}
		all, err := d.Limits.Limits(ctx, in.App)
		if err != nil {
			return nil, err
		}
		use := map[string]limit.Count{}
		if in.Environment != "" {
			if use, err = d.Limits.Totals(ctx, in.App, in.Environment, d.Now().Add(-time.Hour)); err != nil {
				return nil, err
			}
		}
		out := make([]LimitListed, 0, len(all))
		for _, l := range all {
			shown := LimitListed{Limit: l}
			if in.Environment != "" {
				c := use[l.Group]
				shown.Use = &c
			}
			out = append(out, shown)
		}
		return api.Cut(out, in.Page, func(l LimitListed) string { return l.Group })
	})
	type made struct {
		api.InApp
		Body NewLimit
	}
	api.Register(d.API, api.DeployAll, "POST "+path, "Add a limit", func(ctx context.Context, id access.Identity, in *made) (*tagged[limit.Limit], error) {
		return tag(d.Limits.Create(ctx, id.Actor(), in.Body.Reason, limit.Limit{App: in.App, Group: in.Body.Group, Definition: in.Body.Definition, Note: in.Body.Note}))
	})
	api.Register(d.API, api.View, "GET "+path+"/{group}", "Show a limit, with its overrides", func(ctx context.Context, _ access.Identity, in *InLimit) (*tagged[limit.Limit], error) {
		return tag(d.Limits.Get(ctx, in.App, in.Group))
	})
}

func (d *Door) mountChange() {
	type changed struct {
		InLimit
		api.InMatch
		Body LimitToSet
	}
	api.Register(d.API, api.DeployAll, "PUT "+path+"/{group}", "Change a limit; what was taken goes on to count, unless it is counted in another way", func(ctx context.Context, id access.Identity, in *changed) (*tagged[limit.Limit], error) {
		revision, err := d.expected(ctx, in.InLimit, in.InMatch)
		if err != nil {
			return nil, err
		}
		return tag(d.Limits.Set(ctx, id.Actor(), in.Body.Reason, limit.Limit{App: in.App, Group: in.Group, Definition: in.Body.Definition, Note: in.Body.Note, Revision: revision}))
	})
	type removed struct {
		InLimit
		api.InMatch
		Reason string `query:"reason" maxLength:"500"`
	}
	api.Register(d.API, api.DeployAll, "DELETE "+path+"/{group}", "Remove a limit: its groups are limited by a shorter one, or by none", func(ctx context.Context, id access.Identity, in *removed) (*struct{}, error) {
		revision, err := d.expected(ctx, in.InLimit, in.InMatch)
		if err != nil {
			return nil, err
		}
		return nil, d.Limits.Remove(ctx, id.Actor(), in.App, in.Group, in.Reason, revision)
	})
}

// expected is the revision of a limit, when the caller saw the present one.
func (d *Door) expected(ctx context.Context, in InLimit, match api.InMatch) (int64, error) {
	l, err := d.Limits.Get(ctx, in.App, in.Group)
	if err != nil {
		return 0, err
	}
	return match.Expect(l.Revision)
}

// OverrideToSet is another amount for one group.
type OverrideToSet struct {
	Amount int64     `json:"amount" minimum:"0" doc:"Instead of the limit's; 0 denies everything"`
	Burst  int64     `json:"burst,omitempty" minimum:"0" doc:"How many at once, of a rolling limit; 0: as many as the limit, or the amount where the limit has none"`
	Until  time.Time `json:"until,omitzero" doc:"When the limit's own amount holds again; left out: never"`
	Reason string    `json:"reason,omitempty" maxLength:"500"`
}

// InOverride names one group of a limit.
type InOverride struct {
	InLimit
	Key string `path:"key" doc:"The whole group that gets another amount" example:"api:search:ana"`
}

func (d *Door) mountOverrides() {
	type set struct {
		InOverride
		api.InMatch
		Body OverrideToSet
	}
	api.Register(d.API, api.DeployAll, "PUT "+path+"/{group}/overrides/{key}", "Give one group another amount, at once; the ETag is that of the limit", func(ctx context.Context, id access.Identity, in *set) (*tagged[limit.Limit], error) {
		if _, err := d.expected(ctx, in.InLimit, in.InMatch); err != nil {
			return nil, err
		}
		b := in.Body
		return tag(d.Limits.Override(ctx, id.Actor(), in.App, in.Group, limit.Override{Group: in.Key, Amount: b.Amount, Burst: b.Burst, Until: b.Until, Reason: b.Reason}))
	})
	type lifted struct {
		InOverride
		Reason string `query:"reason" maxLength:"500"`
	}
	api.Register(d.API, api.DeployAll, "DELETE "+path+"/{group}/overrides/{key}", "End an override: the limit's own amount holds again", func(ctx context.Context, id access.Identity, in *lifted) (*struct{}, error) {
		_, err := d.Limits.Lift(ctx, id.Actor(), in.App, in.Group, in.Key, in.Reason)
		return nil, err
	})
}
