package flag

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/waffle"
)

// maxName is the length of the longest name of a flag, in characters: waffle's own.
const maxName = waffle.MaxName

// checkName says what is wrong with a name.
func checkName(name string) error {
	if n := len([]rune(name)); n == 0 || n > maxName {
		return fault.Invalid("a flag needs a name of 1 to %d characters, such as \"new-checkout\"; this has %d", maxName, n).At("body.name")
	}
	for _, r := range name {
		if r <= ' ' || r == 0x7f || strings.ContainsRune(`"'\/?#%`, r) {
			return fault.Invalid("the name %q has the character %q, which names of flags cannot have; use letters, digits, and any of - _ . : |", name, r).At("body.name")
		}
	}
	return nil
}

// checkNew says what is wrong with the name of a new flag: it must not look like a flag's kind with a name, an id, or an option, by which flags are called elsewhere.
func checkNew(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	for _, taken := range []string{"flag:", "switch:", "sample:", "flg_", "-"} {
		if strings.HasPrefix(name, taken) {
			return fault.Invalid("no name begins with %s: slipway flag could not tell it from a kind, an id or an option; choose another one", taken).At("body.name")
		}
	}
	return nil
}

// clean puts what is said of a flag in order.
func (a *About) clean(kind Kind) error {
	if a.Type == "" || kind != Rules {
		a.Type = "boolean"
	}
	if !slices.Contains([]string{"boolean", "string", "number", "json"}, a.Type) {
		return fault.Invalid("values are of type boolean, string, number or json; %q is none", a.Type).At("body.type")
	}
	for i, t := range a.Tags {
		if a.Tags[i] = strings.TrimSpace(t); a.Tags[i] == "" {
			return fault.Invalid("a tag is empty; take it out").At("body.tags")
		}
	}
	slices.Sort(a.Tags)
	a.Tags = slices.Compact(a.Tags)
	return nil
}

// clean puts a state in order, and says what is wrong with it beside its rules, which are compiled with those of all other flags.
func (s *State) clean(kind Kind, kindOfValue string) error {
	switch kind {
	case Sample:
		if err := (waffle.Sample{Name: "-", Percent: s.Percent}).Check(); err != nil {
			return fault.Invalid("%s", err).At("body.percent")
		}
		s.Off, s.Default, s.Rules, s.Audience = nil, nil, nil, nil
	case Switch:
		s.Off, s.Default, s.Rules, s.Audience, s.Percent = nil, nil, nil, nil, 0
	default:
		s.Percent = 0
		return s.cleanRules(kindOfValue)
	}
	return nil
}

func (s *State) cleanRules(kind string) error {
	if s.Audience != nil {
		if kind != "boolean" || len(s.Rules) > 0 && string(s.Rules) != "null" {
			return fault.Invalid("a flag has rules or an audience, and one with an audience is boolean; take one of the two out").At("body.audience")
		}
		s.Off, s.Default, s.Rules = nil, nil, nil
		f := s.Audience.flag("-", "")
		if err := f.Check(); err != nil {
			return fault.Invalid("%s", err).At("body.audience.percent")
		}
		return nil
	}
	for _, one := range []struct {
		name  string
		value *json.RawMessage
	}{{"off", &s.Off}, {"default", &s.Default}} {
		if len(*one.value) == 0 {
			continue
		}
		if err := compact(one.value); err != nil || !ofType(kind, *one.value) {
			return fault.Invalid("%s must be a %s, as all values of this flag are, not %s", one.name, kind, short(*one.value)).At("body." + one.name)
		}
	}
	if len(s.Rules) == 0 || string(s.Rules) == "null" {
		s.Rules = nil
		return nil
	}
	if err := compact(&s.Rules); err != nil {
		return fault.Invalid("the rules are no JSON: %s", err).At("body.rules")
	}
	if string(s.Rules) == "[]" {
		s.Rules = nil
		return nil
	}
	return rulesOfType(kind, s.Rules)
}

// rulesOfType says which value in rules is of another type than the flag's.
func rulesOfType(kind string, raw json.RawMessage) error {
	var rules []struct {
		Force      json.RawMessage   `json:"force"`
		Variations []json.RawMessage `json:"variations"`
	}
	if json.Unmarshal(raw, &rules) != nil {
		return nil // what is wrong with it is told, with its place, by the compiler
	}
	for i, r := range rules {
		if len(r.Force) > 0 && !ofType(kind, r.Force) {
			return fault.Invalid("the value of rule %d must be a %s, not %s", i+1, kind, short(r.Force)).At(fmt.Sprintf("body.rules[%d].force", i))
		}
		for j, v := range r.Variations {
			if !ofType(kind, v) {
				return fault.Invalid("variation %d of rule %d must be a %s, not %s", j+1, i+1, kind, short(v)).At(fmt.Sprintf("body.rules[%d].variations[%d]", i, j))
			}
		}
	}
	return nil
}

// checkRules says what nobody can have meant in rules that take the place of others. What is there already stays: nothing is to be in the way of switching off.
func checkRules(from, to State) error {
	if len(to.Rules) == 0 || same(from.Rules, to.Rules) {
		return nil
	}
	f := assign.CheckRules(string(to.Rules))
	if f.Count == 0 {
		return nil
	}
	return fault.Invalid("%s", f.Error()).At("body." + f.List[0].Path)
}

func compact(raw *json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Compact(&b, *raw); err != nil {
		return err
	}
	*raw = b.Bytes()
	return nil
}

// ofType tells whether a JSON text may be a value of a flag; null is one of each type.
func ofType(kind string, raw json.RawMessage) bool {
	if string(raw) == "null" {
		return true
	}
	switch raw[0] {
	case 't', 'f':
		return kind == "boolean" || kind == "json"
	case '"':
		return kind == "string" || kind == "json"
	case '{', '[':
		return kind == "json"
	}
	return kind == "number" || kind == "json"
}

func short(raw json.RawMessage) string {
	const most = 60
	if r := []rune(string(raw)); len(r) > most {
		return string(r[:most]) + "…"
	}
	return string(raw)
}

// off is the value of a flag that is off.
func (s *State) off(a *About) string {
	switch {
	case len(s.Off) > 0:
		return string(s.Off)
	case a.Type == "boolean" || a.Type == "":
		return "false"
	}
	return "null"
}

// feature writes the flag in GrowthBook's form; a sample has none, since its dice are thrown where it is asked.
func feature(b *bytes.Buffer, f *Flag, s *State) {
	switch {
	case !s.On:
		fmt.Fprintf(b, `{"defaultValue":%s}`, s.off(&f.About))
	case f.Kind == Switch:
		b.WriteString(`{"defaultValue":true}`)
	case s.Audience != nil:
		s.Audience.feature(b, f.ID)
	default:
		fmt.Fprintf(b, `{"defaultValue":%s`, s.on(f))
		if len(s.Rules) > 0 {
			b.WriteString(`,"rules":`)
			b.Write(s.Rules)
		}
		b.WriteByte('}')
	}
}

// feature writes an audience as rules for clients that evaluate for themselves, in waffle's order. Who is placed by percent is placed alike by both; what waffle keeps in cookies, and the dice
// for those who are not signed in, they do not have: they place everybody by their attribute id.
func (a *Audience) feature(b *bytes.Buffer, salt string) {
	if a.Everyone != nil {
		fmt.Fprintf(b, `{"defaultValue":%t}`, *a.Everyone)
		return
	}
	b.WriteString(`{"defaultValue":false`)
	next := `,"rules":[`
	means := func(id, attribute string, what any) {
		raw, _ := json.Marshal(what) // strings and truths
		fmt.Fprintf(b, `%s{"id":%q,"condition":{%q:%s},"force":true}`, next, id, attribute, raw)
		next = ","
	}
	type in struct {
		In []string `json:"$in"`
	}
	for _, one := range []struct {
		ok            bool
		id, attribute string
		what          any
	}{
		{len(a.Languages) > 0, "languages", "language", in{a.Languages}}, {a.Authenticated, "authenticated", "authenticated", true}, {a.Staff, "staff", "staff", true},
		{a.Superusers, "superusers", "superuser", true}, {len(a.Users) > 0, "users", "id", in{a.Users}}, {len(a.Groups) > 0, "groups", "groups", in{a.Groups}},
	} {
		if one.ok {
			means(one.id, one.attribute, one.what)
		}
	}
	if a.Percent > 0 {
		fmt.Fprintf(b, `%s{"id":"percent","force":true,"coverage":%s,"hashVersion":2,"seed":%q}`, next, strconv.FormatFloat(a.Percent/100, 'f', -1, 64), salt)
		next = ","
	}
	if next == "," {
		b.WriteByte(']')
	}
	b.WriteByte('}')
}
