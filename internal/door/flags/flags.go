package flags

import (
	"context"
	"time"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/analytics"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/decide/flag/ramp"
	"github.com/slipwayhq/slipway/internal/door/api"
)

// Door adds the paths about flags to an API.
type Door struct {
	API       *api.Server
	Flags     *flag.Service
	Ramps     *ramp.Service
	Analytics analytics.Engine
	// Refs finds where the code of an app's newest push names words.
	Refs func(ctx context.Context, app, branch string, words []string) (Refs, error)
	Now  func() time.Time
}

// Mount adds the paths.
func (d *Door) Mount() {
	d.mountFlags()
	d.mountMarks()
	d.mountStates()
	d.mountPlans()
	d.mountRamps()
	d.mountGroups()
	d.mountKeys()
	d.mountSettings()
	d.mountApply()
	d.mountTry()
	d.mountRefs()
}

// tagged is what people edit, with the ETag of what they see.
type tagged[T any] struct {
	ETag string `header:"ETag"`
	Body T
}

func tag[T any](v T, revision int64, err error) (*tagged[T], error) {
	if err != nil {
		return nil, err
	}
	return &tagged[T]{api.ETag(revision), v}, nil
}

type answer[T any] struct{ Body T }

func answerWith[T any](v T, err error) (*answer[T], error) {
	if err != nil {
		return nil, err
	}
	return &answer[T]{v}, nil
}

// FlagShown is a flag with what follows from it.
type FlagShown struct {
	flag.Flag
	Stale map[string]string     `json:"stale,omitempty" doc:"By environment: why it can be taken out of the code"`
	Needs flag.Needs            `json:"needs" doc:"What its rules name, and what names it"`
	Ramps map[string]ramp.Under `json:"ramps,omitempty" doc:"By environment: the ramp under way"`
}

func (d *Door) shown(ctx context.Context, f flag.Flag) (FlagShown, error) {
	all, err := d.Flags.Flags(ctx, f.App, false)
	if err != nil {
		return FlagShown{}, err
	}
	settings, err := d.Flags.Settings(ctx, f.App)
	if err != nil {
		return FlagShown{}, err
	}
	under, err := d.under(ctx, f.App, []flag.Flag{f})
	out := d.show(f, settings, flag.NeedsOf(all))
	out.Ramps = under[f.ID]
	return out, err
}

// under gives the ramps under way by the flags' ids and environments.
func (d *Door) under(ctx context.Context, app string, all []flag.Flag) (map[string]map[string]ramp.Under, error) {
	found, err := d.Ramps.Under(ctx, app, all)
	out := map[string]map[string]ramp.Under{}
	for _, u := range found {
		if out[u.Flag] == nil {
			out[u.Flag] = map[string]ramp.Under{}
		}
		out[u.Flag][u.Environment] = u
	}
	return out, err
}

func (d *Door) show(f flag.Flag, s flag.Settings, needs map[string]flag.Needs) FlagShown {
	out := FlagShown{Flag: f, Needs: needs[f.ID], Stale: map[string]string{}}
	for env := range f.States {
		if why := f.Stale(env, s, d.Now()); why != "" {
			out.Stale[env] = why
		}
	}
	return out
}

// InFlag names a flag in the path.
type InFlag struct {
	api.InApp
	Flag string `path:"flag" doc:"Id of the flag, or its name; a switch and a sample may be named as switch:NAME and sample:NAME" example:"new-checkout"`
}

// NewFlag is a flag to add.
type NewFlag struct {
	Kind flag.Kind `json:"kind,omitempty" enum:"flag,switch,sample" default:"flag"`
	Name string    `json:"name" minLength:"1" maxLength:"400" example:"new-checkout" doc:"One within the app and the kind"`
	flag.About
	States map[string]flag.State `json:"states,omitempty" doc:"By environment; it is off where none is given"`
	Reason string                `json:"reason,omitempty" maxLength:"500"`
}

// FlagAbout is what is to be said of a flag everywhere.
type FlagAbout struct {
	flag.About
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// FlagMove is what is to become of a flag.
type FlagMove struct {
	Change   string `json:"change" enum:"archive,bring_back,restore" doc:"archive: out of use; bring_back: into use again; restore: as it was after an earlier change"`
	Restored string `json:"restored,omitempty" doc:"With restore: the id of that change"`
	Reason   string `json:"reason,omitempty" maxLength:"500"`
}

// mountFlags adds the paths of flags as they are everywhere.
func (d *Door) mountFlags() {
	const path = "/v1/apps/{app}/flags"
	type listing struct {
		api.InApp
		api.Page
		Archived bool   `query:"archived" doc:"Those that are out of use as well"`
		Name     string `query:"name" doc:"Those of this name alone"`
	}
	api.Register(d.API, api.View, "GET "+path, "List flags, switches and samples, by name", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[FlagShown], error) {
		out, err := d.list(ctx, in.App, in.Name, in.Archived)
		if err != nil {
			return nil, err
		}
		return api.Cut(out, in.Page, func(f FlagShown) string { return f.Name + " " + string(f.Kind) })
	})
	type made struct {
		api.InApp
		Body NewFlag
	}
	api.Register(d.API, api.DeployAll, "POST "+path, "Add a flag, a switch or a sample", func(ctx context.Context, id access.Identity, in *made) (*tagged[FlagShown], error) {
		for env := range in.Body.States {
			if err := d.API.Place(ctx, in.App, env); err != nil {
				return nil, err
			}
		}
		f, err := d.Flags.Create(ctx, id.Actor(), in.Body.Reason, flag.Flag{App: in.App, Kind: in.Body.Kind, Name: in.Body.Name, About: in.Body.About, States: in.Body.States})
		return d.one(ctx, f, err)
	})
	api.Register(d.API, api.View, "GET "+path+"/{flag}", "Show a flag in all environments", func(ctx context.Context, _ access.Identity, in *InFlag) (*tagged[FlagShown], error) {
		f, err := d.Flags.Find(ctx, in.App, in.Flag)
		return d.one(ctx, f, err)
	})
	type changed struct {
		InFlag
		api.InMatch
		Body FlagAbout
	}
	api.Register(d.API, api.DeployAll, "PUT "+path+"/{flag}", "Change what is said of a flag everywhere", func(ctx context.Context, id access.Identity, in *changed) (*tagged[FlagShown], error) {
		now, revision, err := d.expected(ctx, in.InFlag, in.InMatch)
		if err != nil {
			return nil, err
		}
		f, err := d.Flags.SetAbout(ctx, id.Actor(), in.App, now.ID, in.Body.Reason, revision, in.Body.About)
		return d.one(ctx, f, err)
	})
	d.mountHistory(path)
}

// list gives the flags of an app, of one name where it is wanted, with what follows from each.
func (d *Door) list(ctx context.Context, app, name string, archived bool) ([]FlagShown, error) {
	all, err := d.Flags.Flags(ctx, app, archived)
	if err != nil {
		return nil, err
	}
	settings, err := d.Flags.Settings(ctx, app)
	if err != nil {
		return nil, err
	}
	under, err := d.under(ctx, app, all)
	if err != nil {
		return nil, err
	}
	needs := flag.NeedsOf(all)
	out := make([]FlagShown, 0, len(all))
	for _, f := range all {
		if name == "" || f.Name == name {
			one := d.show(f, settings, needs)
			one.Ramps = under[f.ID]
			out = append(out, one)
		}
	}
	return out, nil
}

func (d *Door) mountHistory(path string) {
	type moved struct {
		InFlag
		Body FlagMove
	}
	api.Register(d.API, api.DeployAll, "POST "+path+"/{flag}/changes", "Take a flag out of use, bring it back, or restore what it was", func(ctx context.Context, id access.Identity, in *moved) (*tagged[FlagShown], error) {
		f, err := d.Flags.Find(ctx, in.App, in.Flag)
		if err != nil {
			return nil, err
		}
		switch in.Body.Change {
		case "archive":
			f, err = d.Flags.Archive(ctx, id.Actor(), in.App, f.ID, in.Body.Reason, f.Revision)
		case "bring_back":
			f, err = d.Flags.BringBack(ctx, id.Actor(), in.App, f.ID, in.Body.Reason, f.Revision)
		default:
			f, err = d.Flags.Restore(ctx, id.Actor(), in.App, f.ID, in.Body.Restored, in.Body.Reason)
		}
		return d.one(ctx, f, err)
	})
	type history struct {
		InFlag
		api.Page
	}
	api.Register(d.API, api.View, "GET "+path+"/{flag}/changes", "Show what became of a flag, newest first", func(ctx context.Context, _ access.Identity, in *history) (*api.ListOf[flag.Change], error) {
		all, err := d.Flags.Changes(ctx, in.App, in.Flag, "", mostChanges)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(c flag.Change) string { return api.NewestFirst(c.ID) })
	})
}

// mountMarks adds the path of what changed, whichever flag it was.
func (d *Door) mountMarks() {
	type asked struct {
		api.InApp
		api.Page
		Environment string    `query:"environment" doc:"Of this environment, and what is of all"`
		From        time.Time `query:"from" doc:"By default a day ago"`
		To          time.Time `query:"to" doc:"By default now"`
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/flag-changes", "List changes of flags in a time, oldest first, as marks for what is drawn over time", func(ctx context.Context, _ access.Identity, in *asked) (*api.ListOf[flag.Mark], error) {
		if err := d.API.Place(ctx, in.App, in.Environment); err != nil {
			return nil, err
		}
		if in.To.IsZero() {
			in.To = d.Now()
		}
		if in.From.IsZero() {
			in.From = in.To.Add(-24 * time.Hour)
		}
		all, err := d.Flags.Marks(ctx, in.App, in.Environment, in.From, in.To)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(m flag.Mark) string { return m.ID })
	})
}

// mostChanges is how much of a flag's history is shown.
const mostChanges = 200

func (d *Door) one(ctx context.Context, f flag.Flag, err error) (*tagged[FlagShown], error) {
	if err != nil {
		return nil, err
	}
	out, err := d.shown(ctx, f)
	return tag(out, f.Revision, err)
}

// expected is the flag, and the revision of what is said of it, when the caller saw the present one.
func (d *Door) expected(ctx context.Context, in InFlag, match api.InMatch) (flag.Flag, int64, error) {
	f, err := d.Flags.Find(ctx, in.App, in.Flag)
	if err != nil {
		return f, 0, err
	}
	revision, err := match.Expect(f.Revision)
	return f, revision, err
}
