package flag

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Stale says why a flag can be taken out of the code, in an environment: it has given the same to everybody for a while. It is empty where it cannot.
func (f *Flag) Stale(env string, s Settings, now time.Time) string {
	state, ok := f.States[env]
	if !ok || f.Permanent || !f.ArchivedAt.IsZero() || f.Kind == Sample {
		return ""
	}
	days := usualStaleDays
	if s.StaleDays > 0 {
		days = s.StaleDays
	}
	if f.StaleDays > 0 {
		days = f.StaleDays
	}
	since := state.ChangedAt
	if now.Sub(since) < time.Duration(days)*24*time.Hour {
		return ""
	}
	value, same := state.forAll(f)
	if !same {
		return ""
	}
	return fmt.Sprintf("everybody has had %s for %d days; take the flag out of the code, and then out of use", value, int(now.Sub(since).Hours()/24))
}

// forAll gives the value that everybody has, if all have the same.
func (s *State) forAll(f *Flag) (value string, same bool) {
	switch {
	case !s.On:
		return s.off(&f.About), true
	case f.Kind == Switch:
		return "true", true
	case s.Audience != nil && s.Audience.Everyone != nil:
		return strconv.FormatBool(*s.Audience.Everyone), true
	case s.Audience != nil:
		return "false", s.Audience.Percent == 0 && !s.Audience.Testing && !s.Audience.Superusers && !s.Audience.Staff && !s.Audience.Authenticated && len(s.Audience.Languages)+len(s.Audience.Groups)+len(s.Audience.Users) == 0
	case len(s.Rules) == 0:
		return s.on(f), true
	}
	var rules []members
	if json.Unmarshal(s.Rules, &rules) != nil || len(rules) == 0 {
		return "", false
	}
	// The first rule decides for all, if it forces and asks for nothing.
	first := rules[0]
	force, forces := first["force"]
	for name := range first {
		if !slices.Contains([]string{"id", "force", "coverage", "seed", "hashVersion", "hashAttribute"}, name) {
			return "", false
		}
	}
	part, has := first["coverage"]
	return string(force), forces && (!has || string(part) == "1")
}

// on is the value of a flag that is on, where no rule decides.
func (s *State) on(f *Flag) string {
	switch off := s.off(&f.About); {
	case len(s.Default) > 0:
		return string(s.Default)
	case len(s.Rules) == 0 && off == "false":
		return "true"
	default:
		return off
	}
}

// Needs are the flags and groups that a flag's rules name, in any environment.
type Needs struct {
	Flags  []string `json:"flags,omitempty" doc:"Flags that must be as a rule says before it counts"`
	Groups []string `json:"groups,omitempty"`
	By     []string `json:"by,omitempty" doc:"Flags that need this one"`
}

// NeedsOf tells, by the flags' ids, what each needs and what needs it.
func NeedsOf(all []Flag) map[string]Needs {
	out := make(map[string]Needs, len(all))
	by := map[string][]string{}
	for i := range all {
		f := &all[i]
		flags, groups := map[string]bool{}, map[string]bool{}
		for _, s := range f.States {
			var rules any
			if json.Unmarshal(s.Rules, &rules) == nil {
				named(rules, "", flags, groups)
			}
		}
		n := Needs{Flags: slices.Sorted(maps.Keys(flags)), Groups: slices.Sorted(maps.Keys(groups))}
		for _, name := range n.Flags {
			by[name] = append(by[name], f.Name)
		}
		out[f.ID] = n
	}
	for i := range all {
		n := out[all[i].ID]
		n.By = by[all[i].Name]
		out[all[i].ID] = n
	}
	return out
}

// named looks for what a piece of rules names: groups by $inGroup, $notInGroup and $savedGroup, flags by parentConditions.
func named(v any, within string, flags, groups map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			named(one, within, flags, groups)
		}
	case map[string]any:
		if id, ok := v["id"].(string); ok {
			switch within {
			case "parentConditions":
				flags[id] = true
			case "$savedGroup":
				groups[id] = true
			}
		}
		for name, one := range v {
			if id, ok := one.(string); ok && (name == "$inGroup" || name == "$notInGroup") {
				groups[id] = true
			}
			named(one, name, flags, groups)
		}
	}
}
