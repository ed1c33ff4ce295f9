package flag

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/waffle"
)

// Set is all that one environment of an app evaluates with. It does not change.
type Set struct {
	App, Environment string
	// Revision moves with every change of the app's flags, and Changed with it; neither ever goes back.
	Revision int64
	Changed  time.Time
	Settings Settings
	// Server is what servers may know, Client what everybody may who opens a page.
	Server, Client *View
	// Waffle's own kinds, by name, those that are off among them.
	Audiences map[string]*waffle.Flag
	Switches  map[string]waffle.Switch
	Samples   map[string]waffle.Sample
	// All are those in use, by id and with all that is known of them; States beside them is that of this environment.
	All []Flag
}

// View is what one kind of client may know.
type View struct {
	Flags   *assign.Flags
	Payload []byte // in GrowthBook's form, with the savedGroups that they name
	names   map[string]*Flag
}

// Flag tells of a flag that the view has.
func (v *View) Flag(name string) (*Flag, bool) {
	f, ok := v.names[name]
	return f, ok
}

// View gives what a key may see.
func (s *Set) View(k Key) *View {
	if k.Kind == "server" {
		return s.Server
	}
	return s.Client
}

// stored is what the store has of an app, from which its Sets are made.
type stored struct {
	app      string
	flags    []Flag // in use
	groups   []Group
	settings Settings
	changes  int64
	changed  time.Time
}

// set compiles one environment. A fault is an error, since nothing is saved that has one.
func (st *stored) set(env string) (*Set, error) {
	s := &Set{
		App: st.app, Environment: env, Revision: st.changes, Changed: st.changed, Settings: st.settings, All: st.flags,
		Audiences: map[string]*waffle.Flag{}, Switches: map[string]waffle.Switch{}, Samples: map[string]waffle.Sample{},
	}
	hidden := len(st.groups) > 0 // browsers are told of those alone that their flags name
	for i := range st.flags {
		f := &st.flags[i]
		state := f.States[env]
		hidden = hidden || f.Server
		switch {
		case f.Kind == Switch:
			s.Switches[f.Name] = waffle.Switch{Name: f.Name, Active: state.On}
		case f.Kind == Sample && state.On:
			s.Samples[f.Name] = waffle.Sample{Name: f.Name, Percent: state.Percent}
		case f.Kind == Sample:
			s.Samples[f.Name] = waffle.Sample{Name: f.Name}
		case state.Audience != nil && state.On:
			s.Audiences[f.Name] = state.Audience.flag(f.Name, f.ID)
		case state.Audience != nil:
			no := false
			s.Audiences[f.Name] = &waffle.Flag{Name: f.Name, Everyone: &no}
		}
	}
	var err error
	if s.Server, err = st.view(env, false); err != nil {
		return nil, err
	}
	if s.Client = s.Server; hidden {
		if s.Client, err = st.view(env, true); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// view compiles what servers may know, or what browsers may.
func (st *stored) view(env string, browser bool) (*View, error) {
	v := &View{names: map[string]*Flag{}}
	var b bytes.Buffer
	b.WriteString(`{"status":200,"features":{`)
	next := ""
	// Where a switch and a flag have one name, clients that know but one kind are told of the flag.
	inOrder := make([]*Flag, 0, len(st.flags))
	for i := range st.flags {
		if f := &st.flags[i]; f.Kind != Sample && (!browser || !f.Server) {
			inOrder = append(inOrder, f)
		}
	}
	slices.SortStableFunc(inOrder, func(a, b *Flag) int { return cmp.Compare(a.Kind, b.Kind) }) // "flag" < "switch"
	var shown []State
	for _, f := range inOrder {
		if _, taken := v.names[f.Name]; taken {
			continue
		}
		v.names[f.Name] = f
		state := f.States[env]
		if state.On {
			shown = append(shown, state)
		}
		fmt.Fprintf(&b, "%s%s:", next, quoted(f.Name))
		feature(&b, f, &state)
		next = ","
	}
	b.WriteByte('}')
	st.writeGroups(&b, shown, browser)
	fmt.Fprintf(&b, `,"dateUpdated":%q}`, st.changed.UTC().Format("2006-01-02T15:04:05.000000Z"))
	v.Payload = b.Bytes()
	var err error
	v.Flags, err = assign.Compile(v.Payload, assign.Options{Strict: true})
	return v, told(err, browser)
}

// writeGroups writes the groups: servers are told of all, browsers of those that their flags name. Who is in another one is nobody's business there.
func (st *stored) writeGroups(b *bytes.Buffer, shown []State, browser bool) {
	var named map[string]bool
	if browser {
		named = st.named(shown...)
	}
	next := `,"savedGroups":{`
	for _, g := range st.groups {
		if browser && !named[g.ID] {
			continue
		}
		fmt.Fprintf(b, "%s%s:%s", next, quoted(g.ID), g.Definition)
		next = ","
	}
	if next == "," {
		b.WriteByte('}')
	}
}

func quoted(s string) string {
	raw, _ := json.Marshal(s) // a string can be encoded
	return string(raw)
}

// told makes the compiler's faults the caller's.
func told(err error, browser bool) error {
	if err == nil {
		return nil
	}
	where := ""
	if browser {
		where = ", as browsers see them (a flag for servers alone cannot come before one that browsers see)"
	}
	var faults *assign.Faults
	if errors.As(err, &faults) && len(faults.List) > 0 {
		return fault.Invalid("%s%s", faults.Error(), where).At("body")
	}
	return fault.Invalid("the flags cannot be read%s: %s", where, err).At("body")
}
