package flags

import (
	"context"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
)

// Ref is a place in the code that names a flag.
type Ref struct {
	Flag string `json:"flag"`
	Path string `json:"path"`
	Line int    `json:"line"`
	Text string `json:"text"`
}

// Refs are the places in the code of a commit.
type Refs struct {
	Commit string `json:"commit,omitempty"`
	Branch string `json:"branch,omitempty"`
	Refs   []Ref  `json:"refs" nullable:"false"`
	More   bool   `json:"more,omitempty" doc:"There are more than are told"`
	// Unnamed are flags that the code names nowhere.
	Unnamed []string `json:"unnamed" nullable:"false" doc:"Flags in use that the code names nowhere"`
}

func (d *Door) mountRefs() {
	type asked struct {
		api.InApp
		Flag   string `query:"flag" doc:"Of this flag alone"`
		Branch string `query:"branch" default:"main"`
	}
	api.Register(d.API, api.View, "GET /v1/apps/{app}/flag-refs", "Show where the code of a branch, as it was pushed last, names flags", func(ctx context.Context, _ access.Identity, in *asked) (*answer[Refs], error) {
		if d.Refs == nil {
			return nil, fault.NotFound("%s has no repository here", in.App)
		}
		all, err := d.Flags.Flags(ctx, in.App, in.Flag != "") // of one that is out of use, too, code may be left
		if err != nil {
			return nil, err
		}
		words := names(all, in.Flag)
		if len(words) == 0 && in.Flag != "" {
			return nil, fault.NotFound("%s has no flag, switch or sample %q", in.App, in.Flag)
		}
		out, err := d.Refs(ctx, in.App, in.Branch, words)
		if err != nil {
			return nil, err
		}
		named := map[string]bool{}
		for _, r := range out.Refs {
			named[r.Flag] = true
		}
		out.Unnamed = []string{}
		for _, w := range words {
			if !named[w] && !out.More {
				out.Unnamed = append(out.Unnamed, w)
			}
		}
		return answerWith(out, nil)
	})
}

// names are those of flags, each once.
func names(all []flag.Flag, only string) []string {
	out := []string{}
	for i, f := range all {
		if (only == "" || f.Name == only || f.ID == only || string(f.Kind)+":"+f.Name == only) && (i == 0 || len(out) == 0 || out[len(out)-1] != f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}
