package waffle

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/slipwayhq/slipway/internal/decide/flag"
	"github.com/slipwayhq/slipway/internal/door/expose"
	"github.com/slipwayhq/slipway/internal/pure/assign"
	"github.com/slipwayhq/slipway/internal/pure/capture"
	pure "github.com/slipwayhq/slipway/internal/pure/waffle"
)

// asked is one request: by whose key, who asks, and what was decided so far.
type asked struct {
	door    *Door
	key     flag.Key
	set     *flag.Set
	view    *flag.View
	who     asker
	request pure.Request
	visitor assign.Visitor
	decided map[string]pure.Decision
}

// ask is a request by a page, or by a backend.
func (d *Door) ask(w http.ResponseWriter, r *http.Request) (*asked, error) {
	k, err := d.key(r)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	if r.Method == http.MethodPost {
		if k.Kind != server {
			return nil, errServers
		}
		var who asker
		if err := ofBody(w, r, &who); err != nil {
			return nil, err
		}
		return d.by(r.Context(), k, who, r.Header)
	}
	who, err := ofQuery(q)
	if err != nil {
		return nil, err
	}
	a, err := d.by(r.Context(), k, who, r.Header)
	if err != nil {
		return nil, err
	}
	a.request.Query = func(name string) (string, bool) {
		if own(name) {
			return "", false
		}
		return lastOf(q[name])
	}
	a.request.Header = func(name string) (string, bool) { return lastOf(r.Header.Values(name)) }
	a.request.Cookie = cookieOf(r)
	return a, nil
}

// by is a question by a key. What a visitor cannot say of himself does not count where everybody may have the key (ADR 122).
func (d *Door) by(ctx context.Context, k flag.Key, who asker, h http.Header) (*asked, error) {
	if err := who.check(); err != nil {
		return nil, err
	}
	if k.Kind != server {
		who.Staff, who.Superuser, who.Groups = false, false, nil
	}
	if who.Release == "" {
		who.Release = h.Get("Slipway-Release")
	}
	set, err := d.Flags.Set(ctx, k.App, k.Environment)
	if err != nil {
		return nil, err
	}
	groups := make([]any, 0, len(who.Groups))
	for _, g := range who.Groups {
		groups = append(groups, g)
	}
	attributes := map[string]any{"staff": who.Staff, "superuser": who.Superuser, "groups": groups, "authenticated": who.User != ""}
	if who.User != "" {
		attributes["id"] = string(who.User)
	}
	if who.Language != "" {
		attributes["language"] = who.Language
	}
	return &asked{
		door: d, key: k, set: set, view: set.View(k), who: who,
		request: pure.Request{
			Query: lookup(who.Query, false), Header: lookup(who.Headers, true), Cookie: lookup(who.Cookies, false),
			Language: who.Language, User: string(who.User), Staff: who.Staff, Superuser: who.Superuser, Groups: who.Groups, ReadOnly: who.ReadOnly,
		},
		visitor: assign.Visitor{Attributes: attributes}, decided: map[string]pure.Decision{},
	}, nil
}

// Reasons beside waffle's own: a flag that has rules in the place of an audience, and what decided among them.
const byRules = "rules: "

// flag decides a flag, once. ok is false where there is none, or where the key may not know of it.
func (a *asked) flag(name string) (d pure.Decision, ok bool) {
	if d, ok := a.decided[name]; ok {
		return d, true
	}
	f, ok := a.view.Flag(name)
	if !ok || f.Kind != flag.Rules {
		return a.set.Settings.Waffle().Missing(), false
	}
	if audience := a.set.Audiences[name]; audience != nil {
		a.request.Draw = a.draw()
		d = a.set.Settings.Waffle().Decide(audience, &a.request)
		if d.Reason == pure.ByPlace || d.Reason == pure.ByCookie || d.Reason == pure.ByDraw {
			a.shown(name, written(d.Active))
		}
	} else {
		d = a.rules(name)
	}
	a.decided[name] = d
	return d, true
}

// rules decides a flag by rules. What WAFFLE_OVERRIDE says counts before them, as it does before an audience.
func (a *asked) rules(name string) pure.Decision {
	if a.set.Settings.Override && a.request.Query != nil {
		if v, ok := a.request.Query(name); ok {
			return pure.Decision{Active: v == "1", Reason: pure.ByOverride}
		}
	}
	var trail assign.Trail
	r := a.view.Flags.Eval(name, &a.visitor, &trail)
	for i := range trail.Exposures {
		e := &trail.Exposures[i]
		key, _ := json.Marshal(e.Key()) // a text can be encoded
		a.shown(e.Experiment.Key, string(key))
	}
	return pure.Decision{Active: r.On, Reason: pure.Reason(byRules + strings.TrimSpace(r.Source.String()+" "+r.Rule))}
}

// shown records what the visitor got, if it may have to be counted: not by read-only questions, after which nothing is shown.
func (a *asked) shown(name, value string) {
	if a.who.ReadOnly {
		return
	}
	a.door.Exposures.Record(expose.Exposure{
		Shown:   capture.Shown{App: a.set.App, Environment: a.set.Environment, User: string(a.who.User), Anonymous: string(a.who.Anonymous), Flag: name, Value: value},
		Release: a.who.Release,
	})
}

// draw is from 0 to 100.
func (a *asked) draw() float64 { return 100 * a.door.Dice() }

// cookies are those that the decisions set, by name.
func (a *asked) cookies() map[string]*pure.Cookie {
	out := map[string]*pure.Cookie{}
	for _, d := range a.decided {
		if d.Cookie != nil {
			out[d.Cookie.Name] = d.Cookie
		}
	}
	return out
}

// written is a truth as JSON has it.
func written(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
