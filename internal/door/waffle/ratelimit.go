package waffle

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/ratelimit"
)

var errAccount error = fault.Unauthorized("send HTTP Basic with the app's name as the account, and a key of its flags for servers")

// account finds whose key a client of RateLim.it brings, whose account is the app.
func (d *Door) account(w http.ResponseWriter, r *http.Request) (*asked, error) {
	name, sent, _ := r.BasicAuth()
	k, ok := d.Flags.Key(sent)
	if !ok || k.Kind != server || k.App != name {
		w.Header().Set("WWW-Authenticate", `Basic realm="flags"`)
		return nil, errAccount
	}
	q := r.URL.Query()
	return d.by(r.Context(), k, asker{User: id(q.Get("lookupKey")), Groups: append(q["attributes[]"], q["attributes"]...)}, r.Header)
}

// features lists what a client can decide for itself: all but flags whose rules do not give everybody the same.
func (d *Door) features(w http.ResponseWriter, r *http.Request) error {
	a, err := d.account(w, r)
	if err != nil {
		return err
	}
	list := []ratelimit.Feature{}
	for name := range a.view.Flags.Keys() {
		if f, ok := a.feature(name); ok {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b ratelimit.Feature) int { return strings.Compare(a.Name, b.Name) })
	if !strings.Contains(r.Header.Get("Accept")+r.Header.Get("Content-Type"), "protobuf") { // the client for Java says it of a body that it does not send
		return writeJSON(w, list)
	}
	account, _ := strconv.ParseInt(a.set.App, 10, 64) // 0: the name is no number
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(ratelimit.AppendFeatures(nil, account, list)) // who does not listen any more needs no answer
	return nil
}

// featureOn decides one flag: as the client would if it is in the list, and else by its rules, with the key as the user and the attributes as the groups.
func (d *Door) featureOn(w http.ResponseWriter, r *http.Request) error {
	a, err := d.account(w, r)
	if err != nil {
		return err
	}
	name, on := r.PathValue("feature"), false
	if f, ok := a.feature(name); ok {
		var placed bool
		if on, placed = f.On(a.set.App, string(a.who.User), a.who.Groups, d.Dice()); placed && f.Pct > 0 && f.Pct < 1 {
			a.shown(name, written(on))
		}
	} else if _, ok := a.view.Flag(name); ok {
		on = a.rules(name).Active
	}
	return writeJSON(w, on)
}

// feature is a flag as RateLim.it's clients know them; ok is false where it cannot be said in their words.
func (a *asked) feature(name string) (out ratelimit.Feature, ok bool) {
	f, ok := a.view.Flag(name)
	if !ok {
		return out, false
	}
	out = ratelimit.Feature{Name: name, Whitelisted: []string{}}
	state := f.States[a.set.Environment]
	switch audience := state.Audience; {
	case audience != nil && state.On && audience.Everyone == nil:
		out.Pct = math.Round(audience.Percent*10) / 1000
		out.Whitelisted = append(append(out.Whitelisted, audience.Users...), audience.Groups...)
	case audience == nil && state.On && !same(state.Rules):
		return out, false
	case a.view.Flags.Eval(name, &assign.Visitor{}, nil).On: // whoever asks
		out.Pct = 1
	}
	return out, true
}

// same tells whether rules give everybody the same: there are none, or the first forces a value without asking anything.
func same(raw json.RawMessage) bool {
	if len(raw) == 0 {
		return true
	}
	var rules []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &rules); err != nil {
		return false
	}
	if len(rules) == 0 {
		return true
	}
	for name := range rules[0] {
		if name != "force" && name != "id" {
			return false
		}
	}
	return rules[0]["force"] != nil
}
