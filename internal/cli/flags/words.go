package flags

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/apiclient"
	"github.com/slipwayhq/slipway/internal/fault"
)

// audience is whom a flag is on for, as far as it is told in few words.
type audience struct {
	Everyone                                  *bool
	Percent                                   float64
	Superusers, Staff, Authenticated, Testing bool
	Languages, Groups, Users                  []string
}

// ruled is what a rule has, as far as it is told in few words.
type ruled struct {
	Condition  json.RawMessage
	Force      json.RawMessage
	Coverage   *float64
	Variations []json.RawMessage
}

// brief is what a flag gives in an environment, in the page's words: "on for all", "10 %, staff", "2 rules", "ramp at 10 %", "off".
func brief(f apiclient.Flag, env string, s apiclient.FlagState) string {
	if string(s["on"]) != "true" {
		return "off"
	}
	switch f.Kind {
	case "switch":
		return "on for all"
	case "sample":
		return or(string(s["percent"]), "0") + " %"
	}
	var whom *audience
	var rules []json.RawMessage
	_, _ = json.Unmarshal(s["audience"], &whom), json.Unmarshal(s["rules"], &rules)
	ramp, ramped := f.Ramps[env]
	switch {
	case ramped:
		return "ramp at " + part(ramp.Share)
	case whom != nil:
		return whom.words()
	case len(rules) == 0:
		return forAll(otherwise(f, s))
	}
	return ruleWords(rules)
}

func ruleWords(rules []json.RawMessage) string {
	var first ruled
	var members map[string]json.RawMessage
	_, _ = json.Unmarshal(rules[0], &first), json.Unmarshal(rules[0], &members)
	free := len(first.Force) > 0
	for name := range members {
		free = free && slices.Contains([]string{"id", "force", "coverage", "seed", "hashVersion", "hashAttribute"}, name)
	}
	switch {
	case free && (first.Coverage == nil || *first.Coverage >= 1):
		return forAll(string(first.Force))
	case free && len(rules) == 1:
		return part(*first.Coverage)
	case len(rules) == 1 && len(first.Variations) > 0:
		return "experiment"
	case len(rules) == 1:
		return "1 rule"
	}
	return fmt.Sprintf("%d rules", len(rules))
}

// otherwise is what a flag gives, while it is on, where it has no rules.
func otherwise(f apiclient.Flag, s apiclient.FlagState) string {
	off := string(s["off"])
	switch boolean := f.Type == "" || f.Type == "boolean"; {
	case len(s["default"]) > 0:
		return string(s["default"])
	case boolean && (off == "" || off == "false"):
		return "true"
	}
	return or(off, "null")
}

func forAll(value string) string {
	switch value {
	case "true":
		return "on for all"
	case "false":
		return "off for all"
	}
	if r := []rune(value); len(r) > 18 {
		value = string(r[:17]) + "…"
	}
	return value + " for all"
}

func (a *audience) words() string {
	if a.Everyone != nil {
		return map[bool]string{true: "on for all", false: "off for all"}[*a.Everyone]
	}
	said := []string{}
	for _, one := range []struct {
		so   bool
		text string
	}{
		{a.Percent > 0, strconv.FormatFloat(a.Percent, 'f', -1, 64) + " %"}, {a.Superusers, "superusers"}, {a.Staff, "staff"}, {a.Authenticated, "signed in"},
		{len(a.Languages) > 0, plural(len(a.Languages), "language")}, {len(a.Groups) > 0, plural(len(a.Groups), "group")}, {len(a.Users) > 0, plural(len(a.Users), "user")}, {a.Testing, "testers"},
	} {
		if one.so {
			said = append(said, one.text)
		}
	}
	const shown = 2
	switch {
	case len(said) == 0:
		return "on for nobody"
	case len(said) > shown:
		return strings.Join(said[:shown], ", ") + fmt.Sprintf(" and %d more", len(said)-shown)
	}
	return strings.Join(said, ", ")
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// jsonFault says where a text stops being JSON, by line and column; nil where it is JSON.
func jsonFault(file string, text []byte) error {
	var any json.RawMessage
	err := json.Unmarshal(text, &any)
	if err == nil {
		return nil
	}
	if file == "-" {
		file = "standard input"
	}
	at := int64(len(text))
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = max(0, syntax.Offset-1)
	}
	before := text[:min(at, int64(len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fault.Invalid("%s:%d:%d: this is no JSON: %s", file, line, column, strings.TrimPrefix(err.Error(), "json: "))
}

// called is how people name what the server calls switch:NAME.
func called(full string) string {
	for _, kind := range []string{"flag", "switch", "sample"} {
		if name, ok := strings.CutPrefix(full, kind+":"); ok {
			return kind + " " + name
		}
	}
	return "flag " + full
}

// who is who did something, as the page says it.
func who(actor string) string {
	if strings.HasPrefix(actor, "system:") {
		return "Slipway"
	}
	return strings.TrimPrefix(actor, "person:")
}
