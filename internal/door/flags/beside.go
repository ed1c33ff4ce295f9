package flags

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

func errNoPlan(env, id string) error {
	return fault.NotFound("there is no planned change %s in %s", id, env)
}

// InGroup names a group of visitors in the path.
type InGroup struct {
	api.InApp
	Group string `path:"group" doc:"By which rules name it" example:"beta"`
}

// VisitorGroup is what a group of visitors is to be, whole.
type VisitorGroup struct {
	Definition json.RawMessage `json:"definition" doc:"A list of values; or {\"type\": \"condition\", \"condition\": {…}}; or {\"type\": \"list\", \"attributeKey\": \"id\", \"values\": […]}" example:"[\"u_1\",\"u_2\"]"`
	Note       string          `json:"note,omitempty" maxLength:"2000"`
	Reason     string          `json:"reason,omitempty" maxLength:"500"`
}

// mountGroups adds the paths of groups of visitors.
func (d *Door) mountGroups() {
	const path = "/v1/apps/{app}/groups"
	type listing struct {
		api.InApp
		api.Page
	}
	api.Register(d.API, api.View, "GET "+path, "List groups of visitors that flags' rules can name", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[flag.Group], error) {
		all, err := d.Flags.Groups(ctx, in.App)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(g flag.Group) string { return g.ID })
	})
	api.Register(d.API, api.View, "GET "+path+"/{group}", "Show a group of visitors", func(ctx context.Context, _ access.Identity, in *InGroup) (*tagged[flag.Group], error) {
		g, err := d.Flags.FindGroup(ctx, in.App, in.Group)
		return tag(g, g.Revision, err)
	})
	type set struct {
		InGroup
		IfMatch string `header:"If-Match" doc:"The ETag of the group as you saw it; none for a new one"`
		Body    VisitorGroup
	}
	api.Register(d.API, api.DeployAll, "PUT "+path+"/{group}", "Make a group of visitors, or change it", func(ctx context.Context, id access.Identity, in *set) (*tagged[flag.Group], error) {
		var revision int64
		if now, err := d.Flags.FindGroup(ctx, in.App, in.Group); err == nil {
			if revision, err = (api.InMatch{IfMatch: in.IfMatch}).Expect(now.Revision); err != nil {
				return nil, err
			}
		} else if !fault.Is(err, fault.CodeNotFound) {
			return nil, err
		}
		g, err := d.Flags.SetGroup(ctx, id.Actor(), in.App, in.Body.Reason, flag.Group{ID: in.Group, Definition: in.Body.Definition, Note: in.Body.Note, Revision: revision})
		return tag(g, g.Revision, err)
	})
	type removed struct {
		InGroup
		api.InMatch
		Reason string `query:"reason" maxLength:"500"`
	}
	api.Register(d.API, api.DeployAll, "DELETE "+path+"/{group}", "Remove a group of visitors that nothing names", func(ctx context.Context, id access.Identity, in *removed) (*struct{}, error) {
		now, err := d.Flags.FindGroup(ctx, in.App, in.Group)
		if err != nil {
			return nil, err
		}
		revision, err := in.Expect(now.Revision)
		if err != nil {
			return nil, err
		}
		return nil, d.Flags.RemoveGroup(ctx, id.Actor(), in.App, in.Group, in.Reason, revision)
	})
}

// NewKey is a key of flags to add.
type NewKey struct {
	Name        string `json:"name" minLength:"1" maxLength:"100" example:"web" doc:"One within the app"`
	Environment string `json:"environment,omitempty" default:"production" doc:"Whose flags it is told of"`
	Kind        string `json:"kind" enum:"server,client" doc:"server: all flags, to be kept secret; client: for browsers and apps, where everybody can read it"`
	Remote      bool   `json:"remote,omitempty" doc:"Clients are told values for each visitor, never rules"`
	Encrypted   bool   `json:"encrypted,omitempty" doc:"Payloads are encrypted, as GrowthBook's clients can read them"`
}

// KeyChange is what is to become of a key.
type KeyChange struct {
	Change string `json:"change" enum:"turned,stopped,resumed" doc:"turned: another key, and the old one is nobody's; stopped: it is told nothing; resumed: it is told again"`
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// mountKeys adds the paths of the keys by which clients are told of flags.
func (d *Door) mountKeys() {
	const path = "/v1/apps/{app}/keys"
	type listing struct {
		api.InApp
		api.Page
	}
	api.Register(d.API, api.DeployAll, "GET "+path, "List the keys by which clients are told of flags", func(ctx context.Context, _ access.Identity, in *listing) (*api.ListOf[flag.Key], error) {
		all, err := d.Flags.Keys(ctx, in.App)
		if err != nil {
			return nil, err
		}
		return api.Cut(all, in.Page, func(k flag.Key) string { return k.Name })
	})
	type made struct {
		api.InApp
		Body NewKey
	}
	api.Register(d.API, api.DeployAll, "POST "+path, "Add a key by which clients are told of flags", func(ctx context.Context, id access.Identity, in *made) (*answer[flag.Key], error) {
		if err := d.API.Place(ctx, in.App, in.Body.Environment); err != nil {
			return nil, err
		}
		return answerWith(d.Flags.CreateKey(ctx, id.Actor(), flag.Key{App: in.App, Environment: in.Body.Environment, Name: in.Body.Name, Kind: in.Body.Kind, Remote: in.Body.Remote}, in.Body.Encrypted))
	})
	type changed struct {
		api.InApp
		Key  string `path:"key" doc:"Id of the key"`
		Body KeyChange
	}
	api.Register(d.API, api.DeployAll, "POST "+path+"/{key}/changes", "Turn a key, stop it or resume it", func(ctx context.Context, id access.Identity, in *changed) (*answer[flag.Key], error) {
		return answerWith(d.Flags.ChangeKey(ctx, id.Actor(), in.App, in.Key, in.Body.Change, in.Body.Reason))
	})
}

// SettingsOfFlags are what an app is to want of its flags, whole.
type SettingsOfFlags struct {
	flag.Settings
	Reason string `json:"reason,omitempty" maxLength:"500"`
}

// mountSettings adds the paths of what an app wants of its flags.
func (d *Door) mountSettings() {
	const path = "/v1/apps/{app}/flag-settings"
	api.Register(d.API, api.View, "GET "+path, "Show what an app wants of its flags", func(ctx context.Context, _ access.Identity, in *struct{ api.InApp }) (*tagged[flag.Settings], error) {
		s, err := d.Flags.Settings(ctx, in.App)
		return tag(s, s.Revision, err)
	})
	type changed struct {
		api.InApp
		api.InMatch
		Body SettingsOfFlags
	}
	api.Register(d.API, api.DeployAll, "PUT "+path, "Change what an app wants of its flags: approvals, staleness, missing ones", func(ctx context.Context, id access.Identity, in *changed) (*tagged[flag.Settings], error) {
		now, err := d.Flags.Settings(ctx, in.App)
		if err != nil {
			return nil, err
		}
		to := in.Body.Settings
		if to.Revision, err = in.Expect(now.Revision); err != nil {
			return nil, err
		}
		for _, env := range now.Approvals {
			if !slices.Contains(to.Approvals, env) { // who may change flags must not be who lets himself
				if err := id.Require(access.Administer, in.App); err != nil {
					return nil, err
				}
			}
		}
		for _, env := range to.Approvals {
			if err := d.API.Place(ctx, in.App, env); err != nil {
				return nil, err
			}
		}
		to, err = d.Flags.SetSettings(ctx, id.Actor(), in.App, in.Body.Reason, to)
		return tag(to, to.Revision, err)
	})
}

// FlagList is a list of flags to be applied.
type FlagList struct {
	Flags   []NewFlag `json:"flags" nullable:"false" maxItems:"20000"`
	Archive bool      `json:"archive,omitempty" doc:"Flags that the list does not name are taken out of use"`
	DryRun  bool      `json:"dry_run,omitempty" doc:"Only tell what would be done"`
	Reason  string    `json:"reason,omitempty" maxLength:"500"`
}

// FlagSteps is what applying a list of flags does.
type FlagSteps struct {
	Steps []flag.Step `json:"steps" nullable:"false"`
}

// mostList is how large a list of flags may be: as large as all flags of an environment together.
const mostList = assign.MaxBytes

// mountApply adds the path by which flags are kept as code.
func (d *Door) mountApply() {
	type given struct {
		api.InApp
		Body FlagList
	}
	const path = "POST /v1/apps/{app}/flag-lists"
	d.API.Large(path, mostList)
	api.Register(d.API, api.DeployAll, path, "Make flags what a list says, all or none, or tell what that would do", func(ctx context.Context, id access.Identity, in *given) (*answer[FlagSteps], error) {
		want := make([]flag.Flag, 0, len(in.Body.Flags))
		for _, f := range in.Body.Flags {
			for env := range f.States {
				if err := d.API.Place(ctx, in.App, env); err != nil {
					return nil, err
				}
			}
			want = append(want, flag.Flag{Kind: f.Kind, Name: f.Name, About: f.About, States: f.States})
		}
		steps, err := d.Flags.Apply(ctx, id.Actor(), in.App, in.Body.Reason, want, in.Body.Archive, in.Body.DryRun)
		return answerWith(FlagSteps{steps}, err)
	})
}
