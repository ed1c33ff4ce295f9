package flags

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/access"
	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/api"
	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
)

// Visitor is somebody to try flags with.
type Visitor struct {
	Attributes map[string]any `json:"attributes" doc:"What the app's clients would say of the visitor" example:"{\"id\":\"u_1\",\"country\":\"US\"}"`
	URL        string         `json:"url,omitempty" maxLength:"4096" doc:"Of the page"`
	Flags      []string       `json:"flags,omitempty" maxItems:"100" doc:"Only these; all where none is named"`
}

// Given is what a visitor would get of a flag, and why.
type Given struct {
	Flag      string          `json:"flag"`
	Value     json.RawMessage `json:"value"`
	By        string          `json:"by" doc:"What decided: off, switch (it is on for all), sample (it is drawn), default, a rule (force, experiment), a prerequisite"`
	Rule      string          `json:"rule,omitempty" doc:"The id of the rule that decided, where it has one"`
	Place     int             `json:"place,omitempty" doc:"The place of that rule among the flag's, from 1"`
	Percent   float64         `json:"percent,omitempty" doc:"Of a sample, which is drawn anew each time: the share of the questions that it is on for"`
	Variation string          `json:"variation,omitempty" doc:"The experiment's variation, by its key"`
	Problem   string          `json:"problem,omitempty"`
}

// Tried is what flags come to for a visitor.
type Tried struct {
	Flags []Given `json:"flags" nullable:"false"`
}

// Preview is a state that somebody is about to save.
type Preview struct {
	flag.State
	Visitors bool `json:"visitors,omitempty" doc:"Count last week's visitors as well, which takes a moment"`
}

// Previewed says what a state would come to.
type Previewed struct {
	Fault string `json:"fault,omitempty" doc:"Why it cannot be saved"`
	Path  string `json:"path,omitempty" doc:"Where in the state the fault is"`
	*Audience
}

func (d *Door) mountTry() {
	type asked struct {
		api.InEnvironment
		Body Visitor
	}
	api.Register(d.API, api.View, "POST /v1/apps/{app}/environments/{env}/evaluations", "Try a visitor: what would they get, and why", func(ctx context.Context, _ access.Identity, in *asked) (*answer[Tried], error) {
		set, err := d.Flags.Set(ctx, in.App, in.Env)
		if err != nil {
			return nil, err
		}
		return answerWith(try(set, in.Body))
	})
	type previewed struct {
		InState
		Body Preview
	}
	api.Register(d.API, api.View, "POST /v1/apps/{app}/environments/{env}/flags/{flag}/previews", "Check a state before it is saved, and count whom it would mean", func(ctx context.Context, _ access.Identity, in *previewed) (*answer[Previewed], error) {
		f, err := d.Flags.Find(ctx, in.App, in.Flag)
		if err != nil {
			return nil, err
		}
		state, err := numbered(in.Body.State)
		if err != nil {
			return nil, err
		}
		set, err := d.Flags.Try(ctx, in.App, f.ID, in.Env, state)
		if fault.Is(err, fault.CodeInvalid) || fault.Is(err, fault.CodeConflict) {
			out := Previewed{Fault: fault.Message(err)}
			out.Path = pathOf(err, f.Name)
			return answerWith(out, nil)
		}
		if err != nil {
			return nil, err
		}
		out := Previewed{}
		if in.Body.Visitors && f.Kind == flag.Rules {
			if out.Audience, err = d.audience(ctx, set, f, state); err != nil {
				return nil, err
			}
		}
		return answerWith(out, nil)
	})
}

// try evaluates flags for one visitor.
func try(set *flag.Set, v Visitor) (Tried, error) {
	visitor := &assign.Visitor{Attributes: v.Attributes, URL: v.URL}
	out := Tried{Flags: []Given{}}
	names := v.Flags
	if len(names) == 0 {
		names = slices.Collect(set.Server.Flags.Keys())
	}
	for _, full := range names {
		kind, name := called(full)
		f, ok := set.Server.Flag(name)
		if s, is := set.Samples[name]; is && (!ok || kind == flag.Sample) {
			out.Flags = append(out.Flags, Given{Flag: name, Value: json.RawMessage("null"), By: "sample", Percent: s.Percent})
			continue
		}
		if !ok || kind != "" && kind != f.Kind {
			return out, fault.NotFound("%s has no flag, switch or sample %q in use", set.App, full)
		}
		r := set.Server.Flags.Eval(name, visitor, nil)
		state := f.States[set.Environment]
		g := Given{Flag: name, Value: json.RawMessage(r.Value.JSON()), By: by(r.Source), Rule: r.Rule, Place: r.Place, Problem: r.Problem}
		if r.Source == assign.ByExperiment {
			g.Variation = r.Assignment.Key()
		}
		if !state.On {
			g.By = "off"
		}
		if g.By == "default" && f.Kind == flag.Switch {
			g.By = "switch"
		}
		out.Flags = append(out.Flags, g)
	}
	return out, nil
}

// called is the kind and the name of what is named as switch:NAME, or by its name alone.
func called(full string) (flag.Kind, string) {
	for _, kind := range []flag.Kind{flag.Rules, flag.Switch, flag.Sample} {
		if name, ok := strings.CutPrefix(full, string(kind)+":"); ok {
			return kind, name
		}
	}
	return "", full
}

// by says what decided, in people's words.
func by(s assign.Source) string {
	switch s {
	case assign.DefaultValue:
		return "default"
	case assign.Prerequisite, assign.CyclicPrerequisite:
		return "prerequisite"
	}
	return s.String()
}

// numbered gives each rule its place as its id, by which those are counted whom it means.
func numbered(s flag.State) (flag.State, error) {
	var rules []map[string]json.RawMessage
	if len(s.Rules) == 0 || json.Unmarshal(s.Rules, &rules) != nil {
		return s, nil // what is wrong with them is told by who compiles them
	}
	for i, r := range rules {
		if r != nil {
			r["id"] = json.RawMessage(strconv.Quote(strconv.Itoa(i)))
		}
	}
	var err error
	s.Rules, err = json.Marshal(rules)
	return s, err
}

// pathOf is where in the state a fault is, if it is in this flag: who checks values says so, and the compiler names the place within the whole payload.
func pathOf(err error, name string) string {
	var e *fault.Error
	if errors.As(err, &e) && strings.HasPrefix(e.Field, "body.") {
		return strings.TrimPrefix(e.Field, "body.")
	}
	_, rest, ok := strings.Cut(fault.Message(err), "features."+name+".")
	if !ok {
		return ""
	}
	if end := strings.IndexAny(rest, ": "); end >= 0 {
		rest = rest[:end]
	}
	return strings.Replace(rest, "defaultValue", "default", 1)
}

// attribute is what is known of an attribute of visitors.
type attribute struct {
	Name     string   `json:"name"`
	Visitors int64    `json:"visitors" doc:"Who have it, about"`
	Examples []string `json:"examples" nullable:"false" doc:"Some of its values, the most frequent first"`
}

// attributes counts what visitors have.
func attributes(sample []map[string]any, scale float64) []attribute {
	const values = 5
	counts, seen := map[string]int64{}, map[string]map[string]int{}
	for _, v := range sample {
		for name, value := range v {
			counts[name]++
			if seen[name] == nil {
				seen[name] = map[string]int{}
			}
			if raw, err := json.Marshal(value); err == nil && len(raw) < 60 && len(seen[name]) < 1000 {
				seen[name][string(raw)]++
			}
		}
	}
	out := make([]attribute, 0, len(counts))
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		frequent := slices.SortedFunc(maps.Keys(seen[name]), func(a, b string) int {
			if d := seen[name][b] - seen[name][a]; d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		out = append(out, attribute{name, int64(float64(counts[name])*scale + .5), frequent[:min(values, len(frequent))]})
	}
	return out
}
